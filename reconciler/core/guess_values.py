"""What the texts of one column are: dates (and in which order), numbers (and with which mark), yes and no, texts.

Pure: works on values that somebody else read. Every reading says how many values it fits, so that a decision can
say its evidence; two readings that fit equally are both returned, for other columns to decide between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import cached_property, lru_cache
from typing import Literal

from reconciler.core.guess_days import (
    NULL_DATES,
    OPEN_TEXTS,
    DateReading,
    counted_readings,
    date_readings,
    read_date,
    time_in_utc,
)
from reconciler.core.guess_names import named

Native = Literal["date", "number", "flag"]


NULL_TEXTS = (
    "NULL",
    "null",
    "Null",
    "(null)",
    "N/A",
    "n/a",
    "NA",
    "#N/A",
    "None",
    "none",
    "NaN",
    "nan",
    "-",
    "--",
    "?",
)
YES = frozenset({"yes", "y", "true", "t", "1", "x", "ja", "oui", "si", "sí", "sim", "tak", "on"})
NO = frozenset({"no", "n", "false", "f", "0", "nein", "non", "nao", "não", "nie", "off"})
_DATED = ("invoice_date", "due_date", "settled_date", "paid_on", "recorded_on", "customer_since")
_ENOUGH = 0.95
_GROUPS = {".": "[,'’ \u00a0\u202f]", ",": "[.'’ \u00a0\u202f]"}
_NUMBERS = {
    mark: re.compile(
        rf"[-+]?(?P<u>(?:\d{{1,14}}|\d{{1,3}}(?:{group}\d{{3}}){{1,4}}{india})(?:[{mark}]\d*)?|[{mark}]\d+)-?",
        re.ASCII,
    )
    for mark, group, india in (
        (".", _GROUPS["."], r"|\d{1,2}(?:,\d{2}){1,5},\d{3}"),
        (",", _GROUPS[","], ""),
    )
}
_CURRENCY = re.compile(r"[A-Za-z]{0,3}[$€£¥₹₩₽₺₪฿₫₴₦₱]|[A-Z]{3}|zł|Kč|kr|Fr")


@dataclass(frozen=True)
class NumberReading:
    """A decimal mark that reads a column's values, how many, whether the other mark reads as many, and the mark of a
    currency that stands beside the numbers, if there is one."""

    decimal: str
    reads: int
    undecided: bool
    fractions: int
    currency: str = ""


@dataclass(frozen=True)
class Column:
    """A column and what its values can be read as. `native`: what they are by the source's own types, if it has any:
    then how they are written is no question (dates are ISO, numbers have a point)."""

    name: str
    values: Sequence[str]
    nulls: frozenset[str] = field(default_factory=frozenset)
    native: Native | None = None

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Value → how often, without the texts that mean: no value."""
        counts = Counter(self.values)
        return {value: n for value, n in counts.items() if value and value not in self.nulls}

    @cached_property
    def filled(self) -> int:
        return sum(self.counts.values())

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @cached_property
    def dates(self) -> tuple[DateReading, ...]:
        """The readings as dates, best first; more than one only where they fit equally; none where it is no date."""
        if self.native is None:
            return date_readings(self.counts) or self._counted
        if self.native == "number":
            return self._counted or (date_readings(self.counts) if self._is_called_a_date else ())
        return (DateReading("%Y-%m-%d", self.filled),) if self.native == "date" and self.filled else ()

    @property
    def _is_called_a_date(self) -> bool:
        return any(named(role, self.name) for role in _DATED)

    @property
    def _counted(self) -> tuple[DateReading, ...]:
        """The reading as days or seconds that are counted, where the column's name is that of a date."""
        return counted_readings(self.counts) if self._is_called_a_date else ()

    @cached_property
    def number(self) -> NumberReading | None:
        found = number_reading(self.counts) if self.native in (None, "number") else None
        return replace(found, decimal=".", undecided=False) if found and self.native else found

    @cached_property
    def flag(self) -> bool:
        """True where every value is a yes or a no of some language, and both occur or it is a word."""
        low = {value.casefold() for value in self.counts}
        return 0 < len(low) <= 2 and low <= YES | NO and bool(low - {"0", "1"} or len(low) == 2)

    def read_dates(self, reading: DateReading) -> list[date | None]:
        """The column as dates; None for no value and for what the reading does not read."""
        known = {value: read_date(value, reading.format) for value in self.counts}
        return [known.get(value) for value in self.values]

    def moves(self, reading: DateReading) -> bool:
        """Whether the day of some of its texts depends on the time zone: they say their offset, and are no midnight."""
        if self.native == "date" or not (reading.format.endswith(("%z", "Z")) or reading.format.startswith("unix")):
            return False
        return any(
            moment != time() for value in self.counts if (moment := time_in_utc(value, reading.format)) is not None
        )

    def read_numbers(self, decimal: str) -> list[float | None]:
        """The column as numbers, for comparing columns, never for keeping amounts."""
        currency = self.number.currency if self.number else ""
        known = {value: read_number(value, decimal, currency) for value in self.counts}
        return [known.get(value) for value in self.values]


