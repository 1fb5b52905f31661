"""Gates on data: whether the copy is fresh, whole and enough to learn from, and when that will end. Pure.

Freshness and rows hold a Train on the newest copy and a Judge; sufficiency holds a Train that is sure to stop for want
of rows, and warns of the rest. Limits are the strictest of those that the data's owner and the training environment
write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from reconciler.core.copies import kept_share, partial
from reconciler.core.facts import World
from reconciler.core.rulebook import Rulebook
from reconciler.domain.manifests import Outcomes
from reconciler.domain.plan import DataState
from reconciler.domain.snapshots import LATEST_DAY, Facts, Snapshot
from reconciler.domain.source import Source
from reconciler.domain.sufficiency import Least, Sufficiency

#: Postings that were older than this when a copy was taken are told, also without a limit.
_SETTLED_BOOKS = timedelta(days=35)
_SOON = 7
#: What to do about a partial copy.
_PARTIAL = "find out what the source lost, then {refresh}; or raise data.rowTolerance"
#: What to do about one that leaves out much of what was read.
_UNKEPT = "see why in reconciler data show, mend the source or the mapping, then {refresh}; or lower data.leastKept"
#: Less than this share of what was read is told, also without a limit.
_MOSTLY = 0.8
#: What to do about books in which nothing was posted for too long before the copy.
_STILL = "find out why the source has no newer postings (data.invoices.where, an export that stopped), then {refresh}; "
_STILL += "or raise data.maxPostingAge"
#: What to do about a copy that is too small to learn from.
_MORE = "copy more invoices (data.invoices.where, an older first date), then {refresh}; or move the recipe's outcomes"


@dataclass(frozen=True)
class Limits:
    """How old a copy and its newest posting may be, and by which share it may be smaller than the one before."""

    max_age: timedelta | None = None
    max_posting_age: timedelta | None = None
    row_tolerance: float | None = None
    least_kept: float | None = None
    least: Least = field(default_factory=Least)


def limits_of(books: Mapping[str, Rulebook], trainer: str) -> Limits:
    """The strictest of what the training environment and the owner of its data say."""
    specs = [books[trainer].spec.data]
    owner = books.get(specs[0].copy_of or trainer)
    specs += [owner.spec.data] if owner is not None else []
    return Limits(
        max_age=min((spec.max_age for spec in specs if spec.max_age is not None), default=None),
        max_posting_age=min((s.max_posting_age for s in specs if s.max_posting_age is not None), default=None),
        row_tolerance=min((s.row_tolerance for s in specs if s.row_tolerance is not None), default=None),
        least_kept=max((s.least_kept for s in specs if s.least_kept is not None), default=None),
        least=specs[-1].sufficiency.least,
    )


# --- holds -----------------------------------------------------------------------------------------------------


def stale(snapshot: Snapshot, limits: Limits, now: datetime) -> str | None:
    """Why a copy is too old, in words; None for one that is not."""
    return next((age.told for age in _ages(snapshot, limits, now) if age.beyond), None)


def freshened(snapshot: Snapshot, limits: Limits, now: datetime, refresh: str) -> str:
    """What to do about a copy that is too old: another one, unless its books stood still when it was taken."""
    beyond = [age for age in _ages(snapshot, limits, now) if age.beyond]
    still = [age for age in beyond if age.key == "data.maxPostingAge" and age.limit is not None]
    stood = snapshot.as_of is None and any(_lag(snapshot) > age.limit for age in still if age.limit is not None)
    return _STILL.format(refresh=refresh) if stood and len(beyond) == len(still) else refresh


def short_of(snapshot: Snapshot, least: Least, outcomes: Outcomes) -> str | None:
    """Why a training on this copy is sure to stop for want of rows, in words. Open invoices count for the last outcome:
    those that are overdue by long have it."""
    if snapshot.facts is None:
        return None
    rows, facts = snapshot.rows.get("invoices", 0), snapshot.facts
    if rows < least.rows:
        return f"the copy has {rows:,} invoices, training needs {least.rows:,} mature ones"
    counts, still_open = counts_of(facts.late, outcomes), max(0, rows - facts.settled)
    for name, count in counts.items():
        most = count + (still_open if name == list(counts)[-1] else 0)
        if most < least.each_outcome:
            return f"{most:,} invoices of the copy are {name}, training needs {least.each_outcome:,} mature ones"
    return None


def more_of(refresh: str) -> str:
    """What to do about a copy of which that is so."""
    return _MORE.format(refresh=refresh)


def not_whole(snapshot: Snapshot, recorded: Sequence[Snapshot], limits: Limits, refresh: str) -> tuple[str, str] | None:
    """Why a copy is not whole, in words, and what to do: it lost rows against the one before, or leaves out too much of
    what was read from the source."""
    if (detail := _lost(snapshot, recorded, limits)) is not None:
        return detail, _PARTIAL.format(refresh=refresh)
    if limits.least_kept is not None and kept_share(snapshot) < limits.least_kept:
        return f"{_kept(snapshot)}, the least is {limits.least_kept:.1%}", _UNKEPT.format(refresh=refresh)
    return None


def _kept(snapshot: Snapshot) -> str:
    return f"{kept_share(snapshot):.1%} of the invoices that the source had are in the copy"


def _lost(snapshot: Snapshot, recorded: Sequence[Snapshot], limits: Limits) -> str | None:
    """What a copy has lost against the newest whole one before it, beyond the tolerance; None without one."""
    if limits.row_tolerance is None or snapshot not in recorded:
        return None
    found = list(partial(snapshot, recorded[: recorded.index(snapshot)], limits.row_tolerance))
    return "; ".join(found) or None


@dataclass(frozen=True)
class _Age:
    """How old something is, and how old it may be. `key`: the limit's name."""

    key: str
    what: str
    age: timedelta
    limit: timedelta | None

    @property
    def beyond(self) -> bool:
        return self.limit is not None and self.age > self.limit

    @property
    def told(self) -> str:
        limit = f", the limit is {self.limit.days}" if self.limit is not None else ""
        return f"{self.what} {_days(self.age)} old{limit}"


