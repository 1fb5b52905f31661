"""SQL that turns texts into typed values and names what is wrong with a row. No statement ever shows a value.

Every expression answers NULL for a text that it cannot read: casts are `TRY_`, so no error can quote the data.
Amounts become DECIMAL(18,4), half a unit of the fourth place away from zero; dates must lie in 1950–2199.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.adapters.sources.columns import Column
from reconciler.domain.dates import COUNTED, EXCELS_FIRST, MONTHS, has_month_name, month_ends, with_figures
from reconciler.domain.terms import NET_DAYS
from reconciler.tools.duck import literal, quoted

TRUE_TEXTS = ("true", "yes", "y", "t", "1", "x", "ja", "oui", "sí", "si", "sim", "tak", "on")
FALSE_TEXTS = ("false", "no", "n", "f", "0", "nein", "non", "não", "nao", "nie", "off")
TEXT_LIMIT = 200
_NAME = r"\p{L}{3,}"
_CAUSES = {
    "text": f"longer than {TEXT_LIMIT} characters",
    "number": "unparseable amount",
    "whole": "not a whole number",
    "date": "impossible date",
    "flag": "neither yes nor no",
}


def value_of(column: Column, cell: str, kind: str, null_values: Sequence[str]) -> str:
    """The cell of a field as the source has it, texts trimmed; NULL where it is one of the texts that mean: no value.
    `kind` is the cell's DuckDB type."""
    if column.constant is not None:
        return literal(column.constant)
    nulls = ", ".join(literal(value.strip()) for value in ("", *null_values))
    if kind == "VARCHAR":
        text = _trimmed(cell)
        value = f"CASE WHEN {text} IN ({nulls}) THEN NULL ELSE {text} END" if null_values else f"nullif({text}, '')"
        return _renamed(value, column.values)
    text = f"CAST({cell} AS VARCHAR)"
    value = cell if not column.values else _renamed(text, column.values)
    if not null_values and (is_moment(kind) or kind == "BOOLEAN"):
        return value  # which has no text that could be empty
    shown = f"CAST(CAST({cell} AS DATE) AS VARCHAR)" if is_moment(kind) else text
    return f"CASE WHEN {text} IN ({nulls}) OR {shown} IN ({nulls}) THEN NULL ELSE {value} END"


def _trimmed(cell: str) -> str:
    """Without spaces of any kind and tabs around it. Only a cell that holds a tab needs the slow way."""
    slow = f"trim(trim({cell}, ' ' || chr(9)))"
    return f"CASE WHEN contains({cell}, chr(9)) THEN {slow} ELSE trim({cell}) END"


def is_moment(kind: str) -> bool:
    """True for DuckDB's types of a day or a moment in time."""
    return kind == "DATE" or kind.startswith("TIMESTAMP")


def typed(column: Column, kind: str, time_zone: str) -> str:
    """The typed value of what is in the column of the same name, prefixed `t_`, which is of DuckDB's type `kind`."""
    cell = quoted(f"t_{column.name}")
    if column.constant is not None or column.values:
        kind = "VARCHAR"
    text = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    match column.spec.type:
        case "text":
            return f"CASE WHEN length({text}) <= {TEXT_LIMIT} THEN {text} END"
        case "number":
            found = _number(text, column.decimal, column.currency_mark) if kind == "VARCHAR" else _exact(cell, kind)
            return f"(-({found}))" if column.negate else found
        case "whole":
            return _whole(text) if kind == "VARCHAR" else f"CASE WHEN {cell} = trunc({cell}) THEN {_integer(cell)} END"
        case "date":
            return _day(cell, kind, time_zone) if is_moment(kind) else _date(_figures(text, kind), column, time_zone)
        case "flag":
            return cell if kind == "BOOLEAN" else flag_of(text, column.true_values, column.false_values)


def days_after(column: Column, kind: str, begins: str) -> str:
    """The date so many days after `begins` (SQL of a date) as the column's text says; NULL where it says none."""
    cell = quoted(f"t_{column.name}")
    text = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    days = f"TRY_CAST(regexp_extract(lower({text}), {literal(NET_DAYS)}, 1) AS INTEGER)"
    return _day(f"({begins} + {days})", "DATE", "")


