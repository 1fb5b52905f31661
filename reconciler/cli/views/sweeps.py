"""Copies that stay and copies that may go, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconciler.cli.views.table import table
from reconciler.domain.names import short_digest

if TYPE_CHECKING:
    from reconciler.usecases.sweep import Swept


def sweep_text(found: Swept) -> str:
    """What would go first: digest, date, size, why. Then what stays, and why."""
    lines = []
    if found.going:
        rows = [
            (short_digest(each.snapshot.digest), each.snapshot.data_date, f"{size(each.size):>8}", each.why)
            for each in found.going
        ]
        lines += [f"To remove in {found.environment}", *table(rows, indent=2)]
    else:
        lines.append(f"Nothing to remove in {found.environment}.")
    if found.snapshots:
        stay = [(short_digest(each.digest), each.data_date, found.kept[each.digest]) for each in found.snapshots]
        lines += ["Stays", *table(stay, indent=2)]
    return "\n".join(lines)


def sweep_document(found: Swept) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "format_version": 1,
        "environment": found.environment,
        "removed": found.done,
        "going": [
            {
                "digest": each.snapshot.digest,
                "data_date": each.snapshot.data_date,
                "bytes": each.size,
                "reason": each.why,
            }
            for each in found.going
        ],
        "kept": [
            {"digest": each.digest, "data_date": each.data_date, "reason": found.kept[each.digest]}
            for each in found.snapshots
        ],
    }


def size(number: int) -> str:
    """`812 B`, `3.4 kB`, `1.2 GB`."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
