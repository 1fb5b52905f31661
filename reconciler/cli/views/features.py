"""The catalogue of features as text, as the page docs/features.md, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from reconciler.cli.views.table import table
from reconciler.domain.task import TaskSpec
from reconciler.usecases.features import Entry

_WIDTH, _LABEL = 110, 14


def lines(entries: Sequence[Entry]) -> list[str]:
    """An aligned table over all groups."""
    out: list[str] = []
    columns = table([_row(entry) for entry in entries], indent=2, header=("feature", "unit", "known at", "formula"))
    rows = dict(zip(((each.task.name, each.feature.name) for each in entries), columns[1:], strict=True))
    for task, found in _by_task(entries):
        out += [f"{task.name}, revision {task.revision}: {len(found)} features", "", columns[0]]
        for group, members in groupby(found, key=lambda entry: entry.feature.group):
            out += ["", f"{group}: {task.group_about.get(group, '')}"]
            out += [rows[task.name, each.feature.name] for each in members]
        out.append("")
    out.append("as-of date: the invoice date in training, the day of the prediction in predicting.")
    return [*out, "One of them whole: reconciler features --explain NAME"]


def _row(entry: Entry) -> tuple[str, str, str, str]:
    only = " (by name only)" if entry.feature.by_name else ""
    return entry.feature.name, entry.feature.unit, entry.known, entry.feature.summary + only


def _by_task(entries: Sequence[Entry]) -> list[tuple[TaskSpec, list[Entry]]]:
    names = dict.fromkeys(entry.task.name for entry in entries)
    found = [[entry for entry in entries if entry.task.name == name] for name in names]
    return [(each[0].task, each) for each in found]


def whole(entry: Entry) -> list[str]:
    """One feature, with everything that its task says of it."""
    feature, task = entry.feature, entry.task
    parts = [
        ("group", feature.group + (", but only for a recipe that names it" if feature.by_name else "")),
        ("type", feature.type),
        ("unit", feature.unit),
        ("formula", feature.summary),
        ("known at", _known(entry)),
        ("needs", ", ".join(feature.needs) or "nothing of the invoice itself but its customer"),
        ("others", _others(entry)),
        ("no history", feature.cold or "as anybody: it does not look at other invoices"),
        ("beware", feature.caution),
        ("example", feature.example),
    ]
    out = [feature.name]
    for label, text in parts:
        if text:
            out += _labelled(label, text)
    return [*out, "", *task.about.splitlines(), "", *(task.example.splitlines() if feature.example else ())]


def _labelled(label: str, text: str) -> list[str]:
    inner = wrap(text, _WIDTH - _LABEL, break_on_hyphens=False)
    return [(f"  {label}".ljust(_LABEL) if not number else " " * _LABEL) + each for number, each in enumerate(inner)]


def _known(entry: Entry) -> str:
    if entry.feature.known == "as-of":
        known = "the as-of date, from what was known strictly before it"
        return known if entry.feature.others else "the as-of date"
    if entry.declared:
        return f"the invoice date, where the mapping declares so of {', '.join(entry.declared)}; else it is refused"
    return "the invoice date"


def _others(entry: Entry) -> str:
    feature = entry.feature
    if not feature.others:
        return ""
    whose = "of all customers" if feature.group == "portfolio" else "of the customer"
    only = f"; a group leaves it out where {', '.join(feature.only_with)} is not mapped" if feature.only_with else ""
    return f"{', '.join(feature.others)} of other invoices {whose}{only}"


def page(entries: Sequence[Entry]) -> str:
    """docs/features.md."""
    out = [
        "# Features",
        "",
        "Made by `reconciler features -o markdown` from the catalogue that validation and training read; a test "
        "compares.",
        "`reconciler features --explain NAME` tells one of them whole. What a recipe includes are groups or single "
        "features.",
    ]
    for task, found in _by_task(entries):
        out += ["", f"## {task.name}, revision {task.revision}", "", *task.about.splitlines()]
        for group, members in groupby(found, key=lambda entry: entry.feature.group):
            out += _section(task, group, list(members))
        out += ["", "### The examples", "", "```", *task.example.splitlines(), "```", ""]
        out += _grid(
            ("feature", "computation"), [(f"`{e.feature.name}`", e.feature.example) for e in found if e.feature.example]
        )
    return "\n".join(out) + "\n"


def _section(task: TaskSpec, group: str, members: Sequence[Entry]) -> list[str]:
    header = ("feature", "unit", "known at", "formula", "sources", "without history")
    rows = [
        (
            f"`{each.feature.name}`",
            each.feature.unit,
            each.known,
            each.feature.summary,
            _sources(each),
            each.feature.cold,
        )
        for each in members
    ]
    out = ["", f"### {group}", "", f"{task.group_about.get(group, '').capitalize()}.", "", *_grid(header, rows)]
    for each in members:
        text = each.feature.caution
        if text:
            out += ["", f"`{each.feature.name}`: {text}."]
    return out


def _sources(entry: Entry) -> str:
    own, others = ", ".join(entry.feature.needs), ", ".join(entry.feature.others)
    return "; ".join(part for part in (own, f"of other invoices {others}" if others else "") if part)


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    written = [f"| {' | '.join(row)} |" for row in cells]
    return [written[0], "|" + "---|" * len(header), *written[1:]]


def document(entry: Entry) -> dict[str, Any]:
    """One feature, as JSON."""
    task = entry.task
    return {
        "format_version": 1,
        "task": task.name,
        "revision": task.revision,
        "feature": _plain(entry),
        "about": task.about,
        "example_data": task.example,
    }


def documents(entries: Sequence[Entry]) -> dict[str, Any]:
    """The catalogue, as JSON."""
    return {
        "format_version": 1,
        "tasks": {
            task.name: {
                "revision": task.revision,
                "groups": dict(task.group_about),
                "features": [_plain(entry) for entry in found],
            }
            for task, found in _by_task(entries)
        },
    }


def _plain(entry: Entry) -> dict[str, Any]:
    feature = entry.feature
    return {
        "name": feature.name,
        "group": feature.group,
        "type": feature.type,
        "unit": feature.unit,
        "known_at": feature.known,
        "declared": list(entry.declared),
        "formula": feature.summary,
        "needs": list(feature.needs),
        "others": list(feature.others),
        "only_with": list(feature.only_with),
        "by_name": feature.by_name,
        "without_history": feature.cold or None,
        "caution": feature.caution or None,
        "example": feature.example or None,
    }
