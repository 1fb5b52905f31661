"""Masks: what a field of the data becomes on its way into a copy. The data's owner writes them.

Pure. A mask is a word or a small block; what may be masked how follows from the task's fields, so that a copy still has
its keys and its outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reconciler.domain.problems import Unfit
from reconciler.domain.task import FieldSpec, TaskSpec
from reconciler.domain.written import Written

Period = Literal["week", "month", "quarter", "year"]

#: Fields by which tables are joined: one mask counts for every table that has them.
JOINS = frozenset({"legal_entity", "invoice", "instalment", "customer"})

#: Fields that are masked as another one, unless they are named: the payments of an invoice add up to its amount.
_AS: Mapping[str, str] = {"settlements.amount": "amount"}

#: Dates that may be coarser: all others say when something was due, paid or known, which is what is learned from.
_COARSE = frozenset({"invoice_date", "customer_since"})
_KEYED = ("hash", "pseudonym")


def _four_decimals(value: float) -> float:
    if round(value * 10_000) < 1 or abs(value * 10_000 - round(value * 10_000)) > 1e-6:
        raise Unfit("amounts have four decimals", "round to a multiple of 0.0001")
    return value


class Rounded(Written):
    """A number becomes the nearest multiple of `round`, halves away from zero."""

    round: Annotated[float, Field(gt=0, le=1_000_000_000), AfterValidator(_four_decimals)]


class Coarsened(Written):
    """A date becomes the first day of its period."""

    coarsen: Period


Mask = Literal["keep", "drop", "hash", "pseudonym"] | Rounded | Coarsened


def told(mask: Mask) -> str:
    """A mask in a few words: `hash`, `round 10`, `coarsen month`."""
    match mask:
        case Rounded():
            return f"round {mask.round:g}"
        case Coarsened():
            return f"coarsen {mask.coarsen}"
        case _:
            return mask


def in_words(masks: Mapping[str, Mask]) -> dict[str, str]:
    """Field → its mask in a few words, of those that change something, by name."""
    return {name: told(mask) for name, mask in sorted(masks.items()) if mask != "keep"}


def keyed(masks: Mapping[str, Mask]) -> bool:
    """Whether any of these asks for a key."""
    return any(mask in _KEYED for mask in masks.values())


def key_of(task: TaskSpec, spec: FieldSpec) -> str:
    """The name under which masks know a field: a join's own, else as filters know it, as `customers.country`."""
    if spec.name in JOINS:
        return spec.name
    return next((key for key, each in task.fields.items() if each == spec), spec.name)


def mask_of(masks: Mapping[str, Mask], key: str) -> Mask:
    """The mask of a field by the name under which masks know it."""
    return masks.get(key, masks.get(_AS.get(key, ""), "keep"))


def for_features(masks: Mapping[str, Mask]) -> dict[str, Mask]:
    """The masks that a model's features see: all but those of the joins, which are never features. What is predicted
    keeps its own invoice numbers and accounts."""
    return {name: mask for name, mask in masks.items() if name not in JOINS and mask != "keep"}


@dataclass(frozen=True)
class MaskFault:
    """A mask that will not do: of which field, why, and what would."""

    field: str
    what: str
    next_step: str


def faults(masks: Mapping[str, Mask], key: str | None, task: TaskSpec) -> Iterator[MaskFault]:
    """Everything that is wrong with masks, in their order."""
    fields: dict[str, list[FieldSpec]] = {}
    for spec in task.fields.values():
        fields.setdefault(key_of(task, spec), []).append(spec)
    for name, mask in masks.items():
        if name not in fields:
            yield MaskFault(name, f"there is no field {name} of {task.name}", f"fields are: {', '.join(fields)}")
            continue
        able = _able(fields[name])
        if _kind(mask) not in able:
            why = f"{name} cannot be masked by {told(mask)}"
            yield MaskFault(name, why, f"one of: {', '.join(able)}")
    if key is None and keyed(masks):
        first = next(name for name, mask in masks.items() if mask in _KEYED)
        yield MaskFault(first, f"{masks[first]} needs a key", "add maskKey: NAME, one of the runner's credentials")


def _kind(mask: Mask) -> str:
    return told(mask).split()[0]


def _able(specs: list[FieldSpec]) -> list[str]:
    """What a field may be masked by. Joins and what is required stay; dates that outcomes are made of stay as they
    are, and so does what settlements say beside their amounts."""
    spec = specs[0]
    if spec.name in JOINS:
        return ["keep", *_KEYED] if spec.type == "text" else ["keep"]
    if spec.table == "settlements":
        return ["keep", "round"] if spec.type == "number" else ["keep"]
    if spec.type == "date" and spec.name not in _COARSE:
        return ["keep"]
    able = {"text": list(_KEYED), "number": ["round"], "date": ["coarsen"]}.get(spec.type, [])
    return ["keep", *([] if spec.required else ["drop"]), *able]
