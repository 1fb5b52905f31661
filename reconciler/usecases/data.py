"""Show a snapshot: what was copied, when, and what its rows look like. The ledger says which; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Outcomes
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


def show(house: House, wanted: str | None = None) -> Shown:
    """The newest snapshot of the training environment, or the one whose digest begins with `wanted`.

    Outcomes are counted with the limits of the version that the training environment pins. Raises AuthorMustFix
    where there is no such snapshot, VerificationFailed where its bytes are not those of its digest."""
    source = house.source.read(house.history.main_tip())
    environment = _training(source)
    record = house.ledger.read(environment).record
    snapshot = _pick(record.snapshots, wanted, environment)
    limits = _limits(source, environment)
    spec = source.environments[environment].environment.spec
    profile = house.open_snapshots(spec.snapshots).profile(
        snapshot.digest, late_after=limits.late_after_days, very_late_after=limits.very_late_after_days
    )
    return Shown(environment, snapshot, profile, len(record.snapshots))


def _training(source: Source) -> str:
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


def _limits(source: Source, environment: str) -> Outcomes:
    for (where, model), pin in source.pins.items():
        version = source.versions.get((model, pin.pin.version or "")) if where == environment else None
        if version is not None:
            return version.manifest.spec.outcomes
    return Outcomes()
