"""Carry copies over from where an environment kept them before its rules named another place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reconciler.core.rulebook import Rulebook
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.record import Record
from reconciler.ports import SnapshotStore


def carry(
    book: Rulebook, record: Record, store: SnapshotStore, open_place: Callable[[str], SnapshotStore]
) -> Iterator[str]:
    """Put the recorded copies that the store has not into it, from the places of earlier rules, as far as these can be
    read here; notes of what was done. Where the place never changed nothing is looked at. Raises what the store
    raises."""
    specs = [book.parsed[rules.environment_blob].spec for rules in book.rules if rules.environment_blob in book.parsed]
    here = book.spec.snapshots
    before = [place for place in dict.fromkeys(spec.snapshots for spec in reversed(specs)) if place != here]
    absent = store.absent([each.digest for each in record.snapshots if each.removed_at is None]) if before else []
    for place in before:
        carried = [digest for digest in absent if _carried(digest, store, open_place, place)]
        absent = [digest for digest in absent if digest not in carried]
        if carried:
            yield f"{_copies(carried)} carried over from {place} to {here}"
    if absent:
        yield (
            f"{_copies(absent)} recorded and not in {here}: {', '.join(digest[7:19] for digest in absent)}; "
            f"a refresh on a machine that can read {' or '.join(before)} carries over what is there"
        )


def _carried(digest: str, store: SnapshotStore, open_place: Callable[[str], SnapshotStore], place: str) -> bool:
    try:
        folder = open_place(place).folder(digest)
    except ReconcilerError:  # not on this machine, not allowed, altered: it stays absent, and that is told
        return False
    store.receive(digest, folder)
    return True


def _copies(digests: Sequence[str]) -> str:
    return "1 copy was" if len(digests) == 1 else f"{len(digests)} copies were"
