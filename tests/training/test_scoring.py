"""Predictions for open invoices, and the files they are written to."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import AuthorMustFix, RetryLater, VerificationFailed
from reconciler.domain.jobs import ModelCard
from reconciler.scoring.output import csv_text, json_text, write
from reconciler.scoring.predict import Predictions, predict, rounded
from reconciler.tasks.customer_payment.tables import load, to_day
from reconciler.training.train import train
from tests.training.made import quiet, recipe, train_job

AS_OF = date(2024, 6, 30)
OUTCOMES = ("on_time", "late", "very_late")


def _predict(files: dict[str, bytes], snapshot: Path, as_of: date = AS_OF) -> Predictions:
    card = ModelCard.model_validate_json(files["model-card.json"])
    return predict(model=files["model.onnx"], card=card, snapshot=snapshot, as_of=as_of)


def test_exactly_the_invoices_open_at_the_date_are_predicted(trained: dict[str, bytes], snapshot: Path) -> None:
    for as_of in (AS_OF, AS_OF - timedelta(days=200)):
        tables, day = load(snapshot), to_day(as_of)
        open_ = (tables.days("invoice_date") <= day) & (tables.days("known_date") > day)
        found = _predict(trained, snapshot, as_of)
        assert found.columns["invoice"] == tables.texts("invoice")[open_].tolist()
        assert max(found.columns["invoice_date"]) <= as_of


def test_probabilities_sum_to_one_and_the_impossible_is_zero(trained: dict[str, bytes], snapshot: Path) -> None:
    columns = _predict(trained, snapshot).columns
    table = np.array([columns[name] for name in OUTCOMES]).T
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    late = np.array([(AS_OF - due).days for due in columns["due_date"]])
    assert (late > 15).any() and ((late > 0) & (late < 15)).any() and (late <= 0).any()
    assert (table[late > 0, 0] == 0).all() and (table[late <= 0, 0] > 0).all()
    assert (table[late >= 15] == [0, 0, 1]).all()
    assert columns["most_likely"] == [OUTCOMES[i] for i in table.argmax(axis=1)]


def test_columns_come_in_their_order_and_are_equally_long(logistic: dict[str, bytes], snapshot: Path) -> None:
    found = _predict(logistic, snapshot)
    assert list(found.columns) == [
        *("legal_entity", "invoice", "instalment", "customer", "amount", "currency", "invoice_date", "due_date"),
        *(*OUTCOMES, "most_likely"),
    ]
    assert {len(column) for column in found.columns.values()} == {len(found)}


def test_a_model_of_two_outcomes_has_the_column_of_the_third_with_zeros(snapshot: Path) -> None:
    files = train(train_job(snapshot, recipe("logistic-regression", outcomes={"veryLateAfterDays": 0})), quiet)[1]
    columns = _predict(files, snapshot).columns
    assert list(columns)[-4:] == [*OUTCOMES, "most_likely"]
    assert set(columns["very_late"]) == {0.0} and set(columns["most_likely"]) <= {"on_time", "late"}
    assert [sum(pair) for pair in zip(columns["on_time"], columns["late"], strict=True)] == pytest.approx(
        [1.0] * len(columns["late"]), abs=1e-9
    )


@given(st.lists(st.lists(st.floats(1e-6, 1), min_size=3, max_size=3), max_size=5))
def test_six_decimals_sum_to_one_and_move_no_share_by_more_than_two_of_the_last(rows: list[list[float]]) -> None:
    found = np.array(rows).reshape(len(rows), 3)
    found /= found.sum(axis=1, keepdims=True)
    out = rounded(found)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-9)
    assert (np.abs(out - found) < 2e-6).all() and (out >= 0).all() and (out == out.round(6)).all()


def test_nothing_open_gives_no_rows_and_still_the_columns(
    logistic: dict[str, bytes], snapshot: Path, tmp_path: Path
) -> None:
    found = _predict(logistic, snapshot, date(2000, 1, 1))
    assert len(found) == 0 and csv_text(found).startswith("legal_entity,invoice")
    write(found, tmp_path / "none.parquet")
    assert _stored(tmp_path / "none.parquet") == []


def test_a_card_of_another_task_revision_is_refused(logistic: dict[str, bytes], snapshot: Path) -> None:
    card = json.loads(logistic["model-card.json"])
    files = {**logistic, "model-card.json": json.dumps({**card, "task_revision": 1}).encode()}
    with pytest.raises(VerificationFailed, match="trained by revision 1"):
        _predict(files, snapshot)


def test_bytes_that_are_no_model_are_refused_without_a_traceback(logistic: dict[str, bytes], snapshot: Path) -> None:
    with pytest.raises(VerificationFailed, match="does not read the model"):
        _predict({**logistic, "model.onnx": b"nothing"}, snapshot)


def test_csv_json_and_parquet_hold_the_same_rows(logistic: dict[str, bytes], snapshot: Path, tmp_path: Path) -> None:
    found = _predict(logistic, snapshot)
    for ending in ("csv", "json", "parquet"):
        write(found, tmp_path / f"out.{ending}")
    text = list(csv.DictReader((tmp_path / "out.csv").open(newline="", encoding="utf-8")))
    plain = json.loads((tmp_path / "out.json").read_text())
    stored = _stored(tmp_path / "out.parquet")
    assert plain["format_version"] == 1
    assert len(text) == len(plain["predictions"]) == len(stored) == len(found)
    for line, row, kept in zip(text, plain["predictions"], stored, strict=True):
        assert line["invoice"] == row["invoice"] == kept[0]
        assert float(line["amount"]) == row["amount"] == kept[1]
        assert float(line["late"]) == row["late"] == pytest.approx(kept[2], abs=1e-6)
        assert line["due_date"] == row["due_date"] == kept[3].isoformat()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.csv", "out.json", "out.parquet"]


def _stored(file: Path) -> list[tuple[str, float, float, date]]:
    query = "SELECT invoice, amount, late, due_date FROM read_parquet($1)"
    rows: list[tuple[str, float, float, date]] = duckdb.connect(":memory:").execute(query, [str(file)]).fetchall()
    return rows


def _one(invoice: str) -> Predictions:
    return Predictions({"invoice": [invoice], "on_time": [0.25]})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_escaped_in_csv_only(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text(_one(text)), newline=""))
    assert row["invoice"] == "'" + text.replace("\r", " ") and row["on_time"] == "0.25"
    assert json.loads(json_text(_one(text)))["predictions"][0]["invoice"] == text


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuthorMustFix, match="has no ending"):
        write(_one("1"), tmp_path / "out.xlsx")


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_traces(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        write(_one("1"), tmp_path / "missing" / "out.csv")
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(RetryLater):
        write(_one("1"), tmp_path / "out.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