def _ages(snapshot: Snapshot, limits: Limits, now: datetime) -> Iterator[_Age]:
    """The ages of the copy and of its newest posting. A copy as of a date is measured against that."""
    age = now - snapshot.taken_at
    yield _Age("data.maxAge", "the copy is", age, limits.max_age)
    if snapshot.newest is not None:
        posted = age + _lag(snapshot)
        yield _Age("data.maxPostingAge", "its newest posting is", posted, limits.max_posting_age)


def _lag(snapshot: Snapshot) -> timedelta:
    """How old the newest posting was when the copy was taken."""
    taken = date.fromisoformat(snapshot.as_of) if snapshot.as_of else snapshot.taken_at.astimezone(UTC).date()
    return max(timedelta(0), taken - date.fromisoformat(snapshot.newest or snapshot.data_date))


def _days(age: timedelta) -> str:
    return f"{age.days} day{'s' * (age.days != 1)}"


# --- states ----------------------------------------------------------------------------------------------------


def data_states(world: World, books: Mapping[str, Rulebook], trainer: str) -> tuple[DataState, ...]:
    """The state of each gate on the newest copy of the training environment, also of those that do not bite yet."""
    record = world.ledgers[trainer]
    there = [snapshot for snapshot in record.snapshots if snapshot.removed_at is None]
    if not there:
        return ()
    newest, limits = there[-1], limits_of(books, trainer)
    owner = books.get(newest.copy_of)
    enough = owner.spec.data.sufficiency if owner is not None else Sufficiency()
    found = [
        *_freshness(newest, limits, world.now),
        _rows(newest, there, limits),
        *_sufficiency(newest, enough, outcomes_of(world.source, trainer)),
    ]
    refresh = f"reconciler data refresh {trainer}"
    steps = {
        "freshness": freshened(newest, limits, world.now, refresh),
        "rows": (not_whole(newest, there, limits, refresh) or ("", ""))[1],
        "sufficiency": more_of(refresh),
    }
    return tuple(
        DataState(trainer, gate, state, detail, steps[gate] if state == "held" else "", days)
        for gate, state, detail, days in found
    )


_State = tuple[str, str, str, int | None]


def _freshness(newest: Snapshot, limits: Limits, now: datetime) -> Iterator[_State]:
    copied, *posted = _ages(newest, limits, now)
    if copied.limit is None:
        yield "freshness", "ok", f"{copied.told}; no limit is set", None
    for age in (copied, *posted):
        if age.limit is not None:
            yield _limited(age, age.limit)
    for age in posted:
        if age.limit is None and _lag(newest) > _SETTLED_BOOKS:
            yield "freshness", "warning", f"{age.told}; {age.key} would hold it", None


