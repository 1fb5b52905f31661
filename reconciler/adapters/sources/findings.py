"""What is odd in the data: counted, with the line of one example, the field and what was done. Never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.adapters.sources.columns import Column, moved_name
from reconciler.domain.inputs import Input
from reconciler.ports import Did, Finding
from reconciler.tools.duck import quoted

#: SQL that is true for the invoices that are kept.
KEPT = "cause IS NULL AND excluded IS NULL"
#: Moments whose day depends on the time zone are told where they are more than this share of a column's.
MOVED_SHARE = 0.01

_CURRENCIES = "SELECT legal_entity, mode(currency) AS company FROM invoices WHERE accounting_amount = amount GROUP BY 1"


@dataclass(frozen=True)
class Oddity:
    """Rows of `table` for which `test` (SQL) is true, in words."""

    table: str
    test: str
    what: str
    field: str
    next_step: str = ""
    did: Did = "kept"


def spotted(database: Any, oddities: Iterable[Oddity]) -> Iterator[Finding]:
    """A finding for each oddity that occurs."""
    for odd in oddities:
        rows, line = database.execute(f"SELECT count(*), min(line) FROM {odd.table} WHERE {odd.test}").fetchone()  # noqa: S608
        if rows:
            yield Finding(odd.table, odd.what, odd.field, rows, line, next_step=odd.next_step, did=odd.did)


def bad_rows(database: Any, table: str) -> Iterator[Finding]:
    """A finding for each cause by which rows of a checked table were set aside, the commonest first."""
    found = database.execute(
        f"SELECT cause, count(*), min(line) FROM {table} WHERE cause IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
    ).fetchall()
    for cause, rows, line in found:
        what, _, name = cause.partition("|")
        yield Finding(table, what, name, rows, line, did="set aside")


_LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "written-off": ("written off", "amount"),
    "credited": ("closed by a credit note", "amount"),
    "negative-amount": ("a negative amount: a credit note", "amount"),
    "zero-amount": ("an amount of zero", "amount"),
}


def left_out(database: Any) -> Iterator[Finding]:
    """A finding for each reason by which good invoices are not in the copy."""
    for reason, (what, name) in _LEFT_OUT.items():
        test = f"cause IS NULL AND excluded = '{reason}'"
        yield from spotted(database, [Oddity("invoices", test, what, name, did="left out")])


def without_rate(names: set[str]) -> str | None:
    """SQL that is true for an invoice in another currency than its company's without an amount in that one; None
    where the data cannot tell. The company's currency is that in which the two amounts are mostly the same."""
    if not {"currency", "accounting_amount"} <= names:
        return None
    company = f"(SELECT company FROM ({_CURRENCIES}) AS own WHERE own.legal_entity = invoices.legal_entity)"  # noqa: S608
    return f"accounting_amount IS NULL AND currency IS NOT NULL AND currency IS DISTINCT FROM {company}"


@dataclass(frozen=True)
class Mixed:
    """Invoices of legal entities that bill in several currencies, of which no amount in a common one is known: the line
    of the first, and how many there are in each currency, the commonest first."""

    line: int
    counts: Sequence[tuple[str, int]]


def mixed_currencies(database: Any, columns: Sequence[Column]) -> Mixed | None:
    """What is kept and cannot be added up; None where it can. A text that is no code of a currency is not told."""
    names = {column.name for column in columns}
    if "currency" not in names or "accounting_amount" in names:
        return None
    several = f"SELECT legal_entity FROM invoices WHERE {KEPT} GROUP BY 1 HAVING count(DISTINCT currency) > 1"  # noqa: S608
    code = "CASE WHEN regexp_full_match(currency, '[A-Za-z]{3}') THEN currency ELSE 'no code' END"
    found = database.execute(
        f"SELECT {code}, count(*), min(line) FROM invoices WHERE {KEPT} AND currency IS NOT NULL "  # noqa: S608
        f"AND legal_entity IN ({several}) GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return Mixed(min(row[2] for row in found), [(row[0], row[1]) for row in found]) if found else None


def moved_days(database: Any, table: str, columns: Sequence[Column], written: Input) -> Iterator[Finding]:
    """A finding for each column of moments that fall on another day in the time zone than in UTC; where nobody named
    a time zone, on another day by the offset that they say."""
    there = {row[0] for row in database.execute(f"DESCRIBE {table}").fetchall()}
    for column in columns:
        if (name := moved_name(column)) not in there:
            continue
        total = database.execute(f"SELECT count({quoted(name)}) FROM {table}").fetchone()[0]  # noqa: S608
        if "time_zone" in written.model_fields_set:
            what = f"on another day in {written.time_zone} than in UTC"
            step = "check timeZone: a wrong one makes invoices a day too late or too early"
        else:
            what = "on another day where it was written than in UTC"
            step = "set timeZone to where these days count, as Europe/Oslo; timeZone: UTC says that those in UTC do"
        for found in spotted(database, [Oddity(table, quoted(name), what, column.name, step)]):
            if found.rows > MOVED_SHARE * total:
                yield found
