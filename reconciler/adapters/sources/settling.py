"""Settlements before the rule: which invoice each is of, what kind it is, and which of them were known at a date.

Settlements have no key of their own: two equal part payments are two rows. They name their invoice as invoices do, or
by the source's own number of it (`source_id`); a table that holds both sides of a settlement says by `offset_id` what
the invoice was settled with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from reconciler.adapters.sources.checks import refuse_future
from reconciler.adapters.sources.closing import close_invoices
from reconciler.adapters.sources.columns import Column
from reconciler.adapters.sources.findings import KEPT, Oddity, spotted
from reconciler.domain.settling import KINDS
from reconciler.ports import Finding
from reconciler.tools.duck import literal

_SAME = (
    "invoices.legal_entity = settlements.legal_entity AND invoices.invoice = settlements.invoice "
    "AND invoices.instalment = settlements.instalment"
)
_KINDS = ", ".join(map(literal, KINDS))


def settle(
    database: Any, invoices: set[str], settlements: Sequence[Column], as_of: date | None, today: date
) -> tuple[list[Finding], tuple[int, int]]:
    """Link the settlements to their invoices, take them back to `as_of`, and close the invoices by them. `invoices`
    are the names of the invoices' columns. Rows that are only a settlement's other side are gone afterwards.

    Returns what is odd, and how many settlements have an invoice that is there, and how many name one."""
    names = {column.name for column in settlements}
    _complete(database, names)
    found = list(_numbered(database, invoices, names))
    database.execute(
        f"UPDATE settlements SET cause = CASE WHEN kind NOT IN ({_KINDS}) THEN 'not a kind of settlement|kind' "  # noqa: S608
        "ELSE 'missing|invoice' END WHERE cause IS NULL AND (kind NOT IN "
        f"({_KINDS}) OR invoice IS NULL)"
    )
    if as_of is None:
        refuse_future(database, "settlements", ("paid_on", "recorded_on"), today)
    else:
        _go_back(database, invoices, as_of)
    found += _of_settlements(database)
    unknown = f"cause IS NULL AND NOT EXISTS (SELECT 1 FROM invoices WHERE {_SAME})"  # noqa: S608
    step = "if these invoices should be there, check where, and whether both inputs name legal entity and invoice alike"
    odd = Oddity("settlements", unknown, "of an invoice that is not there", "invoice", step, "left out")
    found += spotted(database, [odd])
    (named,) = database.execute("SELECT count(*) FROM settlements WHERE cause IS NULL").fetchone()
    database.execute(f"DELETE FROM settlements WHERE {unknown}")  # noqa: S608
    (matched,) = database.execute("SELECT count(*) FROM settlements WHERE cause IS NULL").fetchone()
    close_invoices(database)
    return found, (matched, named)


def keep_only_of_kept(database: Any) -> None:
    """Drop the settlements of invoices that are not kept."""
    kept = f"SELECT 1 FROM invoices WHERE invoices.cause IS NULL AND excluded IS NULL AND {_SAME}"  # noqa: S608
    database.execute(f"DELETE FROM settlements WHERE cause IS NULL AND NOT EXISTS ({kept})")  # noqa: S608


def of_closed(database: Any) -> Iterator[Finding]:
    """What is odd in how the invoices that are kept were settled."""
    none = (
        f"{KEPT} AND due_date < (SELECT min(paid_on) FROM settlements WHERE cause IS NULL) "  # noqa: S608
        f"AND NOT EXISTS (SELECT 1 FROM settlements WHERE settlements.cause IS NULL AND {_SAME})"
    )
    before = "settled before the invoice date: neither trained on nor judged"
    step = "if the settlements do not go back as far as the invoices, these look unpaid: leave them out by where"
    yield from spotted(
        database,
        [
            Oddity("invoices", f"{KEPT} AND settled_date < invoice_date", before, "settled_date"),
            Oddity("invoices", f"{KEPT} AND in_parts", "paid in parts", "settled_date"),
            Oddity("invoices", f"{KEPT} AND reopened", "settled, and opened again by a reversal", "settled_date"),
            Oddity("invoices", f"{KEPT} AND overpaid", "settled for more than its amount", "amount"),
            Oddity("invoices", none, "without a settlement, due before the first one", "settled_date", step),
        ],
    )


def _complete(database: Any, names: set[str]) -> None:
    """Columns that are not mapped."""
    if "invoice" not in names:
        database.execute("ALTER TABLE settlements ADD COLUMN invoice VARCHAR")


def _numbered(database: Any, invoices: set[str], settlements: set[str]) -> Iterator[Finding]:
    """Find invoices and the other sides by the source's own numbers; afterwards all rows of invoices are invoices."""
    if "source_id" in invoices:
        kind = "WHEN kind <> 'invoice' THEN kind" if "kind" in invoices else "WHEN false THEN ''"
        database.execute(
            "CREATE OR REPLACE TEMP TABLE numbered AS SELECT legal_entity, source_id, min(invoice) AS invoice, "  # noqa: S608
            "min(instalment) AS instalment, "
            f"min(CASE {kind} WHEN amount < 0 THEN 'credit-note' END) AS kind "
            "FROM invoices WHERE source_id IS NOT NULL GROUP BY 1, 2"
        )
    yield from _only_invoices(database, invoices)
    if "offset_id" in settlements:
        database.execute(
            "UPDATE settlements SET kind = numbered.kind FROM numbered WHERE "  # noqa: S608
            "numbered.legal_entity = settlements.legal_entity AND numbered.source_id = settlements.offset_id "
            f"AND numbered.kind IN ({_KINDS})"
        )
    if "source_id" in settlements:
        _by_number(database)


