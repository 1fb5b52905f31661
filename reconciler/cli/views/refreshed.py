"""What a refresh copied, and what it found in the data, as text with a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.cli.views.copies import copy_lines
from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table
from reconciler.domain.names import short_digest
from reconciler.ports import Finding
from reconciler.usecases.refresh import Refreshed


def refreshed_text(done: Refreshed) -> str:
    """The snapshot in a line, then a table of findings, then what to do about them."""
    snapshot = done.snapshot
    rows = ", ".join(f"{number:,} {name}" for name, number in sorted(snapshot.rows.items(), reverse=True))
    same = " (the same rows as before)" if done.known else ""
    head = f"snapshot {short_digest(snapshot.digest)} of {snapshot.copy_of}, {snapshot.data_date}: {rows}{same}"
    return "\n".join([terminal(head), *copy_lines(snapshot), *finding_lines(done.findings)])


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """`what | rows | for example | done`, aligned, and each next step once."""
    if not findings:
        return []
    rows = [
        (
            f"{each.table}: {each.what}" + (f" ({each.field})" if each.field else ""),
            f"{each.rows:,}",
            each.where,
            each.did,
        )
        for each in findings
    ]
    wide = max(len("rows"), *(len(row[1]) for row in rows))
    cells = [(what, f"{count:>{wide}}", where, did) for what, count, where, did in rows]
    lines = table(cells, indent=2, header=("what", f"{'rows':>{wide}}", "for example", "they are"))
    steps = dict.fromkeys(each.next_step for each in findings if each.next_step)
    return [*lines, *(terminal(f"  {step}") for step in steps)]


def refreshed_document(done: Refreshed) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "format_version": 1,
        "snapshot": done.snapshot.model_dump(mode="json"),
        "known": done.known,
        "examples": list(done.examples),
        "findings": [_finding(each) for each in done.findings],
    }


def _finding(found: Finding) -> dict[str, object]:
    return {
        "table": found.table,
        "what": found.what,
        "field": found.field,
        "rows": found.rows,
        "line": found.line or None,
        "file": found.file or None,
        "did": found.did,
        "next_step": found.next_step or None,
    }
