"""Copy production's data into the training environment: extract, keep by content, record with its date.

Writes the environment's Adopt before anything else; where the rules on record say `autoApply: false` a saved plan
does, and they are followed until then. The ledger gets digest, dates and counts; never data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reconciler.core.copies import partial
from reconciler.core.facts import World
from reconciler.core.rulebook import Rulebook, open_rulebook, touched
from reconciler.domain.errors import AuthorMustFix, VerificationFailed
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.receipts import RefreshReceipt
from reconciler.domain.record import Record, Snapshot
from reconciler.ports import BadRow, Extract, Finding, Progress, SnapshotStore
from reconciler.usecases.carry import carry
from reconciler.usecases.forward import forward_only
from reconciler.usecases.house import House, silent
from reconciler.usecases.leases import Leases
from reconciler.usecases.perform import perform
from reconciler.usecases.run import Run, begin_run
from reconciler.usecases.survey import Ask, rulebook_of, survey


@dataclass(frozen=True)
class Refreshed:
    """The recorded snapshot, whether its rows were known already, some of the rows that were set aside, and what is
    odd in the data."""

    snapshot: Snapshot
    known: bool
    examples: tuple[BadRow, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def refresh(house: House, environment: str, *, as_of: date | None = None, progress: Progress = silent) -> Refreshed:
    """Refresh one environment. Raises AuthorMustFix for an environment that is no copy, for sources that are not
    allowed or not readable, and for more bad rows than are borne."""
    refuse_future(house, as_of)
    notes = tuple(house.history.fetch())
    with Leases(house) as leases:
        rulebook_of(_read(house), environment)  # an unknown name is refused before its lease is taken
        leases.take([environment])
        house.history.fetch()
        world = _read(house)
        house.history.keep_source(environment, forward_only(house, world, [environment]))
        run, book = _run(house, world, environment, leases)
        if book.adopt is not None and not book.adopt.pending:
            perform(run, book.adopt)
        origin = book.spec.data.copy_of or environment
        inputs = _inputs(world, origin)
        store, record = run.snapshots(environment, book.spec.snapshots), run.states[environment].record
        notes += tuple(carry(book, record, store, lambda place: run.snapshots(environment, place)))
        leases.renew(environment)
        with house.data.extract(inputs, as_of, progress) as extract:
            leases.renew(environment)
            changed = tuple(_changed_terms(store, extract, record))
            kept = store.keep(extract, progress)
        snapshot = _snapshot(house, _Copy(extract, kept, origin, inputs, as_of), record.snapshots)
        leases.renew(environment)
        notes += tuple(_notes(world, {environment, origin})) + _older(record, snapshot)
        known = any(old.digest == snapshot.digest for old in record.snapshots)
        run.write(RefreshReceipt(**run.stamp(environment), snapshot=snapshot))
    return Refreshed(snapshot, known, tuple(extract.examples), notes, (*extract.findings, *changed))


def refuse_future(house: House, as_of: date | None) -> None:
    """Raise AuthorMustFix for an as-of after today (in any time zone): what will be known then, nobody knows yet."""
    today = house.clock.now().date()
    if as_of is not None and as_of > today + timedelta(days=1):
        raise AuthorMustFix(f"as-of {as_of} lies in the future: today is {today}", next_step="check the year")


def _read(house: House) -> World:
    return survey(house, Ask(revision=house.history.main_tip()))


def _run(house: House, world: World, environment: str, leases: Leases) -> tuple[Run, Rulebook]:
    book = rulebook_of(world, environment).automatic
    if book.spec.training is None and book.spec.data.copy_of is None:
        others = ", ".join(sorted(world.ledgers.keys() - {environment})) or "none"
        raise AuthorMustFix(
            f"{environment} is no copy: it has its data itself", next_step=f"refresh the one that trains, of: {others}"
        )
    return begin_run(house, world, leases, trainer=environment), book


def _inputs(world: World, origin: str) -> EnvironmentData:
    """The data block of the environment that is copied from, by its rules in force where it has any."""
    book = open_rulebook(world, origin) if origin in world.ledgers else None
    data = book.automatic.spec.data if book else None
    faults = [fault for fault in world.source.problems if ("environment", origin) in fault.touches]
    if book is None and faults:
        raise AuthorMustFix(f"the data of {origin} is not known: {faults[0]}", next_step="reconciler validate")
    if data is None or data.invoices is None:
        raise AuthorMustFix(
            f"{origin} says nothing of where its invoices are",
            next_step=f"add data.invoices to environments/{origin}.yaml",
        )
    return data


def _notes(world: World, names: set[str]) -> Iterator[str]:
    """Where the rules that were followed are not those that main says."""
    for name in sorted(names & world.ledgers.keys()):
        book = open_rulebook(world, name)
        held = book.automatic.held if book else None
        if held:
            yield f"{name}'s file on main is not in force ({held.detail}): {held.next_step}"
        elif ("environment", name) in touched(world.source.problems):
            yield f"{name}'s file on main is refused, and the rules in force were followed: reconciler validate"


def _older(record: Record, snapshot: Snapshot) -> tuple[str, ...]:
    """What to know of a copy whose data ends before that of one recorded earlier. Dates are ISO texts."""
    newest = max((old.data_date for old in record.snapshots), default="")
    if newest <= snapshot.data_date:
        return ()
    return (
        f"this copy's data ends on {snapshot.data_date}, and that of an earlier one on {newest}: "
        "training and judging take the copy that was recorded last",
    )


def _changed_terms(store: SnapshotStore, extract: Extract, record: Record) -> Iterator[Finding]:
    """A finding where invoices have other due dates than in the newest copy before this one."""
    if not record.snapshots:
        return
    earlier = record.snapshots[-1]
    what = f"due on another day than in the copy of {earlier.data_date}"
    try:
        rows, line = store.changed_terms(extract, earlier.digest)
    except VerificationFailed:
        yield Finding("invoices", f"not compared with the copy of {earlier.data_date}: it is gone", "due_date", 0, 0)
        return
    if rows:
        file, line = extract.place("invoices", line)
        step = "terms that were changed later were not known at the invoice date: take the due date as first agreed"
        yield Finding("invoices", what, "due_date", rows, line, file, step)


@dataclass(frozen=True)
class _Copy:
    """What was copied, from which environment's inputs, and the date that was asked for."""

    extract: Extract
    kept: SnapshotManifest
    origin: str
    inputs: EnvironmentData
    as_of: date | None


def _snapshot(house: House, copy: _Copy, before: Sequence[Snapshot]) -> Snapshot:
    """What is recorded of a copy: where it came from, how it looks, what was masked, and what it lost against those
    before it."""
    extract = copy.extract
    snapshot = Snapshot(
        digest=copy.kept.digest,
        data_date=copy.kept.data_date,
        taken_at=house.clock.now(),
        rows=dict(extract.rows),
        set_aside=dict(extract.set_aside),
        copy_of=copy.origin,
        by=house.who,
        as_of=copy.as_of.isoformat() if copy.as_of else None,
        asked=dict(extract.asked),
        entities=dict(sorted(extract.entities.items())),
        newest=extract.newest.isoformat() if extract.newest else None,
        columns={table: list(columns) for table, columns in extract.columns.items()},
        masks=dict(copy.inputs.masks),
        mask_key=extract.key_check,
        facts=extract.facts,
        excluded=dict(extract.excluded),
        read=dict(extract.read),
    )
    return snapshot.model_copy(update={"findings": list(partial(snapshot, before))})
