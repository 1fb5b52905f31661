"""What a settlement is, and what has to be so where an environment's data has settlements beside its invoices."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from reconciler.domain.inputs import EnvironmentData, MappedColumn, Mapping

#: What a settlement may be; a mapping's `values` turn the source's texts into these words.
KINDS = ("payment", "credit-note", "write-off", "discount", "reversal")


@dataclass(frozen=True)
class Mismatch:
    """What is wrong with the mapping of a table, at a field of it or deeper, and the next step."""

    table: str
    at: tuple[str, ...]
    summary: str
    next_step: str


def mismatches(data: EnvironmentData) -> Iterator[Mismatch]:
    """Everything that does not fit between the two mappings: one truth of when an invoice was settled, and a way to
    find a settlement's invoice."""
    if data.settlements is None or data.invoices is None:
        return
    named, there = data.settlements.mapping, data.invoices.mapping
    yield from _two_truths(there.keys())
    yield from _no_way(named.keys(), there.keys())
    yield from _kinds(named)


def _two_truths(invoices: Set[str]) -> Iterator[Mismatch]:
    for name in ("settled_date", "known_date"):
        if name in invoices:
            summary = f"{name} is mapped, and the settlements say when invoices were settled"
            yield Mismatch("invoices", (name,), summary, "take it out, or take the settlements out")


def _no_way(settlements: Set[str], invoices: Set[str]) -> Iterator[Mismatch]:
    if not {"invoice", "source_id"} & settlements:
        summary = "the mapping does not say which invoice a settlement is of"
        yield Mismatch("settlements", (), summary, "map invoice as the invoices have it, or source_id of both")
    for name in ("source_id", "offset_id"):
        if name in settlements and "source_id" not in invoices:
            summary = f"{name} finds nothing: the invoices have no source_id"
            yield Mismatch("settlements", (name,), summary, "map source_id of the invoices")
    if "instalment" in invoices and not {"instalment", "source_id"} & settlements:
        summary = "the invoices have instalments, and the settlements do not say of which one they are"
        yield Mismatch("settlements", (), summary, "map instalment")


def _kinds(named: Mapping) -> Iterator[Mismatch]:
    kind = named.get("kind")
    for text, word in (kind.values if isinstance(kind, MappedColumn) else {}).items():
        if word not in KINDS:
            summary = f"{word} is no kind of settlement"
            yield Mismatch("settlements", ("kind", "values", text), summary, f"one of: {', '.join(KINDS)}")
