"""How many rows had no history is said where a model is trained, shown and judged."""

from __future__ import annotations

from reconciler.cli.views.judgements import judgement_lines
from reconciler.domain.record import Judgement
from tests.support.company import Company
from tests.support.receivables_yaml import MODEL

SAID = "1,000 rows, 63 (6.3%) without history"


def test_a_training_says_on_how_many_rows_and_how_many_of_them_have_no_history(company: Company) -> None:
    company.add("1.0.0")
    done = company.run("apply", "--yes")
    assert [line for line in done.out.splitlines() if "train" in line and line.endswith(f"succeeded: {SAID}")]
    assert f"succeeded ({SAID})" in done.err


def test_show_says_it_of_the_artifact_and_the_ledger_keeps_it(shop: Company) -> None:
    assert f"trained on {SAID}" in shop.run("show", f"{MODEL}@1.0.0").out
    artifact = shop.run("show", f"{MODEL}@1.0.0", "-o", "json").json["artifact"]
    assert artifact["cold_start"] == {"rows": 1000, "without_history": 63}


def test_a_judgement_says_it_of_the_exams_rows_where_it_is_known(shop: Company) -> None:
    document = shop.run("show", f"{MODEL}@1.0.0", "-o", "json").json["judgements"][0]
    older = Judgement.model_validate(document)
    newer = older.model_copy(update={"figures": older.figures.model_copy(update={"without_history": 12})})
    assert "without history" not in judgement_lines(older)[-1]
    assert judgement_lines(newer)[-1].endswith("on, 12 of them of customers without history")
