"""What texts are as dates: in which order they are written, with a month's name, or counted from a first day.

Pure. Every reading says how many values it fits; readings that fit equally are all returned, for other columns to
decide between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, time

from reconciler.domain.dates import COUNTED, moment_of


def _short(figures: str) -> str:
    """Two figures, of which a leading zero may be left out."""
    return figures.replace("0", "0?", 1) if figures.startswith("0") and figures != "00" else figures


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
#: What people write into the column of payments where there is none yet.
_OPEN = """
open, not paid, not yet, not yet paid, unpaid, outstanding, pending, tbd, offen, unbezahlt, nicht bezahlt, ausstehend,
ausständig, ouvert, ouverte, impayé, impayée, non payé, non payée, abierto, abierta, pendiente, no pagado, aperto,
aperta, da pagare, non pagato, openstaand
"""
OPEN_TEXTS = frozenset(text.strip() for text in _OPEN.split(","))
#: Days, seconds and milliseconds of 1980 to 2060, as a column that is called a date may count them.
_COUNTS = {"excel": (29_221, 58_804), "unix": (315_532_800, 2_840_140_800),
           "unix-ms": (315_532_800_000, 2_840_140_800_000)}  # fmt: skip
_ENOUGH = 0.95
_TRIPLE = re.compile(r"^(\d{1,4})([-/. ])(\d{1,2})\2(\d{4}|\d{1,2})(?:(?P<t>[ T].+|Z))?$")
_MONTH = r"(?P<b>[^\W\d_]{3,9})[.]?"
_NAMED = (
    (
        re.compile(rf"^\d{{1,2}}(?P<p>[.]?)(?P<m>[-/. ]){_MONTH}(?P=m)(?P<y>\d{{4}}|\d{{2}})(?P<t>[ T].+)?$"),
        "%d{p}{m}{b}{m}{y}",
    ),
    (re.compile(rf"^{_MONTH}(?P<m> )\d{{1,2}}(?P<p>,?) (?P<y>\d{{4}})(?P<t>[ T].+)?$"), "{b} %d{p} {y}"),
    (re.compile(rf"^(?P<y>\d{{4}})(?P<m>[-/. ]){_MONTH}(?P=m)\d{{1,2}}(?P<p>)(?P<t>[ T].+)?$"), "{y}{m}{b}{m}%d"),
)
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
_COUNTED_WORDS = {
    "excel": "days as Excel counts them",
    "unix": "seconds since 1970",
    "unix-ms": "milliseconds since 1970",
}
ORDERS = {"%d%m%Y": "day first", "%m%d%Y": "month first", "%Y%m%d": "year first"}


@dataclass(frozen=True)
class DateReading:
    """A format that reads a column's values: how many, and how many of them no other order reads."""

    format: str
    reads: int
    alone: int = 0

    @property
    def order(self) -> str:
        """In words: day first, month first, year first, or what is counted."""
        if self.format in _COUNTED_WORDS:
            return _COUNTED_WORDS[self.format]
        marks = re.findall("%[dmYybB]", self.format)
        key = "".join(marks).replace("%y", "%Y").replace("%b", "%m").replace("%B", "%m")
        return ORDERS.get(key, self.format)


def read_date(text: str, form: str) -> date | None:
    """A date between 1950 and 2199 by a format as `dateFormat` has it, or None."""
    moment = moment_of(text, form)
    return moment.date() if moment is not None and 1950 <= moment.year <= 2199 else None


def time_in_utc(text: str, form: str) -> time | None:
    """The time of day in UTC of a moment that says its offset."""
    moment = moment_of(text, form)
    if moment is None:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment).time()


def date_readings(counts: Mapping[str, int]) -> tuple[DateReading, ...]:
    """The formats that read at least 95 % of the values, the best of them; equals together."""
    filled = sum(counts.values())
    fits = _fits(counts)
    reads = {form: sum(counts[value] for value in values) for form, values in fits.items()}
    best = max(reads.values(), default=0)
    if not filled or best < _ENOUGH * filled:
        return ()
    winners = [form for form, n in reads.items() if n == best]
    others = frozenset[str]().union(*(fits[form] for form in fits if form not in winners))
    return tuple(DateReading(form, best, sum(counts[v] for v in fits[form] - others)) for form in winners)


def counted_readings(counts: Mapping[str, int]) -> tuple[DateReading, ...]:
    """The reading as days or seconds that are counted, of which at least 95 % are of our time; none where they are
    not."""
    filled = sum(counts.values())
    for form, (least, most) in _COUNTS.items():
        found = {value: re.match(COUNTED[form], value) for value in counts}
        reads = sum(counts[value] for value, match in found.items() if match and least <= int(match[1]) <= most)
        if filled and reads >= _ENOUGH * filled:
            return (DateReading(form, reads),)
    return ()


def most_dates(counts: Mapping[str, int]) -> int:
    """How many of the values one format reads at most."""
    return max((sum(counts[value] for value in values) for values in _fits(counts).values()), default=0)


def _fits(counts: Mapping[str, int]) -> dict[str, frozenset[str]]:
    """Format → the values that it reads."""
    return {form: frozenset(value for value in counts if read_date(value, form)) for form in _formats(counts)}


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
             "named": ["{m}"]}  # fmt: skip
    return [form.format(m=mark) + time for form in tails[kind]]


def _shape(value: str) -> tuple[str, str, str] | None:
    if len(value) == 8 and value.isdigit():
        return ("eight", "", "")
    for pattern, form in _NAMED:
        if match := pattern.match(value):
            return _named_shape(match, form)
    match = _TRIPLE.match(value)
    if match is None:
        return None
    time = _time(match["t"] or "")
    if time is None:
        return None
    kind = "year" if len(match[1]) == 4 else "four" if len(match[4]) == 4 else "two"
    return (kind, match[2], time)


def _named_shape(match: re.Match[str], form: str) -> tuple[str, str, str] | None:
    """The shape of a date with a month's name: its mark is the whole format. A name of four letters may be short."""
    time = _time(match["t"] or "")
    if time is None:
        return None
    marks = {"b": "%b" if len(match["b"]) <= 4 else "%B", "y": "%Y" if len(match["y"]) == 4 else "%y"}
    return ("named", form.format(p=match["p"], m=match["m"], **marks), time)


def _time(text: str) -> str | None:
    if not text:
        return ""
    return next((text[0] + form for pattern, form in _TIMES if pattern.match(text)), None)
