"""What `init` tells: the proposed mapping with its reasons, and the repository that was begun."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table
from reconciler.ports import Sample
from reconciler.usecases.init import Begun, FirstLook

_SHOWN = 5


def proposed(look: FirstLook) -> str:
    """The mapping, field by field, then what is left out and what is in doubt."""
    sample, proposal = look.sample, look.proposal
    looked = len(sample.columns[0]) if sample.columns else 0
    some = f" ({looked:,} looked at)" if looked < sample.rows else ""
    lines = [
        f"{_place(sample)}: {sample.rows:,} rows{some}, {len(sample.header)} columns, {sample.written}",
        "",
        "Proposed mapping",
    ]
    rows = [(choice.field, _origin(choice.written()), choice.why) for choice in proposal.fields]
    lines += table(rows, indent=2)
    if proposal.refused:
        lines += ["", "Not for any model to learn from"]
        lines += table([(refused.column, refused.why) for refused in proposal.refused], indent=2)
    if proposal.unused:
        lines += ["", f"Not needed: {', '.join(proposal.unused)}"]
    if proposal.null_values:
        lines += ["", f"Read as no value: {', '.join(proposal.null_values)}"]
    limits = proposal.limits
    lines += ["", f"Very late from {limits.very_late_after_days} days after the due date: {limits.why}"]
    lines += [f"In doubt: {doubt}" for doubt in (*sample.doubts, *proposal.doubts)]
    return terminal("\n".join(line.replace("\r", " ") for line in lines), lines=True) + "\n"


def _place(sample: Sample) -> str:
    """The path or address, which holds no credential."""
    block = sample.source.model_dump()
    return str(block.get("path") or block.get("url") or f"{block.get('host')}:{block.get('port')}")


def begun_text(begun: Begun, said: str) -> str:
    """What was found, and what to type next."""
    lines = [sentence(begun.profile, sum(begun.set_aside.values()))]
    lines += [f"  {count:>6,}  {cause}" for cause, count in begun.set_aside.items()]
    lines += [f"          {row.where}: {row.told}" for row in begun.examples[:_SHOWN]]
    if begun.best_log_loss is not None:
        lines.append(f"The best log-loss that any model can reach on the newest fifth is {begun.best_log_loss:.3f}.")
    lines += [f"Began {said}: commit {begun.commit[:12]}, snapshot {begun.snapshot.removeprefix('sha256:')[:12]}."]
    place = f"./{said}" if said.startswith("-") else said
    go = "" if said in (".", "") else f"cd {shlex.quote(place)} && "
    lines.append(f"Next: {go}reconciler apply --yes")
    return terminal("\n".join(lines), lines=True)


def begun_document(begun: Begun) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "format_version": 1,
        "folder": str(begun.folder),
        "commit": begun.commit,
        "snapshot": begun.snapshot,
        "rows": dict(begun.rows),
        "set_aside": dict(begun.set_aside),
        "examples": list(begun.examples),
        "profile": begun.profile,
        "best_log_loss": begun.best_log_loss,
    }


def sentence(profile: Mapping[str, Any], set_aside: int) -> str:
    """`4,812 invoices; 31 rows set aside (shown); on time 61 %, late 27 %, very late 12 %; 640 open, 96 overdue.`"""
    counts = {name: profile["outcomes"][name] for name in ("on_time", "late", "very_late")}
    total = max(1, sum(counts.values()))
    shares = ", ".join(f"{name.replace('_', ' ')} {100 * n / total:.0f} %" for name, n in counts.items())
    aside = f"{set_aside:,} rows set aside" + (" (shown)" if set_aside else "")
    rows = profile["tables"]["invoices"]["rows"]
    return f"{rows:,} invoices; {aside}; {shares}; {profile['open']:,} open, {profile['overdue']:,} overdue."


def _origin(written: object) -> str:
    if not isinstance(written, Mapping):
        return str(written)
    if "constant" in written:
        return f"always {written['constant']!r}"
    rest = ", ".join(f"{key} {value}" for key, value in written.items() if key != "column")
    return f"{written['column']} ({rest})" if rest else str(written["column"])
