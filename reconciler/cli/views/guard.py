"""The leak guard as lines of text: what it did for a training, or what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.domain.guard import GuardFinding, GuardRecord


def guard_lines(record: GuardRecord) -> Iterator[str]:
    """What was checked, what was not, and what is kept out."""
    told = f"; {record.largest_field} tells most by itself, a skill of {record.largest_skill}" if _told(record) else ""
    yield f"leak guard: {record.rows} rows of {record.days} days built again, and the same{told}"
    for name, state in record.checks.items():
        if not state.startswith("passed"):
            yield f"  {name}: {state}"
    for why in dict.fromkeys(record.denied.values()):
        yield f"  denied: {', '.join(name for name, reason in record.denied.items() if reason == why)} ({why})"
    for name, reason in record.reasons.items():
        yield f"  tells much, with a reason: {name} ({reason})"
    for finding in record.accepted:
        yield f"  accepted by the data's owner: {finding}"


def _told(record: GuardRecord) -> bool:
    return record.largest_field is not None and record.largest_skill is not None


def finding_lines(findings: Sequence[GuardFinding]) -> Iterator[str]:
    """Each finding, and beneath it what to do."""
    for finding in findings:
        yield str(finding)
        yield f"  → {finding.next_step}"
