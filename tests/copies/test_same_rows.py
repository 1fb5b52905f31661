"""The same rows have the same digest whatever the source and the day, and so the same artifact; what did not change is
not written again."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from tests.sources.rigs import REAL, RIGS
from tests.sources.rigs.table import Cell, Table
from tests.support.company import Company
from tests.support.csv_files import PLAIN, data_of, nothing, source_in
from tests.support.receivables_yaml import habits

AS_OF = date(2026, 2, 28)
#: The made-up customers' habits are in their numbers.
ACCEPTED = {"accepted": {"invoice": "made up in turn", "customer": "made up in turn"}}
TYPES = {"amount": "number", **dict.fromkeys(("invoice_date", "due_date", "settled_date"), "date")}


def table(text: str) -> Table:
    """The CSV text as typed cells."""
    head, *lines = (line.split(",") for line in text.splitlines())

    def cell(name: str, written: str) -> Cell:
        match TYPES.get(name, "text"):
            case "number":
                return Decimal(written)
            case "date":
                return date.fromisoformat(written) if written else None
            case _:
                return written

    rows = [tuple(cell(name, each) for name, each in zip(head, line, strict=True)) for line in lines]
    return Table({name: TYPES.get(name, "text") for name in head}, rows)  # type: ignore[misc]


def company_of(folder: Path, kind: str, stack: ExitStack) -> Company:
    """A company whose books are kept in a source of this kind, with a copy of them."""
    (folder / "books").mkdir()
    rig = stack.enter_context(RIGS[kind](folder / "books"))
    company = Company.found(folder, "local")
    company.environment["RECONCILER_DATA_ALLOW"] = ":".join([str(folder), *(f"//{host}" for host in rig.hosts)])
    company.environment.update(rig.variables)
    source = rig.put("invoices", table(habits(AS_OF, 240)))
    if "path" in source:
        source["path"] = str(rig.root / source["path"])
    if "url" in source and source["kind"] == "sql":
        source["url"] = source["url"].replace("///", f"///{rig.root}/")
    data = company.specs["production"]["data"]
    data = {**data, "invoices": {**data["invoices"], "source": source}, "guard": ACCEPTED}
    company.merge(company.rules("production", data=data))
    company.run("apply", "--yes", "-q")
    company.run("data", "refresh", "sandbox")
    return company


def newest(company: Company) -> dict[str, Any]:
    found: dict[str, Any] = company.run("status", "-o", "json").json["environments"]["sandbox"]["snapshot"]
    return found


@pytest.fixture(scope="module")
def from_csv(tmp_path_factory: pytest.TempPathFactory) -> Company:
    with ExitStack() as stack:
        return company_of(tmp_path_factory.mktemp("csv"), "csv", stack)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.real] if kind in REAL else []) for kind in RIGS if kind != "csv"]
)
def test_a_refresh_from_any_source_gives_the_digest_that_csv_gives(
    tmp_path: Path, from_csv: Company, kind: str
) -> None:
    with ExitStack() as stack:
        company = company_of(tmp_path, kind, stack)
        company.wait(days=3)
        company.run("data", "refresh", "sandbox")
        assert newest(company)["digest"] == newest(from_csv)["digest"]


@pytest.mark.real
def test_and_so_the_artifact_is_the_same_byte_for_byte(tmp_path: Path, from_csv: Company) -> None:
    with ExitStack() as stack:
        companies = [from_csv, company_of(tmp_path, "delta", stack)]
        for company in companies:
            company.trainer = None
            company.add("1.0.0", trees=10)
            company.apply()
    assert companies[0].digest("1.0.0") == companies[1].digest("1.0.0")


# --- what is written -------------------------------------------------------------------------------------------


def months(path: Path, each: int, *, changed: int | None = None) -> None:
    """100 months of so many invoices; in month `changed` one amount is another."""
    odd = f"+ CASE WHEN i = {each * changed} THEN 1 ELSE 0 END" if changed is not None else ""
    first = f"CAST(DATE '2016-01-01' + to_months(CAST(i // {each} AS INTEGER)) AS DATE) + CAST(i % 28 AS INTEGER)"
    duckdb.execute(
        f"COPY (SELECT 'usmf' AS entity, 'F-' || i AS invoice, 'K' || i % 97 AS customer, {first} AS invoice_date, "  # noqa: S608
        "invoice_date + 30 AS due_date, due_date + CAST(hash(i) % 40 AS INTEGER) AS settled_date, "
        f"100 + hash(i) % 90000 / 100.0 {odd} AS amount FROM range({100 * each}) t(i)) TO '{path}' (HEADER)"
    )


def bytes_of(store: Path) -> dict[int, int]:
    """Inode → bytes of every file: what has two names counts once."""
    return {path.stat().st_ino: path.stat().st_size for path in store.rglob("*") if path.is_file()}


@pytest.mark.parametrize("each", [100, 1000])
def test_a_refresh_after_one_month_of_a_hundred_changed_writes_few_bytes(tmp_path: Path, each: int) -> None:
    store = FolderSnapshots(tmp_path / "store")
    mapping = {**{name: name for name in PLAIN}, "legal_entity": "entity"}
    found = []
    for changed in (None, 42):
        months(tmp_path / "i.csv", each, changed=changed)
        before = bytes_of(store.store) if store.store.exists() else {}
        with source_in(tmp_path).extract(data_of("i.csv", mapping), None, nothing) as extract:
            assert extract.rows["invoices"] == 100 * each
            store.keep(extract)
        found.append(sum(size for inode, size in bytes_of(store.store).items() if inode not in before))
    assert 0 < found[1] <= 0.05 * found[0], found
