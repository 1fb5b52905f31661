"""Show a snapshot: what was copied, when, and what its rows look like. The ledger says which; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.data_gates import outcomes_of
from reconciler.core.profiles import changes
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.record import Snapshot
from reconciler.domain.source import Source
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Shown:
    """A recorded snapshot with its profile, and how many the training environment's ledger holds."""

    environment: str
    snapshot: Snapshot
    profile: Mapping[str, object]
    recorded: int
    compared: Compared | None = None


@dataclass(frozen=True)
class Compared:
    """What is different from another recorded snapshot: rows, and what the two profiles say."""

    snapshot: Snapshot
    rows: Mapping[str, object]
    profile: Mapping[str, object]


def show(house: House, wanted: str | None = None, *, other: str | None = None) -> Shown:
    """The newest snapshot of the training environment, or the one whose digest begins with `wanted`.

    `other` names one to compare with, by the beginning of its digest or `before`: the one recorded before.
    Outcomes are counted with the limits of the version that the training environment pins. Raises AuthorMustFix
    where there is no such snapshot, VerificationFailed where its bytes are not those of its digest."""
    source = house.source.read(house.history.main_tip())
    environment = training(source)
    record = house.ledger.read(environment).record
    snapshot = _pick(record.snapshots, wanted, environment)
    _require_there(snapshot)
    limits = outcomes_of(source, environment)[0]
    spec = source.environments[environment].environment.spec
    store = house.open_snapshots(spec.snapshots, house.progress)

    def profiled(digest: str) -> Mapping[str, object]:
        days = {"late_after": limits.late_after_days, "very_late_after": limits.very_late_after_days}
        return store.profile(digest, **days)

    profile = profiled(snapshot.digest)
    compared = None
    if other is not None:
        then = _before(record.snapshots, snapshot) if other == "before" else _pick(record.snapshots, other, environment)
        _require_there(then)
        found = changes(profile, profiled(then.digest))
        compared = Compared(then, store.compare(snapshot.digest, then.digest), found)
    return Shown(environment, snapshot, profile, len(record.snapshots), compared)


def _require_there(snapshot: Snapshot) -> None:
    if snapshot.removed_at is not None:
        raise AuthorMustFix(
            f"the files of snapshot {snapshot.digest[7:19]} were removed on {snapshot.removed_at:%Y-%m-%d}",
            next_step="the ledger still says what it was: reconciler history",
        )


def _before(snapshots: list[Snapshot], this: Snapshot) -> Snapshot:
    there = (each for each in snapshots[: snapshots.index(this)] if each.removed_at is None)
    earlier = [each for each in there if each.digest != this.digest]
    if not earlier:
        raise AuthorMustFix("no snapshot was recorded before this one", next_step="name another, or refresh first")
    return earlier[-1]


def training(source: Source) -> str:
    """The environment that trains. Raises AuthorMustFix where there is not exactly one."""
    found = [name for name, environment in source.environments.items() if environment.environment.spec.training]
    if len(found) == 1:
        return found[0]
    raise AuthorMustFix(
        "no environment trains" if not found else f"more than one environment trains: {', '.join(sorted(found))}",
        next_step="reconciler validate",
    )


def _pick(snapshots: list[Snapshot], wanted: str | None, environment: str) -> Snapshot:
    if not snapshots:
        raise AuthorMustFix(
            f"{environment} has no snapshot yet", next_step=f"reconciler data refresh {environment}"
        )  # fmt: skip
    if wanted is None:
        return snapshots[-1]
    figures = wanted.removeprefix("sha256:").lower()
    digests = {s.digest: s for s in snapshots if figures and s.digest.removeprefix("sha256:").startswith(figures)}
    if len(digests) == 1:
        return next(iter(digests.values()))
    what = "no snapshot" if not digests else f"{len(digests)} snapshots"
    raise AuthorMustFix(
        f"{what} of {environment} begins with {wanted!r}",
        next_step="its newest ones are " + ", ".join(s.digest[7:19] for s in snapshots[-5:]),
    )