def _limited(age: _Age, limit: timedelta) -> _State:
    if age.beyond:
        return "freshness", "held", age.told, None
    left = -((age.age - limit) // timedelta(days=1))
    state = "warning" if left <= min(_SOON, limit.days // 4) else "ok"
    return "freshness", state, f"{age.told}: will hold in {_days(timedelta(days=left))}", left


def _rows(newest: Snapshot, there: Sequence[Snapshot], limits: Limits) -> _State:
    if (beyond := not_whole(newest, there, limits, "")) is not None:
        return "rows", "held", beyond[0], None
    before = there[: there.index(newest)]
    if gone := list(partial(newest, before)):
        return "rows", "warning", "; ".join(gone), None
    if limits.least_kept is None and kept_share(newest) < _MOSTLY:
        return "rows", "warning", f"{_kept(newest)}; data.leastKept would hold it", None
    rows = f"{newest.rows.get('invoices', 0):,} invoices"
    rows += f" of {len(newest.entities)} legal entities" if len(newest.entities) > 1 else ""
    return "rows", "ok", rows + (f", {kept_share(newest):.1%} of those read" if kept_share(newest) < 1 else ""), None


def outcomes_of(source: Source, trainer: str) -> list[Outcomes]:
    """The limits of the outcomes of what is pinned where models are trained; the usual ones where nothing is."""
    found: list[Mapping[str, Any]] = []
    for (name, model), pin in sorted(source.pins.items()):
        written = source.versions.get((model, pin.pin.version or "")) if name == trainer else None
        # As written: thousands of versions have a handful of different limits between them.
        if written is not None and (outcomes := written.written_spec.get("outcomes", {})) not in found:
            found.append(outcomes)
    return list(dict.fromkeys(map(Outcomes.model_validate, found))) or [Outcomes()]


def _sufficiency(newest: Snapshot, enough: Sufficiency, outcomes: Iterable[Outcomes]) -> Iterator[_State]:
    if newest.facts is None:
        return
    asked = list(outcomes)
    short = list(dict.fromkeys(filter(None, (short_of(newest, enough.least, each) for each in asked))))
    for detail in short:
        yield "sufficiency", "held", detail, None
    warnings = list(dict.fromkeys(_too_little(newest, newest.facts, enough, asked)))
    for warning in warnings:
        yield "sufficiency", "warning", warning, None
    if not warnings and not short:
        yield "sufficiency", "ok", f"{newest.facts.settled:,} settled invoices", None


def _too_little(
    newest: Snapshot, facts: Facts, enough: Sufficiency, outcomes: Iterable[Outcomes]
) -> Iterator[str]:  # fmt: skip
    rows, advised = newest.rows.get("invoices", 0), enough.advised
    if enough.least.rows <= rows < advised.rows:
        yield f"{rows:,} invoices, {advised.rows:,} are advised"
    if facts.settled < advised.settled:
        yield f"{facts.settled:,} settled invoices, {advised.settled:,} are advised"
    for each in outcomes:
        if short_of(newest, enough.least, each) is None:
            yield from _few_of(facts, each, enough)
    months = (date.fromisoformat(facts.last) - date.fromisoformat(facts.first)).days / 30.4375
    if months < advised.months:
        yield f"{months:.1f} months of invoices, {advised.months} or more are advised"
    for name in facts.constant:
        yield f"{name} has one value and no other"
    for name, share in sorted(facts.missing.items()):
        if share > advised.missing:
            yield f"{name} is missing in {share:.1%} of the rows"


def _few_of(facts: Facts, outcomes: Outcomes, enough: Sufficiency) -> Iterator[str]:
    for name, count in counts_of(facts.late, outcomes).items():
        least = enough.least.each_outcome
        if count < least:
            yield f"{count:,} settled invoices are {name}: training stops below {least:,} mature ones"
        elif count < enough.advised.each_outcome:
            yield f"{count:,} settled invoices are {name}, {enough.advised.each_outcome:,} are advised"


def counts_of(late: Sequence[int], outcomes: Outcomes) -> dict[str, int]:
    """Settled invoices in each outcome, from their days late; empty where the limits lie beyond what is counted."""
    on_time, very_late = outcomes.late_after_days, outcomes.very_late_after_days
    if max(on_time + 1, very_late) >= LATEST_DAY:
        return {}
    first = on_time + 1
    if very_late == 0:
        return {"on time": sum(late[:first]), "late": sum(late[first:])}
    return {
        "on time": sum(late[:first]),
        "late": sum(late[first:very_late]),
        "very late": sum(late[max(first, very_late) :]),
    }
