"""The model card: the definitions it carries, how many rows had no history, and cards of other formats."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.domain.errors import VerificationFailed
from reconciler.domain.jobs import CARD_FORMAT, CheckJob, ModelCard
from reconciler.domain.record import ColdStart
from reconciler.tasks.customer_payment.history import without_history
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import load
from reconciler.training.check import check
from reconciler.training.study import recipe_of, study
from reconciler.training.train import train
from tests.training.made import quiet, recipe, train_job

GOLDEN = Path(__file__).parent / "golden"


def _golden(name: str) -> ModelCard:
    return ModelCard.read((GOLDEN / name).read_bytes())


def test_a_card_carries_the_definition_of_each_input(trained: dict[str, bytes]) -> None:
    for each in ModelCard.read(trained["model-card.json"]).inputs:
        spec = SPEC.features[each.name]
        assert (each.summary, each.unit, each.group) == (spec.summary, spec.unit, spec.group)
        assert (each.known_at, each.without_history) == (spec.known, spec.cold) and each.unit


def test_result_and_card_say_how_many_of_the_fitted_rows_have_no_history(snapshot: Path) -> None:
    spec = recipe(data={"filters": [{"field": "amount", "op": "ge", "value": 500}]})
    result, files = train(train_job(snapshot, spec), quiet)
    this = study(load(snapshot), recipe_of(spec))
    known, customer = this.tables.days("known_date"), this.tables.customer
    slow = sum(
        not any(customer[other] == customer[row] and known[other] < day for other in range(len(known)))
        for row, day, wanted in zip(this.rows, this.invoiced, this.wanted, strict=True)
        if wanted
    )
    told = ColdStart(rows=result.rows, without_history=slow)
    assert 0 < slow < result.rows < len(this.rows)
    assert result.cold_start == told == ModelCard.read(files["model-card.json"]).cold_start
    assert result.reported is not None and result.reported.without_history is not None


def test_a_cold_start_is_said_in_words() -> None:
    assert str(ColdStart(rows=2258, without_history=143)) == "2,258 rows, 143 (6.3%) without history"
    assert str(ColdStart(rows=0, without_history=0)) == "0 rows, 0 (0.0%) without history"


def test_a_customer_that_settles_on_the_as_of_date_still_has_no_history() -> None:
    from reconciler.tasks.customer_payment.settlements import Rows
    from tests.training.tables import line, of_lines

    tables = of_lines([line("A", 0, paid=0), line("A", 30), line("A", 31), line("B", 40)])
    rows = Rows(tables.customer * 0 + [0, 1, 2, 3], tables.customer * 0 + [0, 30, 31, 40])
    assert without_history(tables, rows).tolist() == [True, True, False, True]


def test_a_card_of_format_1_is_read_and_its_model_still_checked(tmp_path: Path) -> None:
    card = _golden("card-1.json")
    assert card.format_version == 1 and card.cold_start is None
    assert [(each.unit, each.known_at) for each in card.inputs] == [("", "")] * len(card.inputs)
    (tmp_path / "model.onnx").write_bytes((GOLDEN / "model-1.onnx").read_bytes())
    (tmp_path / "model-card.json").write_bytes((GOLDEN / "card-1.json").read_bytes())
    job = CheckJob(model=card.model, version=card.version, artifact_folder=str(tmp_path))
    assert check(job, quiet).probe < 1e-5


def test_a_card_of_format_2_is_read_and_does_not_know_of_masks() -> None:
    card = _golden("card-2.json")
    assert card.format_version == 2 and card.masks is None and card.cold_start is not None


def test_a_card_says_what_the_job_says_of_masks(snapshot: Path) -> None:
    job = train_job(snapshot).model_copy(update={"masks": {"amount": "round 10"}})
    assert ModelCard.read(train(job, quiet)[1]["model-card.json"]).masks == {"amount": "round 10"}


def test_the_present_card_has_the_golden_form(logistic: dict[str, bytes]) -> None:
    """Keys and types; the figures are another machine's to repeat. RECONCILER_GOLDEN=write accepts a new one."""
    if os.environ.get("RECONCILER_GOLDEN") == "write":
        (GOLDEN / f"card-{CARD_FORMAT}.json").write_bytes(logistic["model-card.json"])
    golden, made = _golden(f"card-{CARD_FORMAT}.json"), ModelCard.read(logistic["model-card.json"])
    assert golden.format_version == made.format_version == CARD_FORMAT
    assert json.loads(golden.model_dump_json()).keys() == json.loads(logistic["model-card.json"]).keys()
    assert golden.inputs == made.inputs and golden.cold_start == made.cold_start


def test_a_card_of_a_newer_format_is_refused_with_the_way_out() -> None:
    card = json.loads((GOLDEN / "card-1.json").read_text())
    newer = {**card, "format_version": CARD_FORMAT + 1, "colour": "green"}
    with pytest.raises(VerificationFailed, match=f"has format {CARD_FORMAT + 1}, this reconciler reads up to") as told:
        ModelCard.read(json.dumps(newer).encode())
    assert told.value.next_step == "upgrade the reconciler"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format_version": null}', b"\xff", b"[" * 100_000])
def test_what_is_no_card_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationFailed, match="not a model card"):
        ModelCard.read(content)
