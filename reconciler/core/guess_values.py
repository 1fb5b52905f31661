"""What the texts of one column are: dates (and in which order), numbers (and with which mark), yes and no, texts.

Pure: works on values that somebody else read. Every reading says how many values it fits, so that a decision can
say its evidence; two readings that fit equally are both returned, for other columns to decide between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from typing import Literal

Native = Literal["date", "number", "flag"]


def _short(figures: str) -> str:
    """Two figures, of which a leading zero may be left out."""
    return figures.replace("0", "0?", 1) if figures.startswith("0") and figures != "00" else figures


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
#: Days that systems write where there is none: SQL's and Dynamics' first, Business Central's, .NET's, and the last one.
_NONE = ("1900-01-01", "1753-01-01", "0001-01-01", "0000-00-00", "9999-12-31")
_MARK = "[./-]?"
NULL_DATES = re.compile(
    "^("
    + "|".join(
        form
        for year, month, day in (text.split("-") for text in _NONE)
        for form in (
            f"{year}{_MARK}{month}{_MARK}{day}",
            f"{_short(day)}{_MARK}{_short(month)}{_MARK}{year}",
            f"{_short(month)}{_MARK}{_short(day)}{_MARK}{year}",
        )
    )
    + r")(?!\d).*$"
)
YES = frozenset({"yes", "y", "true", "t", "1", "x", "ja", "oui", "si", "sí", "sim", "tak", "on"})
NO = frozenset({"no", "n", "false", "f", "0", "nein", "non", "nao", "não", "nie", "off"})
_ENOUGH = 0.95
_GROUPS = {".": "[,'’ \u00a0\u202f]", ",": "[.'’ \u00a0\u202f]"}
_NUMBERS = {
    mark: re.compile(
        rf"[-+]?(?P<u>(?:\d{{1,14}}|\d{{1,3}}(?:{group}\d{{3}}){{1,4}})(?:[{mark}]\d*)?|[{mark}]\d+)-?",
        re.ASCII,
    )
    for mark, group in _GROUPS.items()
}
_CURRENCY = re.compile(r"[A-Za-z]{0,3}[$€£¥₹₩₽₺₪฿₫₴₦₱]|[A-Z]{3}|zł|Kč|kr|Fr")
_TRIPLE = re.compile(r"^(\d{1,4})([-/. ])(\d{1,2})\2(\d{4}|\d{1,2})(?:(?P<t>[ T].+|Z))?$")
_NAMED = re.compile(r"^\d{1,2}([-/. ])([A-Za-z]{3,9})\1(\d{4}|\d{2})$")
_TIMES = (
    (re.compile(r"^[ T]\d{1,2}:\d{2}$"), "%H:%M"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}$"), "%H:%M:%S"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,6}$"), "%H:%M:%S.%f"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}Z$"), "%H:%M:%SZ"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,6}Z$"), "%H:%M:%S.%fZ"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}[+-]\d{2}:?\d{2}$"), "%H:%M:%S%z"),
    (re.compile(r"^[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,6}[+-]\d{2}:?\d{2}$"), "%H:%M:%S.%f%z"),
    (re.compile(r"^ \d{1,2}:\d{2}:\d{2} [AP]M$"), "%I:%M:%S %p"),
)
ORDERS = {"%d%m%Y": "day first", "%m%d%Y": "month first", "%Y%m%d": "year first"}


@dataclass(frozen=True)
class DateReading:
    """A format that reads a column's values: how many, and how many of them no other order reads."""

    format: str
    reads: int
    alone: int = 0

    @property
    def order(self) -> str:
        """In words: day first, month first, year first."""
        marks = re.findall("%[dmYybB]", self.format)
        key = "".join(marks).replace("%y", "%Y").replace("%b", "%m").replace("%B", "%m")
        return ORDERS.get(key, self.format)


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
            return date_readings(self.counts)
        return (DateReading("%Y-%m-%d", self.filled),) if self.native == "date" and self.filled else ()

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
        if self.native is not None or not reading.format.endswith(("%z", "Z")):
            return False
        return any(moment != time() for value in self.counts if (moment := _in_utc(value, reading.format)) is not None)

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
    return Column(name, values, frozenset(nulls), native)