def column(name: str, texts: Sequence[str], native: Native | None = None) -> Column:
    """Look at a column: values trimmed, the texts that mean no value found."""
    values = [text.strip(" \t\u00a0") for text in texts]
    counts = Counter(values)
    nulls = {value for value in counts if value in NULL_TEXTS}
    nulls |= {value for value in counts if NULL_DATES.match(value)}
    found = Column(name, values, frozenset(nulls), native)
    still_open = {value for value in counts if value.casefold() in OPEN_TEXTS} if native is None else set()
    if still_open and (dated := Column(name, values, frozenset(nulls | still_open), native)).dates:
        return dated
    return found


def is_running(column: Column) -> bool:
    """True for the numbers of the rows: whole ones without a gap."""
    figures = [int(value) for value in column.counts if value.isdecimal() and len(value) < 16]
    return 0 < len(figures) == column.distinct and max(figures) - min(figures) < 1.05 * len(figures)


def read_number(text: str, decimal: str, currency: str = "") -> float | None:
    """A number written with a decimal mark, groups of three allowed, a sign before or after, or in brackets if it is
    negative, and the mark of a currency at either end if one is named; or None."""
    if currency and currency in text:
        text = _at_an_end(currency).sub(r"\1\2", text, count=1)
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    match = _NUMBERS[decimal].fullmatch(text)
    if match is None or (text[0] in "+-" and text.endswith("-")):
        return None
    digits = re.sub(_GROUPS[decimal], "", match["u"]).replace(",", ".")
    return -float(digits) if "-" in text else float(digits)


@lru_cache
def _at_an_end(currency: str) -> re.Pattern[str]:
    space = "[ \u00a0\u202f]?"
    return re.compile(f"^([-+(]?){space}{re.escape(currency)}{space}|{space}{re.escape(currency)}([-)]?)$")


def number_reading(counts: Mapping[str, int]) -> NumberReading | None:
    """The decimal mark that reads at least 95 % of the values; undecided where both read the same values. Beside them
    stands one currency's mark or none: numbers with several would add up to nothing."""
    filled = sum(counts.values())
    reads, currency = _numbers_read(counts)
    best = max(reads.values())
    if not filled or best < _ENOUGH * filled:
        return None
    mark = "." if reads["."] == best else ","
    fractions = sum(n for value, n in counts.items() if mark in value)
    marked = any("," in value or "." in value for value in counts)
    return NumberReading(mark, best, marked and reads["."] == reads[","], fractions, currency)


def most_numbers(counts: Mapping[str, int]) -> int:
    """How many of the values are numbers with one decimal mark and at most one currency, at most."""
    return max(_numbers_read(counts)[0].values())


def is_label(column: Column) -> bool:
    """Texts or whole figures: what numbers of documents and accounts look like."""
    return not column.dates and not (column.number and column.number.fractions)


def _numbers_read(counts: Mapping[str, int]) -> tuple[Mapping[str, int], str]:
    """Decimal mark → how many values it reads, and the mark of the one currency that stands beside them."""
    marks = {match[0] for value in counts if (match := _CURRENCY.search(value)) and any(map(str.isdigit, value))}
    currency = next(iter(marks)) if len(marks) == 1 else ""
    reads = {
        mark: sum(n for value, n in counts.items() if read_number(value, mark, currency) is not None) for mark in ".,"
    }
    return reads, currency