def cause_of(columns: Sequence[Column]) -> str:
    """A CASE that gives `cause|field` of the first thing wrong in a row, NULL for a good one."""
    whens = []
    for column in columns:
        text, value = quoted(f"t_{column.name}"), quoted(column.name)
        if column.spec.required:
            whens.append((f"{text} IS NULL", "missing", column.name))
        cause = "not a number of days" if column.add_days_to else _CAUSES[column.spec.type]
        whens.append((f"{text} IS NOT NULL AND {value} IS NULL", cause, column.name))
    names = {column.name for column in columns}
    if {"invoice_date", "due_date"} <= names:
        whens.append(("due_date < invoice_date", "due before the invoice date", "due_date"))
    if {"invoice_date", "settled_date"} <= names:
        whens.append(("settled_date < invoice_date", "settled before the invoice date", "settled_date"))
    return "CASE " + " ".join(f"WHEN {test} THEN {literal(f'{cause}|{name}')}" for test, cause, name in whens) + " END"


def _number(written: str, decimal: str, currency: str | None) -> str:
    """A sign before or after, or brackets, which make it negative; groups of three parted by the other mark, an
    apostrophe or a space, or of two before the last three as in India, parted by commas; one decimal mark; the
    currency's mark at either end, if there is one."""
    text = _unbracketed(_without(written, currency) if currency else written)
    group, mark = ("[.,'’ \u00a0\u202f]".replace(decimal, ""), "[.]" if decimal == "." else ",")
    india = "|[0-9]{1,2}(,[0-9]{2}){1,5},[0-9]{3}" if decimal == "." else ""
    unsigned = f"(([0-9]{{1,14}}|[0-9]{{1,3}}({group}[0-9]{{3}}){{1,4}}{india})({mark}[0-9]*)?|{mark}[0-9]+)"
    pattern = literal(f"[-+]?{unsigned}|{unsigned}-")
    digits = f"regexp_replace({text}, {literal(group[:-1] + '+-]')}, '', 'g')"
    digits = digits if decimal == "." else f"replace({digits}, ',', '.')"
    sign = f"CASE WHEN contains({text}, '-') THEN '-' ELSE '' END"
    careful = f"WHEN regexp_full_match({text}, {pattern}) THEN TRY_CAST({sign} || {digits} AS DECIMAL(18,4))"
    if decimal != ".":
        return f"CASE {careful} END"
    # The usual way to write a number needs no pattern. The cast reads exponents and `_` too, which we do not.
    value = f"TRY_CAST({written} AS DECIMAL(18,4))"
    odd = " OR ".join(f"contains({written}, '{mark}')" for mark in "eE_")
    return f"CASE WHEN length({written}) <= 14 AND {value} IS NOT NULL AND NOT ({odd}) THEN {value} {careful} END"


def _without(text: str, mark: str) -> str:
    space = "[ \u00a0\u202f]?"
    pattern = literal(f"^([-+(]?){space}{re.escape(mark)}{space}|{space}{re.escape(mark)}([-)]?)$")
    return f"regexp_replace({text}, {pattern}, '\\1\\2')"


def _unbracketed(text: str) -> str:
    """Accountants write a negative number in brackets."""
    inner = f"'-' || substr({text}, 2, length({text}) - 2)"
    return f"CASE WHEN starts_with({text}, '(') AND ends_with({text}, ')') THEN {inner} ELSE {text} END"


def _exact(cell: str, kind: str) -> str:
    """A number that is one already. A float goes by its shortest text, so that 0.1 is 0.1."""
    exact = f"CAST({cell} AS VARCHAR)" if kind in ("FLOAT", "DOUBLE") else cell
    return f"TRY_CAST({exact} AS DECIMAL(18,4))"


def _whole(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '[0-9]{{1,9}}') THEN TRY_CAST({text} AS INTEGER) END"


def _integer(cell: str) -> str:
    return f"CASE WHEN {cell} BETWEEN 0 AND 999999999 THEN TRY_CAST({cell} AS INTEGER) END"


def _figures(text: str, kind: str) -> str:
    """A number that stands for a date as text: without idle zeros behind the point."""
    return f"regexp_replace({text}, '[.]0+$', '')" if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else text