def is_running(column: Column) -> bool:
    """True for the numbers of the rows: whole ones without a gap."""
    figures = [int(value) for value in column.counts if value.isdecimal() and len(value) < 16]
    return 0 < len(figures) == column.distinct and max(figures) - min(figures) < 1.05 * len(figures)


def read_date(text: str, form: str) -> date | None:
    """A date between 1950 and 2199 by a strptime format, or None."""
    try:
        found = datetime.strptime(text, form).date()
    except ValueError:
        return None
    return found if 1950 <= found.year <= 2199 else None


def _in_utc(text: str, form: str) -> time | None:
    """The time of day in UTC of a moment that says its offset."""
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment).time()


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


def date_readings(counts: Mapping[str, int]) -> tuple[DateReading, ...]:
    """The formats that read at least 95 % of the values, the best of them; equals together."""
    filled = sum(counts.values())
    fits: dict[str, frozenset[str]] = {}
    for form in _formats(counts):
        fits[form] = frozenset(value for value in counts if read_date(value, form))
    reads = {form: sum(counts[value] for value in values) for form, values in fits.items()}
    best = max(reads.values(), default=0)
    if not filled or best < _ENOUGH * filled:
        return ()
    winners = [form for form, n in reads.items() if n == best]
    others = frozenset[str]().union(*(fits[form] for form in fits if form not in winners))
    return tuple(DateReading(form, best, sum(counts[v] for v in fits[form] - others)) for form in winners)


def number_reading(counts: Mapping[str, int]) -> NumberReading | None:
    """The decimal mark that reads at least 95 % of the values; undecided where both read the same values. Beside them
    stands one currency's mark or none: numbers with several would add up to nothing."""
    filled = sum(counts.values())
    marks = {match[0] for value in counts if (match := _CURRENCY.search(value)) and any(map(str.isdigit, value))}
    currency = next(iter(marks)) if len(marks) == 1 else ""
    reads = {
        mark: sum(n for value, n in counts.items() if read_number(value, mark, currency) is not None) for mark in ".,"
    }
    best = max(reads.values())
    if not filled or best < _ENOUGH * filled:
        return None
    mark = "." if reads["."] == best else ","
    fractions = sum(n for value, n in counts.items() if mark in value)
    marked = any("," in value or "." in value for value in counts)
    return NumberReading(mark, best, marked and reads["."] == reads[","], fractions, currency)


def _formats(counts: Mapping[str, int]) -> list[str]:
    """The formats worth trying: those of the shape that most values have."""
    shapes: Counter[tuple[str, str, str]] = Counter()
    for value, n in counts.items():
        shape = _shape(value)
        if shape:
            shapes[shape] += n
    if not shapes:
        return []
    (kind, mark, time), _ = shapes.most_common(1)[0]
    tails = {"year": ["%Y{m}%m{m}%d"], "four": ["%d{m}%m{m}%Y", "%m{m}%d{m}%Y"],
             "two": ["%d{m}%m{m}%y", "%m{m}%d{m}%y"], "eight": ["%Y%m%d", "%d%m%Y"],
             "named4": ["%d{m}%b{m}%Y", "%d{m}%B{m}%Y"], "named2": ["%d{m}%b{m}%y"]}  # fmt: skip
    return [form.format(m=mark) + time for form in tails[kind]]


def _shape(value: str) -> tuple[str, str, str] | None:
    if len(value) == 8 and value.isdigit():
        return ("eight", "", "")
    if match := _NAMED.match(value):
        return ("named4" if len(match[3]) == 4 else "named2", match[1], "")
    match = _TRIPLE.match(value)
    if match is None:
        return None
    time = _time(match["t"] or "")
    if time is None:
        return None
    kind = "year" if len(match[1]) == 4 else "four" if len(match[4]) == 4 else "two"
    return (kind, match[2], time)


def _time(text: str) -> str | None:
    if not text:
        return ""
    return next((text[0] + form for pattern, form in _TIMES if pattern.match(text)), None)
