"""When an invoice with settlements was settled and since when that is known: the rule, as SQL over whole tables.

docs/task-customer-payment.md says it in words, `tests/sources/closing_reference.py` slowly. The settling payment
decides: part payments before it do not, and a reversal opens the invoice again. An invoice that was closed by a credit
note or a write-off says nothing of how its customer pays, and is left out.

The rule is asked for each day on which something of an invoice was recorded. The last answer is the invoice's; what
was believed before it, and of what is left out everything, are its episodes: what history knew in its time.
"""

from __future__ import annotations

from typing import Any

#: What may be missing of an amount that is paid: this much, and of small invoices this share.
CENTS, CENTS_SHARE = "0.05", "0.01"
#: An invoice of which more than this share was credited or written off is left out once it is closed.
CREDIT_SHARE = "0.10"

_KEY = "legal_entity, invoice, instalment"

# Sums of a day are one step, so that the order of rows within a day does not matter. `day` is the one that is asked.
_ANSWERS = f"""
CREATE OR REPLACE TEMP TABLE answers AS
WITH signed AS (
  SELECT line, paid_on, kind, greatest(paid_on, recorded_on) AS recorded,
         CASE kind WHEN 'reversal' THEN -abs(amount) ELSE amount END AS amount
  FROM (SELECT {_KEY}, paid_on, recorded_on, kind, amount FROM settlements WHERE cause IS NULL) AS each
  JOIN (SELECT {_KEY}, line FROM invoices WHERE cause IS NULL) AS its USING ({_KEY})
), asked AS (
  SELECT DISTINCT line, recorded AS day FROM signed
), known AS (
  SELECT signed.*, day FROM asked JOIN signed ON signed.line = asked.line AND recorded <= day
), credits AS (
  SELECT line, day, coalesce(sum(amount) FILTER (kind = 'credit-note'), 0) AS credited,
         coalesce(sum(amount) FILTER (kind = 'write-off'), 0) AS written
  FROM known WHERE kind IN ('credit-note', 'write-off') GROUP BY ALL
), days AS (
  SELECT line, day, paid_on, sum(amount) AS paid, count(*) FILTER (kind = 'payment') AS parts
  FROM known WHERE kind NOT IN ('credit-note', 'write-off') GROUP BY ALL
), running AS (
  SELECT line, day, paid_on, parts, sum(paid) OVER (PARTITION BY line, day ORDER BY paid_on) AS paid FROM days
), owed AS (
  SELECT line, day, amount, least({CENTS}, amount * {CENTS_SHARE}) AS cents,
         coalesce(credited, 0) AS credited, coalesce(written, 0) AS written
  FROM invoices JOIN asked USING (line) LEFT JOIN credits USING (line, day) WHERE cause IS NULL AND amount > 0
), judged AS (
  SELECT owed.*, paid_on, paid, parts, paid >= amount - credited - written - cents AS enough,
         max(CASE WHEN paid < amount - credited - written - cents THEN paid_on END) OVER that_day AS short
  FROM owed LEFT JOIN running USING (line, day) WINDOW that_day AS (PARTITION BY line, day)
), told AS (
  SELECT line, day, amount, cents, credited, written,
         min(paid_on) FILTER (enough AND (short IS NULL OR paid_on > short)) AS settled,
         coalesce(arg_max(paid, paid_on), 0) AS paid,
         coalesce(bool_or(enough AND paid_on < short), false) AS reopened, coalesce(sum(parts), 0) AS parts
  FROM judged GROUP BY ALL
)
SELECT line, day, settled,
       CASE WHEN paid < amount - credited - written - cents THEN NULL
            WHEN credited + written <= amount * {CREDIT_SHARE} THEN NULL
            WHEN written >= credited THEN 'written-off' ELSE 'credited' END AS excluded,
       paid + credited + written > amount + cents AS overpaid, reopened, parts > 1 AS in_parts
FROM told
"""  # noqa: S608

# How long each answer held: from `since` until the day on which another one was known, none for the last. An answer
# is open, settled on a day, or left out.
_HELD = """
CREATE OR REPLACE TEMP TABLE held AS
WITH each AS (
  SELECT line, day, CASE WHEN excluded IS NULL THEN settled END AS settled, excluded IS NOT NULL AS is_out
  FROM answers
), changed AS (
  SELECT *, lag(settled) OVER days IS NOT DISTINCT FROM settled
         AND coalesce(lag(is_out) OVER days, false) = is_out AS same
  FROM each WINDOW days AS (PARTITION BY line ORDER BY day)
)
SELECT line, day AS since, settled, is_out, lead(day) OVER (PARTITION BY line ORDER BY day) AS until
FROM changed WHERE NOT same
"""

_INVOICES = """
CREATE OR REPLACE TABLE invoices AS
WITH last AS (
  SELECT line, arg_max((settled, excluded, overpaid, reopened, in_parts), day) AS told FROM answers GROUP BY line
), closed AS (
  SELECT line, told[1] AS settled, told[2] AS excluded, told[3] AS overpaid, told[4] AS reopened, told[5] AS in_parts
  FROM last
)
SELECT invoices.*, settled AS settled_date, CASE WHEN settled IS NOT NULL THEN since END AS known_date, excluded,
       coalesce(overpaid, false) AS overpaid, coalesce(reopened, false) AS reopened,
       coalesce(in_parts, false) AS in_parts
FROM invoices LEFT JOIN closed USING (line) LEFT JOIN (SELECT line, since FROM held WHERE until IS NULL) USING (line)
"""

# The columns of the copy of invoices stand for those that are theirs; the three dates are of the episode.
_EPISODES = """
CREATE OR REPLACE TABLE episodes AS
SELECT invoices.* REPLACE (held.settled AS settled_date, held.since AS known_date), held.until AS until_date
FROM invoices JOIN held USING (line)
WHERE cause IS NULL AND (held.settled IS NOT NULL OR is_out) AND (held.until IS NOT NULL OR excluded IS NOT NULL)
"""


def close_invoices(database: Any) -> None:
    """Give the table `invoices` the columns settled_date, known_date, excluded (written-off, credited or none),
    overpaid, reopened and in_parts, by the good rows of the table `settlements`.

    Leaves the table `held` behind, of which `find_episodes` makes the episodes."""
    database.execute(_ANSWERS)
    database.execute(_HELD)
    database.execute(_INVOICES)
    database.execute("DROP TABLE answers")


def find_episodes(database: Any) -> None:
    """Make the table `episodes` of the good rows of the table `invoices`: a row for each time in which an invoice was
    believed to be settled, and no longer is; and of each invoice that is left out by credit or write-off a row for
    each time in which it was closed. `settled_date` is empty where it was left out, `known_date` the day since which
    that was known, `until_date` the day on which something else was, empty where nothing was."""
    database.execute(_EPISODES)
    database.execute("DROP TABLE held")