def _date(text: str, column: Column, time_zone: str) -> str:
    date_format = column.date_format
    if date_format in COUNTED:
        return _counted(text, date_format, time_zone)
    if has_month_name(date_format):
        text, date_format = _with_figures(text, date_format), with_figures(date_format)
    kind = "TIMESTAMP WITH TIME ZONE" if says_offset(date_format) else "TIMESTAMP"
    if _ends_in_z(date_format):
        date_format = f"{date_format[:-1]}%z"
    shown = f"regexp_replace({text}, 'Z$', '+00')" if date_format.endswith("%z") else text  # DuckDB knows no Z
    moment = f"TRY_STRPTIME({shown}, {literal(date_format)})"
    if date_format == "%Y-%m-%d":  # what a cast reads too, much sooner
        moment = f"CASE WHEN {text} LIKE '____-__-__' THEN TRY_CAST({text} AS DATE) ELSE {moment} END"
    return _day(moment, kind, time_zone)


def _counted(text: str, date_format: str, time_zone: str) -> str:
    """Days as Excel counts them, or seconds or milliseconds since 1970 in UTC."""
    count = f"TRY_CAST(regexp_extract({text}, {literal(COUNTED[date_format])}, 1) AS BIGINT)"
    if date_format == "excel":
        return _day(f"DATE '{EXCELS_FIRST}' + CAST({count} AS INTEGER)", "DATE", time_zone)
    seconds = count if date_format == "unix" else f"{count} / 1000"
    return _day(f"to_timestamp({seconds})", "TIMESTAMP WITH TIME ZONE", time_zone)


def _with_figures(text: str, date_format: str) -> str:
    """The text with the month's figures in the place of its name; NULL where that is none."""
    name = f"regexp_extract({text}, {literal(f'{_NAME}{month_ends(date_format)}')})"
    whens = " ".join(f"WHEN {literal(word)} THEN {literal(month)}" for word, month in MONTHS.items())
    return f"replace({text}, {name}, CASE rtrim(lower({name}), '.') {whens} END)"


def says_offset(date_format: str) -> bool:
    """Whether texts of a format say how far their moment is from UTC: by figures, a zone's name, or a Z at the end, or
    by being counted in UTC."""
    return date_format in ("unix", "unix-ms") or "%z" in date_format or "%Z" in date_format or _ends_in_z(date_format)


def _ends_in_z(date_format: str) -> bool:
    """A written Z after a time of day; after a day alone it moves nothing."""
    return date_format.endswith("Z") and not date_format.endswith("%Z") and ("%H" in date_format or "%I" in date_format)


def own_day(column: Column) -> str:
    """The day of a text whose format ends in `%z` where it was written: as if it did not say its offset."""
    text = f"regexp_replace({quoted(f't_{column.name}')}, '(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$', '')"
    return _date(text, replace(column, date_format=column.date_format.removesuffix("%z")), "UTC")


def _day(moment: str, kind: str, time_zone: str) -> str:
    """The day of a moment; one that says its offset from UTC falls on the day that it is in the time zone."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        moment = f"timezone({literal(time_zone)}, {moment})"
    day = f"TRY_CAST({moment} AS DATE)"
    return f"CASE WHEN {day} BETWEEN DATE '1950-01-01' AND DATE '2199-12-31' THEN {day} END"


def flag_of(text: str, true: Sequence[str] = (), false: Sequence[str] = ()) -> str:
    """Yes or no from a text: by the texts named, else by the usual words; NULL for any other."""
    if not (true or false):
        true, false = TRUE_TEXTS, FALSE_TEXTS
    low = f"lower(CAST({text} AS VARCHAR))"
    return f"CASE WHEN {low} IN ({_lowered(true)}) THEN true WHEN {low} IN ({_lowered(false)}) THEN false END"


def _renamed(text: str, values: Mapping[str, str]) -> str:
    """Texts that stand for a word become that word."""
    if not values:
        return text
    whens = " ".join(f"WHEN {literal(old.strip())} THEN {literal(new)}" for old, new in values.items())
    return f"(CASE {text} {whens} ELSE {text} END)"


def _lowered(values: Sequence[str]) -> str:
    return ", ".join(literal(value.lower()) for value in values) or "NULL"