def _by_number(database: Any) -> None:
    same = "numbered.legal_entity = settlements.legal_entity AND numbered.source_id = settlements.source_id"
    database.execute(
        f"DELETE FROM settlements WHERE EXISTS (SELECT 1 FROM numbered WHERE {same} AND numbered.kind IS NOT NULL)"  # noqa: S608
    )
    database.execute(
        "UPDATE settlements SET invoice = numbered.invoice, instalment = numbered.instalment "  # noqa: S608
        f"FROM numbered WHERE {same}"
    )
    # a number that no row has is one of an invoice that is not there, not a missing one
    database.execute("UPDATE settlements SET invoice = '' WHERE invoice IS NULL AND source_id IS NOT NULL")


def _only_invoices(database: Any, invoices: set[str]) -> Iterator[Finding]:
    if "kind" in invoices:
        step = "these rows only tell what invoices were settled with"
        odd = Oddity("invoices", "kind <> 'invoice'", "of another kind than invoice", "kind", step, "left out")
        yield from spotted(database, [odd])
        database.execute("DELETE FROM invoices WHERE kind <> 'invoice'")


def _go_back(database: Any, invoices: set[str], as_of: date) -> None:
    """Only what was recorded and paid by the date; what is open of the others' invoices is not known."""
    later = f"cause IS NULL AND greatest(paid_on, recorded_on) > DATE '{as_of}'"
    if "open_amount" in invoices:
        database.execute(
            f"UPDATE invoices SET open_amount = NULL WHERE EXISTS (SELECT 1 FROM settlements WHERE {_SAME} "  # noqa: S608
            f"AND greatest(paid_on, recorded_on) > DATE '{as_of}')"
        )
    database.execute(f"DELETE FROM settlements WHERE {later}")  # noqa: S608


def _of_settlements(database: Any) -> list[Finding]:
    """What the settlements are, where that is not plain payment."""
    same = "legal_entity, invoice, instalment, paid_on, recorded_on, kind, amount"
    again = f"SELECT min(line) FROM settlements WHERE cause IS NULL GROUP BY {same}"  # noqa: S608
    negative = "a negative amount, counted as taken back"
    found = [
        Oddity("settlements", f"cause IS NULL AND kind = '{kind}'", what, "kind")
        for kind, what in (("credit-note", "credit notes"), ("write-off", "write-offs"), ("reversal", "reversals"))
    ]
    found += [
        Oddity("settlements", "cause IS NULL AND amount < 0 AND kind <> 'reversal'", negative, "amount"),
        Oddity(
            "settlements",
            f"cause IS NULL AND line NOT IN ({again})",
            "the same as a row before it, and counted again",
            "amount",
            "equal part payments are that; if the source holds rows twice, mend it",
        ),
    ]
    return list(spotted(database, found))
