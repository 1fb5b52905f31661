"""Predictions as CSV, JSON or Parquet: all of the file or none of it.

A text that a spreadsheet would read as a formula (it starts with = + - @, a tab or a carriage return) is written
with an apostrophe before it in CSV, and a carriage return inside a text as a space; JSON and Parquet hold it unchanged.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.domain.errors import AuthorMustFix, RetryLater
from reconciler.scoring.predict import Predictions

FORMAT_VERSION = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TYPES = {"instalment": "BIGINT", "invoice_date": "DATE", "due_date": "DATE", "as_of": "DATE"} | dict.fromkeys(
    ("amount", "on_time", "late", "very_late"), "DOUBLE"
)


def write(predictions: Predictions, path: Path) -> None:
    """Write by the name's ending: .csv, .json or .parquet. Raises AuthorMustFix for another ending, RetryLater where
    the disk refuses."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise AuthorMustFix(
            f"{path.name} has no ending that predictions are written with", next_step="use .csv, .json or .parquet"
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        writer(predictions, beside)
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise RetryLater(
            f"{path} cannot be written: {error.strerror}", next_step="make room or choose another place, then repeat"
        ) from error
    finally:
        with suppress(OSError):  # on a read-only disk there is nothing to take away, and asking is an error
            beside.unlink()


def csv_text(predictions: Predictions) -> str:
    """The predictions as CSV: a header, one line an invoice, probabilities with six digits, dates as 2024-01-31."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(predictions.columns)
    lines.writerows([_cell(value) for value in row] for row in zip(*predictions.columns.values(), strict=True))
    return out.getvalue()


def json_text(predictions: Predictions) -> str:
    """The predictions as {format_version, predictions: [one object an invoice]}; unknown values are null."""
    names = list(predictions.columns)
    rows = [
        {name: _plain(value) for name, value in zip(names, row, strict=True)}
        for row in zip(*predictions.columns.values(), strict=True)
    ]
    return json.dumps({"format_version": FORMAT_VERSION, "predictions": rows}, ensure_ascii=False, indent=1) + "\n"


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        text = value.replace("\r", " ")
        return "'" + text if value.startswith(_FORMULA) else text
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}".rstrip("0").rstrip(".")
    return value.isoformat() if isinstance(value, date) else value


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value.isoformat() if isinstance(value, date) else value


def _write_csv(predictions: Predictions, path: Path) -> None:
    path.write_text(csv_text(predictions), encoding="utf-8", newline="")


def _write_json(predictions: Predictions, path: Path) -> None:
    path.write_text(json_text(predictions), encoding="utf-8")


def _write_parquet(predictions: Predictions, path: Path) -> None:
    import duckdb
    import pandas as pd

    frame = pd.DataFrame(dict(predictions.columns))
    casts = ", ".join(f'CAST("{name}" AS {_TYPES.get(name, "VARCHAR")}) AS "{name}"' for name in predictions.columns)
    target = str(path).replace("'", "''")
    connection = duckdb.connect(":memory:")
    try:
        connection.register("predictions", frame)
        connection.execute(f"COPY (SELECT {casts} FROM predictions) TO '{target}' (FORMAT parquet)")  # noqa: S608
    except duckdb.IOException as error:
        raise OSError(None, str(error).splitlines()[0]) from error
    finally:
        connection.close()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_WRITERS: dict[str, Callable[[Predictions, Path], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
