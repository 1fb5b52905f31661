"""What `init` tells: the proposed mapping with its reasons, and the repository that was begun."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.cli.views.escape import terminal
from reconciler.cli.views.refreshed import finding_lines
from reconciler.cli.views.table import table
from reconciler.core.proposed import FieldChoice
from reconciler.ports import Sample, Trial
from reconciler.usecases.init import Begun
from reconciler.usecases.init_look import FEW, FirstLook, Looked

_SHOWN = 5


def proposed(look: FirstLook) -> str:
    """Of each source the mapping, field by field, then what is left out and what is in doubt."""
    several = len(look.tables) > 1
    lines = [line for name, each in look.tables.items() for line in (*_table(name if several else "", each), "")]
    if "settlements" not in look.tables:
        lines.append(_limits(look))
    lines += [
        f"In doubt: {f'{name}: ' if several else ''}{doubt}"
        for name, each in look.tables.items()
        for doubt in (*each.sample.doubts, *each.proposal.doubts)
    ]
    return terminal("\n".join(line.replace("\r", " ") for line in lines), lines=True) + "\n"


def tried(look: FirstLook, trial: Trial) -> str:
    """What the settlements say of the invoices, read whole."""
    share = trial.matched / max(1, trial.settlements)
    settled = sum(day is not None for day in trial.settled) / max(1, len(trial.settled))
    lines = [
        f"{trial.matched:,} of {trial.settlements:,} settlements ({share:.1%}) are of an invoice that is there; "
        f"by them {settled:.1%} of {trial.rows['invoices']:,} invoices are settled",
        _limits(look),
    ]
    if share < FEW:
        lines.append("In doubt: are these settlements those of these invoices, and are all of these invoices there?")
    return terminal("\n".join(lines), lines=True) + "\n"


def _limits(look: FirstLook) -> str:
    return f"Very late from {look.limits.very_late_after_days} days after the due date: {look.limits.why}"


def _table(name: str, looked: Looked) -> list[str]:
    sample, proposal = looked.sample, looked.proposal
    seen = len(sample.columns[0]) if sample.columns else 0
    some = f" ({seen:,} looked at)" if seen < sample.rows else ""
    lines = [
        f"{_place(sample)}: {sample.rows:,} rows{some}, {len(sample.header)} columns, {sample.written}",
        "",
        f"Proposed mapping of {name}" if name else "Proposed mapping",
        *table([row for choice in proposal.fields for row in _rows(choice)], indent=2),
    ]
    if proposal.refused:
        lines += ["", "Left out" if name == "settlements" else "Not for any model to learn from"]
        lines += table([(refused.column, refused.why) for refused in proposal.refused], indent=2)
    if proposal.unused:
        lines += ["", f"Not needed: {', '.join(proposal.unused)}"]
    if proposal.null_values:
        lines += ["", f"Read as no value: {', '.join(proposal.null_values)}"]
    return lines


def _rows(choice: FieldChoice) -> Iterator[tuple[str, str, str]]:
    """A field, and below it a line for each word of the source that is taken for another."""
    if not choice.words:
        yield choice.field, _origin(choice.written()), choice.why
        return
    yield choice.field, str(choice.column), choice.why
    for text, said in choice.words:
        yield "", f"  {text}", said


def _place(sample: Sample) -> str:
    """The path or address, which holds no credential."""
    block = sample.source.model_dump()
    return str(block.get("path") or block.get("url") or f"{block.get('host')}:{block.get('port')}")


def begun_text(begun: Begun, said: str) -> str:
    """What was found, and what to type next."""
    lines = [sentence(begun.profile, sum(begun.set_aside.values()))]
    lines += [f"  {count:>6,}  {cause}" for cause, count in begun.set_aside.items()]
    lines += [f"          {row.where}: {row.told}" for row in begun.examples[:_SHOWN]]
    lines += finding_lines([each for each in begun.findings if each.did != "set aside"])
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
