"""When an invoice with settlements was settled and since when that is known: the rule, as SQL over whole tables.

docs/task-customer-payment.md says it in words, `tests/sources/closing_reference.py` slowly. The settling payment
decides: part payments before it do not, and a reversal opens the invoice again. An invoice that was closed by a credit
note or a write-off says nothing of how its customer pays, and is left out.
"""

from __future__ import annotations

from typing import Any

#: What may be missing of an amount that is paid: this much, and of small invoices this share.
CENTS, CENTS_SHARE = "0.05", "0.01"
#: An invoice of which more than this share was credited or written off is left out once it is closed.
CREDIT_SHARE = "0.10"

_KEY = "legal_entity, invoice, instalment"

# Sums of a day are one step, so that the order of rows within a day does not matter.
_CLOSED = f"""
CREATE OR REPLACE TEMP TABLE closed AS
WITH signed AS (
  SELECT line, paid_on, kind, greatest(paid_on, recorded_on) AS recorded,
         CASE kind WHEN 'reversal' THEN -abs(amount) ELSE amount END AS amount
  FROM (SELECT {_KEY}, paid_on, recorded_on, kind, amount FROM settlements WHERE cause IS NULL) AS each
  JOIN (SELECT {_KEY}, line FROM invoices WHERE cause IS NULL) AS its USING ({_KEY})
), credits AS (
  SELECT line, coalesce(sum(amount) FILTER (kind = 'credit-note'), 0) AS credited,
         coalesce(sum(amount) FILTER (kind = 'write-off'), 0) AS written, max(recorded) AS credits_known
  FROM signed WHERE kind IN ('credit-note', 'write-off') GROUP BY ALL
), days AS (
  SELECT line, paid_on, sum(amount) AS paid, max(recorded) AS recorded, count(*) FILTER (kind = 'payment') AS parts
  FROM signed WHERE kind NOT IN ('credit-note', 'write-off') GROUP BY ALL
), running AS (
  SELECT line, paid_on, parts, sum(paid) OVER so_far AS paid, max(recorded) OVER so_far AS known
  FROM days WINDOW so_far AS (PARTITION BY line ORDER BY paid_on)
), owed AS (
  SELECT line, amount, least({CENTS}, amount * {CENTS_SHARE}) AS cents,
         coalesce(credited, 0) AS credited, coalesce(written, 0) AS written, credits_known
  FROM invoices LEFT JOIN credits USING (line) WHERE cause IS NULL AND amount > 0
), judged AS (
  SELECT owed.*, paid_on, paid, known, parts, paid >= amount - credited - written - cents AS enough,
         max(CASE WHEN paid < amount - credited - written - cents THEN paid_on END) OVER (PARTITION BY line) AS short
  FROM owed LEFT JOIN running USING (line)
), told AS (
  SELECT line, amount, cents, credited, written, credits_known,
         min(paid_on) FILTER (enough AND (short IS NULL OR paid_on > short)) AS settled,
         arg_min(paid, paid_on) FILTER (enough AND (short IS NULL OR paid_on > short)) AS paid_then,
         arg_min(known, paid_on) FILTER (enough AND (short IS NULL OR paid_on > short)) AS known_then,
         coalesce(arg_max(paid, paid_on), 0) AS paid,
         coalesce(bool_or(enough AND paid_on < short), false) AS reopened, coalesce(sum(parts), 0) AS parts
  FROM judged GROUP BY ALL
)
SELECT line, settled,
       CASE WHEN paid_then < amount - cents THEN greatest(known_then, credits_known) ELSE known_then END AS known,
       CASE WHEN paid < amount - credited - written - cents THEN NULL
            WHEN credited + written <= amount * {CREDIT_SHARE} THEN NULL
            WHEN written >= credited THEN 'written-off' ELSE 'credited' END AS excluded,
       paid + credited + written > amount + cents AS overpaid, reopened, parts > 1 AS in_parts
FROM told
"""  # noqa: S608

_INVOICES = """
CREATE OR REPLACE TABLE invoices AS
SELECT invoices.*, settled AS settled_date, known AS known_date, excluded,
       coalesce(overpaid, false) AS overpaid, coalesce(reopened, false) AS reopened,
       coalesce(in_parts, false) AS in_parts
FROM invoices LEFT JOIN closed USING (line)
"""


def close_invoices(database: Any) -> None:
    """Give the table `invoices` the columns settled_date, known_date, excluded (written-off, credited or none),
    overpaid, reopened and in_parts, by the good rows of the table `settlements`."""
    database.execute(_CLOSED)
    database.execute(_INVOICES)
    database.execute("DROP TABLE closed")
