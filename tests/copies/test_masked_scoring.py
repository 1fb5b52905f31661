"""A field that is masked in the copy is masked the same where the model scores, or the prediction is refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.support.company import Company
from tests.support.receivables_yaml import habits, version

pytestmark = pytest.mark.real

AS_OF = date(2026, 2, 28)
KEY = "a key of production that is long enough"
MASKS: dict[str, Any] = {
    "customer": "pseudonym",
    "invoice": "hash",
    "legal_entity": "pseudonym",
    "amount": {"round": 100},
    "invoice_date": {"coarsen": "week"},
    "country": "hash",
}


def with_masks(company: Company, masks: dict[str, Any]) -> None:
    """Production's owner masks fields, and the copy is taken anew."""
    data = {**company.specs["production"]["data"], "masks": masks, "maskKey": "mask"}
    mapping = {**data["invoices"]["mapping"], "country": {"column": "legal_entity", "knownAt": "invoice-date"}}
    data["invoices"] = {**data["invoices"], "mapping": mapping}
    company.merge(company.rules("production", data=data))
    company.run("apply", "--yes", "-q")
    company.run("data", "refresh", "sandbox")


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Production serves a model that was really trained on a masked copy."""
    company = Company.found(tmp_path_factory.mktemp("masked"), "local", production={"gates": []})
    company.trainer = None
    company.environment["RECONCILER_CREDENTIALS_MASK"] = KEY
    text = habits(AS_OF, 300).splitlines()
    rows = [",".join([("nomf", "semf")[i % 2], *row.split(",")[1:]]) for i, row in enumerate(text[1:])]
    company.books("\n".join([text[0], *rows]) + "\n")
    with_masks(company, MASKS)
    written = {
        path: str(text).replace("[invoice, customer-history]", "[invoice, terms, country, customer-history]")
        for path, text in version("1.0.0", trees=10).items()
    }
    company.merge({**written, **company.release("sandbox", "{version: 1.0.0}")})
    company.apply()
    company.promote()
    company.apply()
    assert company.serves() == "1.0.0"
    return company


def predicted(company: Company, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = company.run("predict", "-e", name, "--as-of", AS_OF.isoformat(), "-o", "json").json[
        "predictions"
    ]
    return rows


def figures(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("invoice_date", "due_date", "amount", "on_time", "late", "very_late")
    return sorted(tuple(row[name] for name in names) for row in rows)


def test_the_copy_holds_no_account_and_predictions_of_it_neither(masked: Company) -> None:
    accounts = {row.split(",")[2] for row in (masked.folder / "data/invoices.csv").read_text().splitlines()[1:]}
    rows = predicted(masked, "sandbox")
    assert rows and not accounts & {row["customer"] for row in rows}


def test_production_scores_its_own_rows_as_the_masked_copy_is_scored(masked: Company) -> None:
    own, copied = predicted(masked, "production"), predicted(masked, "sandbox")
    assert len(own) > 10
    assert figures(own) == figures(copied)


def test_production_s_predictions_bear_its_own_numbers_and_accounts(masked: Company) -> None:
    text = (masked.folder / "data/invoices.csv").read_text().splitlines()[1:]
    known = {tuple(row.split(",")[:3]) for row in text}
    for row in predicted(masked, "production"):
        assert (row["legal_entity"], row["invoice"], row["customer"]) in known


def test_masks_that_were_left_out_would_give_other_figures(masked: Company) -> None:
    """What the test above is worth: the model does read what is masked."""
    card = json.loads((masked.home / "targets/production/payment-prediction/model-card.json").read_bytes())
    assert {"amount", "country"} & {each["name"] for each in card["inputs"]}


def test_predictions_say_on_every_row_and_once_aloud_what_of_them_is_masked(masked: Company) -> None:
    shown = "amount: round 100; invoice_date: coarsen week"
    assert {row["masked"] for row in predicted(masked, "production")} == {shown}
    copied = (
        "amount: round 100; customer: pseudonym; invoice: hash; invoice_date: coarsen week; legal_entity: pseudonym"
    )
    assert {row["masked"] for row in predicted(masked, "sandbox")} == {copied}
    told = masked.run("predict", "-e", "production", "--as-of", AS_OF.isoformat())
    assert "masked" in told.out.splitlines()[0].split(",")
    assert "amount (round 100), invoice_date (coarsen week)" in told.err


def test_the_card_and_show_name_what_was_masked_and_how_and_never_a_key(masked: Company) -> None:
    card = json.loads((masked.home / "targets/production/payment-prediction/model-card.json").read_bytes())
    assert card["masks"] == {
        "amount": "round 100",
        "country": "hash",
        "customer": "pseudonym",
        "invoice": "hash",
        "invoice_date": "coarsen week",
        "legal_entity": "pseudonym",
    }
    assert "masked in it: amount (round 100), country (hash)" in masked.run("show", "payment-prediction").out
    assert KEY not in json.dumps(card)


def test_another_key_is_refused_and_so_is_none(masked: Company) -> None:
    try:
        for key, said in (("another key of production, also long", "is not the one of the copy"), ("", "are not set")):
            masked.environment["RECONCILER_CREDENTIALS_MASK"] = key
            assert said in masked.run("predict", "-e", "production", "--as-of", "2026-02-28", code=1).err
    finally:
        masked.environment["RECONCILER_CREDENTIALS_MASK"] = KEY


def test_a_copy_that_is_masked_otherwise_than_the_model_s_is_refused(masked: Company) -> None:
    with_masks(masked, {**MASKS, "amount": {"round": 10}})
    try:
        told = masked.run("predict", "-e", "sandbox", code=3).err
    finally:
        with_masks(masked, MASKS)
    assert "amount is masked by round 10 now, and was masked by round 100" in told and "customer" not in told
    assert figures(predicted(masked, "production"))


def test_no_key_and_no_account_is_in_anything_that_was_written(masked: Company) -> None:
    accounts = {row.split(",")[2] for row in (masked.folder / "data/invoices.csv").read_text().splitlines()[1:]}
    planted = [KEY.encode(), *(f'"{account}"'.encode() for account in accounts)]
    for path in masked.home.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            content = path.read_bytes()
            assert not [each for each in planted if each in content], path
    log = masked.desk.git("log", "-p", "--all")
    assert KEY not in log
