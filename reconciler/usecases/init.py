"""Begin a repository: an example company, or somebody's own receivables, looked at first.

The repository is built whole beside its place, refreshed once, and only then put there: a beginning that fails
leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import (
    CsvSource,
    DeltaSource,
    ODataSource,
    ParquetSource,
    PostgresqlSource,
    SqlSource,
)
from reconciler.domain.inputs import Source as InputSource
from reconciler.domain.observed import Finding
from reconciler.ports import BadRow, Beginnings, Progress, TableLook, Trials
from reconciler.ports import Finding as DataFinding
from reconciler.usecases.house import House, silent
from reconciler.usecases.init_files import Contents, Line, Source, files_of
from reconciler.usecases.init_look import FirstLook, Looked
from reconciler.usecases.refresh import refresh


class Made(Protocol):
    """What the example's generator tells: see `tasks.customer_payment.example.Example`."""

    @property
    def data_date(self) -> date: ...
    @property
    def best_log_loss(self) -> float: ...
    @property
    def naive_log_loss(self) -> float: ...


@dataclass(frozen=True)
class Doorstep:
    """What is needed before there is a repository; `open_house` is for the one just begun, `looks` are at the
    machine."""

    look: TableLook
    trials: Trials
    beginnings: Beginnings
    example: Callable[[Path, int], Made]
    open_house: Callable[[Path], House]
    looks: tuple[Callable[[], Finding], ...] = ()


@dataclass(frozen=True)
class Begun:
    """A repository that is in its place: where, its commit, its first snapshot and what that looks like."""

    folder: Path
    commit: str
    snapshot: str
    rows: Mapping[str, int]
    set_aside: Mapping[str, int]
    examples: tuple[BadRow, ...]
    profile: Mapping[str, object]
    best_log_loss: float | None = None
    notes: tuple[str, ...] = field(default=())
    findings: tuple[DataFinding, ...] = ()


def begin_from(door: Doorstep, folder: Path, look: FirstLook, *, progress: Progress = silent) -> Begun:
    """Begin a repository over a source that was looked at. Raises AuthorMustFix where `folder` is not free or the
    source has more bad rows than are borne; then nothing is left."""
    contents = _contents_of(look)
    with door.beginnings.begin(folder) as fresh:
        commit = door.beginnings.commit(fresh, files_of(contents), "Begin", allow=look.allow)
        return _refreshed(door, fresh, _Beginning(folder, commit, look.as_of, contents, progress))


def begin_example(door: Doorstep, folder: Path, seed: int, *, progress: Progress = silent) -> Begun:
    """Begin a repository with a fictional company's receivables in `data/`, which git ignores."""
    with door.beginnings.begin(folder) as fresh:
        (fresh / "data").mkdir()
        made = door.example(fresh / "data", seed)
        contents = replace(_example_contents(), as_of=made.data_date)
        commit = door.beginnings.commit(fresh, files_of(contents), "Begin")
        return _refreshed(door, fresh, _Beginning(folder, commit, None, contents, progress, made.best_log_loss))


@dataclass(frozen=True)
class _Beginning:
    folder: Path
    commit: str
    as_of: date | None
    contents: Contents
    progress: Progress
    best: float | None = None


def _refreshed(door: Doorstep, fresh: Path, begun: _Beginning) -> Begun:
    house = door.open_house(fresh)
    problems = house.source.read(begun.commit).problems
    if problems:
        raise AuthorMustFix(
            f"what would be written is not valid: {problems[0]}", next_step="rename that column or file"
        )
    done = refresh(house, "sandbox", as_of=begun.as_of, progress=begun.progress)
    snapshots = house.open_snapshots(".reconciler/snapshots", house.progress)
    profile = snapshots.profile(done.snapshot.digest, very_late_after=begun.contents.very_late_after)
    return Begun(
        begun.folder,
        begun.commit,
        done.snapshot.digest,
        done.snapshot.rows,
        done.snapshot.set_aside,
        tuple(done.examples),
        profile,
        begun.best,
        findings=() if begun.contents.loose_data else done.findings,
    )


def _contents_of(look: FirstLook) -> Contents:
    customers = ("customer",) if "customers" in look.tables else ()
    return Contents(
        f"Payment predictions for {_name(look.tables['invoices'].sample.source)}",
        {name: _source_of(each) for name, each in look.tables.items()},
        look.limits.very_late_after_days,
        look.limits.why,
        look.limits.exam_rows,
        loose_data=False,
        as_of=look.as_of,
        features=("invoice", "terms", *customers, "customer-history"),
    )


def _source_of(looked: Looked) -> Source:
    proposal = looked.proposal
    return Source(
        looked.sample.source.model_dump(by_alias=True, exclude_defaults=True, mode="json"),
        [Line(choice.field, choice.written(), choice.why) for choice in proposal.fields],
        proposal.null_values,
        [(refused.column, refused.why) for refused in proposal.refused],
    )


def _name(source: InputSource) -> str:
    """What people call it: the file without its ending, or the table."""
    match source:
        case CsvSource() | ParquetSource() | DeltaSource():
            return Path(source.path).stem
        case PostgresqlSource() | SqlSource():
            return source.table
        case ODataSource():
            return source.entity


def _example_contents() -> Contents:
    invoices = [
        Line("legal_entity", "LegalEntity"),
        Line("invoice", "InvoiceId"),
        Line("customer", "InvoiceAccount"),
        Line("invoice_date", "InvoiceDate"),
        Line("due_date", "DueDate"),
        Line("settled_date", "LastSettleDate", "the label: it says when, never a feature"),
        Line("amount", "AmountCur"),
        Line("currency", "CurrencyCode"),
        Line("accounting_amount", "AmountMST"),
        Line("open_amount", "RemainAmountCur"),
        Line("delivery", {"column": "DlvMode", "knownAt": "invoice-date"}, "known when the bill is made"),
        Line("disputed", "InDispute", "known only later: never a feature"),
    ]
    known = {"knownAt": "invoice-date"}
    customers = [
        Line("legal_entity", "LegalEntity"),
        Line("customer", "AccountNum"),
        Line("country", {"column": "CountryRegionId", **known}),
        Line("customer_group", {"column": "CustGroup", **known}),
        Line("customer_since", "CustomerSince"),
    ]
    inputs = {
        "invoices": Source({"kind": "csv", "path": "data/invoices.csv"}, invoices),
        "customers": Source({"kind": "csv", "path": "data/customers.csv"}, customers),
    }
    features = ("invoice", "terms", "customer", "customer-history")
    return Contents(
        "An example company's payment predictions", inputs, 30, "the usual period", 30, True, features=features
    )
