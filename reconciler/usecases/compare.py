"""Compare two versions, two environments or two commits, in the words of the manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.changes import changes, version_changes
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.names import short_digest
from reconciler.domain.record import Record
from reconciler.domain.source import Source, SourceVersion
from reconciler.usecases.house import House


@dataclass(frozen=True)
class Difference:
    """What kind of things were compared, and the lines that tell them apart (none: they are the same)."""

    kind: str
    left: str
    right: str
    lines: tuple[str, ...]


def compare(house: House, left: str, right: str) -> Difference:
    """`MODEL@VERSION` twice, two environments, or two revisions. Raises AuthorMustFix where they do not fit."""
    if "@" in left and "@" in right and not left.startswith("@"):
        source = house.source.read("HEAD")
        before, after = _version(source, left), _version(source, right)
        found = changes(before.written_spec, after.written_spec)
        return Difference("versions", left, right, tuple(str(change) for change in found))
    source = house.source.read("HEAD")
    if left in source.environments and right in source.environments:
        return Difference("environments", left, right, tuple(_environments(house, source, left, right)))
    before_source, after_source = house.source.read(left), house.source.read(right)
    return Difference("commits", left, right, tuple(_commits(before_source, after_source)))


def _version(source: Source, named: str) -> SourceVersion:
    model, _, version = named.partition("@")
    found = source.versions.get((model, version))
    if found is None:
        known = ", ".join(sorted(v for name, v in source.versions if name == model))
        raise AuthorMustFix(f"there is no {named}", next_step=f"versions of {model}: {known or 'none'}")
    return found


def _environments(house: House, source: Source, left: str, right: str) -> list[str]:
    """Pins and deployments that differ, a line each."""
    lines: list[str] = []
    records = {name: house.ledger.read(name).record for name in (left, right)}
    models = {model for name, model in source.pins if name in (left, right)}
    models |= {model for record in records.values() for model in record.deployments}
    for model in sorted(models):
        sides = [_side(source, records, name, model) for name in (left, right)]
        if sides[0] != sides[1]:
            lines.append(f"{model}: {left} {sides[0]} · {right} {sides[1]}")
    return lines


def _side(source: Source, records: Mapping[str, Record], name: str, model: str) -> str:
    pin = source.pins.get((name, model))
    deployment = records[name].deployments.get(model)
    wanted = pin.pin.version or pin.pin.state if pin else "not pinned"
    if deployment is None or deployment.digest is None:
        return f"wants {wanted}, serves nothing"
    serves = f"{deployment.version} ({short_digest(deployment.digest)})"
    return f"serves {serves}" if deployment.version == wanted else f"wants {wanted}, serves {serves}"


def _commits(before: Source, after: Source) -> list[str]:
    lines = version_changes(before, after)
    for key in sorted({*before.pins, *after.pins}):
        old, new = before.pins.get(key), after.pins.get(key)
        if (old.pin if old else None) != (new.pin if new else None):
            was = old.pin.version or old.pin.state if old else "not pinned"
            now = new.pin.version or new.pin.state if new else "not pinned"
            lines.append(f"{key[0]} pins {key[1]}: {was} → {now}")
    for name in sorted({*before.environments, *after.environments}):
        rules = [s.environments.get(name) for s in (before, after)]
        blobs = [(r.blob, r.signers_blob) if r else None for r in rules]
        if blobs[0] != blobs[1]:
            lines.append(f"rules of {name}: {'changed' if None not in blobs else 'added' if blobs[1] else 'removed'}")
    return lines
