"""The raw fields of a snapshot's invoices as the guard's small models read them: numbers, or categories.

A date is read as a day and as days after the invoice date and after the due date; an identifier is never read
whole, but in its pieces: length, characters from either end, the number in it and its usual check digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reconciler.tasks.customer_payment.outcomes import NO_DAY, Days
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tasks.customer_payment.tables import Tables

#: Fields that name a row or its customer: never features, looked at in pieces.
IDENTIFIERS = ("invoice", "customer")
#: The fields that say when, which everything is measured from.
FRAME = ("legal_entity", "instalment", "invoice_date")
#: The label and what follows from it: whatever a mapping says, never known at the invoice date.
ANSWERS = frozenset(name for name, field in SPEC.fields.items() if field.answer)

_MOST_LEVELS = 100
_ENDS = 6
_MODULI = (2, 3, 7, 9, 10, 11, 97)


@dataclass(frozen=True)
class View:
    """One way to read a field: `codes` are categories (0 … levels−1), `numbers` what a tree splits (NaN: missing).
    One of the two."""

    name: str
    codes: Days | None = None
    numbers: npt.NDArray[np.float64] | None = None


def known_fields(tables: Tables) -> list[str]:
    """The fields that are declared known at the invoice date, there, and neither identifier nor frame."""
    return [
        str(name)
        for name in tables.invoices.columns
        if name in tables.known and name not in IDENTIFIERS and name not in FRAME
    ]


def views(tables: Tables, name: str, rows: Days) -> list[View]:
    """The ways to read a field on these rows."""
    column = tables.invoices[name]
    if _is_date(tables, name):
        return _date_views(tables, name, rows)
    if column.dtype.kind in "biuf":
        numbers = column.to_numpy(dtype=np.float64)[rows]
        few = len(np.unique(numbers)) <= _MOST_LEVELS
        return [View(name, numbers=numbers)] + ([View(name, codes=_codes(numbers))] if few else [])
    return [View(name, codes=_codes(tables.texts(name, rows).astype(str)))]


def beside_customer(tables: Tables, name: str, rows: Days) -> Iterator[View]:
    """A number beside the customer's mean of it, and beside that of the customer's invoice before. A mean that leaves
    its own invoice out, or that has just taken it in, says by these what that invoice was."""
    column = tables.invoices[name]
    if column.dtype.kind not in "biuf" or _is_date(tables, name):
        return
    numbers, who = column.to_numpy(dtype=np.float64), tables.customer
    there = ~np.isnan(numbers)
    total = np.bincount(who, np.where(there, numbers, 0.0))
    mean = total / np.maximum(np.bincount(who, there), 1)
    yield View(f"{name} − the customer's mean", numbers=_rounded(numbers - mean[who])[rows])
    order = np.lexsort((tables.days("invoice_date"), who))
    steps = np.full(len(numbers), np.nan)
    same = who[order[1:]] == who[order[:-1]]
    steps[order[1:]] = np.where(same, numbers[order[1:]] - numbers[order[:-1]], np.nan)
    yield View(f"{name} − the customer's before", numbers=_rounded(steps)[rows])


def _rounded(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Without what a sum's rounding leaves of equal numbers."""
    return np.round(numbers, 9)


def _is_date(tables: Tables, name: str) -> bool:
    field = SPEC.fields.get(name)
    if field is not None:
        return field.type == "date"
    return name.endswith("_date") and tables.invoices[name].dtype.kind in "iu"


def _date_views(tables: Tables, name: str, rows: Days) -> list[View]:
    day = tables.days(name)[rows]
    missing = day >= NO_DAY
    out = [View(name, numbers=np.where(missing, np.nan, day.astype(np.float64)))]
    for other in ("invoice_date", "due_date"):
        if other != name:
            after = (day - tables.days(other)[rows]).astype(np.float64)
            out.append(View(f"{name} − {other}", numbers=np.where(missing, np.nan, after)))
    return out


def _codes(values: npt.NDArray[np.generic]) -> Days:
    """Categories by how common they are; the rare ones share the last code."""
    names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(names))
    return np.asarray(np.minimum(rank[codes], _MOST_LEVELS - 1), dtype=np.int64)


def pieces(tables: Tables, name: str, rows: Days) -> Iterator[View]:
    """An identifier in its pieces, as categories."""
    texts = tables.texts(name, rows).astype(str)
    size = max(1, texts.dtype.itemsize // 4)
    letters = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), size).astype(np.int64)
    length = np.char.str_len(texts).astype(np.int64)
    yield View(f"length of {name}", codes=_codes(length))
    for place in range(min(_ENDS, size)):
        yield View(f"character {place + 1} of {name}", codes=_codes(letters[:, place]))
        last = letters[np.arange(len(texts)), np.maximum(length - 1 - place, 0)]
        yield View(f"character {place + 1} from the end of {name}", codes=_codes(np.where(length > place, last, 0)))
    yield View(f"first 3 characters of {name}", codes=_codes(texts.astype("U3")))
    yield from _numeric_pieces(name, letters)


def _numeric_pieces(name: str, letters: Days) -> Iterator[View]:
    digit = (letters >= ord("0")) & (letters <= ord("9"))
    value = np.where(digit, letters - ord("0"), 0)
    number = np.zeros(len(letters), dtype=np.int64)
    for place in range(letters.shape[1]):
        number = np.where(digit[:, place], (number % 10**16) * 10 + value[:, place], number)
    yield View(f"number in {name}", numbers=number.astype(np.float64))
    yield View(f"last two digits of {name}", codes=_codes(number % 100))
    yield View(f"sum of the digits of {name}", codes=_codes(value.sum(axis=1)))
    for modulus in _MODULI:
        yield View(f"number in {name} modulo {modulus}", codes=number % modulus)
