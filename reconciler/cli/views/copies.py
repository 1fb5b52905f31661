"""What is recorded of a copy, in lines: where from, which legal entities, what was masked, what is odd."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cli.views.escape import terminal
from reconciler.domain.masks import told
from reconciler.domain.snapshots import Snapshot

_SHOWN = 12


def copy_lines(snapshot: Snapshot) -> list[str]:
    """The lines, escaped; what an older receipt does not say is left out."""
    return [terminal(line) for line in _lines(snapshot)]


def _lines(snapshot: Snapshot) -> Iterator[str]:
    for table, asked in sorted(snapshot.asked.items()):
        yield f"  {table} from {asked}"
    if snapshot.entities:
        yield f"  legal entities: {counted(snapshot)}"
    if snapshot.newest:
        yield f"  newest posting: {snapshot.newest}" + (f", as of {snapshot.as_of}" if snapshot.as_of else "")
    if (masks := masked(snapshot)) is not None:
        yield f"  masks: {masks}"
    for finding in snapshot.findings:
        yield f"  ! {finding}"


def counted(snapshot: Snapshot) -> str:
    """`demf 1,200, usmf 900`: invoices by legal entity, the largest first."""
    order = sorted(snapshot.entities.items(), key=lambda item: (-item[1], item[0]))
    more = f", and {len(order) - _SHOWN} more" if len(order) > _SHOWN else ""
    return ", ".join(f"{name} {rows:,}" for name, rows in order[:_SHOWN]) + more


def masked(snapshot: Snapshot) -> str | None:
    """The masks in words; None where the receipt does not say."""
    if snapshot.masks is None:
        return None
    changed = [f"{name} {told(mask)}" for name, mask in sorted(snapshot.masks.items()) if mask != "keep"]
    return ", ".join(changed) or "none, accounts and invoice numbers are those of the source"
