"""SQL that turns texts into typed values and names what is wrong with a row. No statement ever shows a value.

Every expression answers NULL for a text that it cannot read: casts are `TRY_`, so no error can quote the data.
Amounts become DECIMAL(18,4), half a unit of the fourth place away from zero; dates must lie in 1950–2199.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.adapters.csv_source.columns import Column

TRUE_TEXTS = ("true", "yes", "y", "t", "1", "x", "ja", "oui", "sí", "si", "sim", "tak", "on")
FALSE_TEXTS = ("false", "no", "n", "f", "0", "nein", "non", "não", "nao", "nie", "off")
TEXT_LIMIT = 200
SQL_TYPES = {"text": "VARCHAR", "number": "DECIMAL(18,4)", "whole": "INTEGER", "date": "DATE", "flag": "BOOLEAN"}
_CAUSES = {
    "text": f"longer than {TEXT_LIMIT} characters",
    "number": "unparseable amount",
    "whole": "not a whole number",
    "date": "impossible date",
    "flag": "neither yes nor no",
}


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_of(column: Column, position: int | None, null_values: Sequence[str]) -> str:
    """The trimmed text of a field, NULL where it is empty or one of the texts that mean: no value."""
    if column.constant is not None:
        return literal(column.constant)
    trimmed = f"trim(c{position}, ' ' || chr(9) || chr(160))"
    nulls = ", ".join(literal(value.strip()) for value in ("", *null_values))
    return f"CASE WHEN {trimmed} IN ({nulls}) THEN NULL ELSE {trimmed} END"


def typed(column: Column) -> str:
    """The typed value of the text in the column of the same name, prefixed `t_`."""
    text = quoted(f"t_{column.name}")
    match column.spec.type:
        case "text":
            return f"CASE WHEN length({text}) <= {TEXT_LIMIT} THEN {text} END"
        case "number":
            return _number(text, column.decimal)
        case "whole":
            return f"CASE WHEN regexp_full_match({text}, '[0-9]{{1,9}}') THEN TRY_CAST({text} AS INTEGER) END"
        case "date":
            return _date(text, column.date_format)
        case "flag":
            return _flag(text, column)


def cause_of(columns: Sequence[Column]) -> str:
    """A CASE that gives `cause|field` of the first thing wrong in a row, NULL for a good one."""
    whens = []
    for column in columns:
        text, value = quoted(f"t_{column.name}"), quoted(column.name)
        if column.spec.required:
            whens.append((f"{text} IS NULL", "missing", column.name))
        whens.append((f"{text} IS NOT NULL AND {value} IS NULL", _CAUSES[column.spec.type], column.name))
    names = {column.name for column in columns}
    if {"invoice_date", "due_date"} <= names:
        whens.append(("due_date < invoice_date", "due before the invoice date", "due_date"))
    if {"invoice_date", "settled_date"} <= names:
        whens.append(("settled_date < invoice_date", "settled before the invoice date", "settled_date"))
    return "CASE " + " ".join(f"WHEN {test} THEN {literal(f'{cause}|{name}')}" for test, cause, name in whens) + " END"


def _number(text: str, decimal: str) -> str:
    """A sign before or after; groups of three parted by the other mark, an apostrophe or a space; one decimal mark."""
    group, mark = ("[.,'’ \u00a0\u202f]".replace(decimal, ""), "[.]" if decimal == "." else ",")
    unsigned = f"(([0-9]{{1,14}}|[0-9]{{1,3}}({group}[0-9]{{3}}){{1,4}})({mark}[0-9]*)?|{mark}[0-9]+)"
    pattern = literal(f"[-+]?{unsigned}|{unsigned}-")
    digits = f"regexp_replace({text}, {literal(group[:-1] + '+-]')}, '', 'g')"
    digits = digits if decimal == "." else f"replace({digits}, ',', '.')"
    sign = f"CASE WHEN contains({text}, '-') THEN '-' ELSE '' END"
    return f"CASE WHEN regexp_full_match({text}, {pattern}) THEN TRY_CAST({sign} || {digits} AS DECIMAL(18,4)) END"


def _date(text: str, date_format: str) -> str:
    parsed = f"CAST(TRY_STRPTIME({text}, {literal(date_format)}) AS DATE)"
    return f"CASE WHEN {parsed} BETWEEN DATE '1950-01-01' AND DATE '2199-12-31' THEN {parsed} END"


def _flag(text: str, column: Column) -> str:
    if column.true_values or column.false_values:
        true, false = column.true_values, column.false_values
    else:
        true, false = TRUE_TEXTS, FALSE_TEXTS
    low = f"lower({text})"
    return f"CASE WHEN {low} IN ({_lowered(true)}) THEN true WHEN {low} IN ({_lowered(false)}) THEN false END"


def _lowered(values: Sequence[str]) -> str:
    return ", ".join(literal(value.lower()) for value in values) or "NULL"
