"""Copies of the data against each other: whether one is partial, and with which it is compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.domain.masks import Mask, told
from reconciler.domain.snapshots import Snapshot


def whole(snapshots: Sequence[Snapshot], copy_of: str, tolerance: float = 0.0) -> Snapshot | None:
    """The newest whole copy of an environment among those recorded, oldest first: one that has not lost a legal entity
    or more rows than `tolerance` (0: any number) against the whole one before it. A partial copy is no measure."""
    found: Snapshot | None = None
    for each in snapshots:
        if each.copy_of == copy_of and (found is None or not list(_lost(each, found, tolerance))):
            found = each
    return found


def partial(new: Snapshot, before: Sequence[Snapshot], tolerance: float = 0.0) -> Iterator[str]:
    """In what a copy is smaller than the newest whole one before it, in words: `demf has 0 rows, the copy before had
    12,300`. Without a tolerance only what is gone altogether. Nothing is said of a copy as of an earlier date."""
    others = [each for each in before if (each.digest, each.copy_of) != (new.digest, new.copy_of)]
    measure = whole(others, new.copy_of, tolerance)
    yield from _lost(new, measure, tolerance) if measure is not None else ()


def kept_share(snapshot: Snapshot) -> float:
    """The share of the invoices read that are in the copy. Those set aside and left out are not; rows of a later date
    than was asked for, and rows of another kind, are none of them."""
    kept = snapshot.rows.get("invoices", 0)
    bad = sum(rows for cause, rows in snapshot.set_aside.items() if cause.startswith("invoices: "))
    every = kept + bad + sum(snapshot.excluded.values())
    return kept / every if every else 1.0


def same_masks(one: Snapshot, other: Snapshot) -> bool:
    """Whether two copies are masked alike, with the same key."""
    return ((one.masks or {}), one.mask_key) == ((other.masks or {}), other.mask_key)


def other_masks(trained: Snapshot, now: Snapshot, fields: Collection[str]) -> Iterator[str]:
    """In which of these fields two copies are masked differently, in words."""
    then, here = trained.masks or {}, now.masks or {}
    for name in sorted(fields):
        mask, other = then.get(name, "keep"), here.get(name, "keep")
        if mask != other:
            yield f"{name} is {_masked(other)} now, and was {_masked(mask)}"
        elif mask in ("hash", "pseudonym") and trained.mask_key != now.mask_key:
            yield f"{name} is masked with another key"


def _masked(mask: Mask) -> str:
    return "not masked" if mask == "keep" else f"masked by {told(mask)}"


def _lost(new: Snapshot, before: Snapshot, tolerance: float) -> Iterator[str]:
    if new.data_date < before.data_date:
        return
    least = 1 - tolerance if tolerance else 0.0
    yield from _fewer(new.rows, before.rows, least)
    if _comparable(new, before):
        yield from _fewer(new.entities, before.entities, least)


def _comparable(new: Snapshot, before: Snapshot) -> bool:
    """Legal entities are compared by name: a mask, or another key, gives them other names."""

    def mask(each: Snapshot) -> object:
        return (each.masks or {}).get("legal_entity", "keep")

    same_key = mask(new) == "keep" or new.mask_key == before.mask_key
    return bool(new.entities) and mask(new) == mask(before) and same_key


def _fewer(now: Mapping[str, int], then: Mapping[str, int], least: float) -> Iterator[str]:
    for name, rows in sorted(then.items()):
        found = now.get(name, 0)
        if (found == 0 and rows) or found < least * rows:
            yield f"{name} has {found:,} rows, the copy before had {rows:,}"
