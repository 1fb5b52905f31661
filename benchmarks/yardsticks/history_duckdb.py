"""The history of customers by hand in DuckDB SQL: sums by customer and day, windows over them, ASOF joins."""

from __future__ import annotations

from pathlib import Path

import duckdb
from measured import COLUMNS, measured

READ = """
CREATE TEMP TABLE raw AS SELECT legal_entity, invoice, customer, (invoice_date - DATE '1970-01-01')::INT AS invoiced,
    (due_date - DATE '1970-01-01')::INT AS due, (settled_date - DATE '1970-01-01')::INT AS paid,
    (known_date - DATE '1970-01-01')::INT AS known, (coalesce(accounting_amount, amount) * 10000)::BIGINT AS units,
    disputed FROM read_parquet($1);
"""
PREPARE = """
CREATE TEMP TABLE accounts AS SELECT legal_entity, customer, row_number() OVER ()::INT AS who
    FROM (SELECT DISTINCT legal_entity, customer FROM raw);
CREATE TEMP TABLE lines AS SELECT raw.* EXCLUDE (legal_entity, customer), raw.legal_entity, who
    FROM raw JOIN accounts USING (legal_entity, customer);
"""
COMPUTE = """
CREATE TEMP TABLE days AS SELECT who, known AS day, count(*)::INT AS n, max(late) AS last, sum(late)::BIGINT AS late,
    count(*) FILTER (late > 0)::INT AS is_late, count(*) FILTER (late >= 30)::INT AS very,
    count(disputed)::INT AS told, count(*) FILTER (disputed)::INT AS disputed
    FROM (SELECT who, known, disputed, greatest(-365, least(365, paid - due)) AS late
        FROM lines WHERE known IS NOT NULL)
    GROUP BY who, known;
CREATE TEMP TABLE sums AS SELECT who, day, last, sum(n) OVER up AS n, sum(late) OVER up AS late,
    sum(is_late) OVER up AS is_late, sum(very) OVER up AS very, sum(told) OVER up AS told,
    sum(disputed) OVER up AS disputed,
    sum(n * pow(2, (day - 18000) / 90)) OVER up AS recent_n, sum(late * pow(2, (day - 18000) / 90)) OVER up AS recent
    FROM days WINDOW up AS (PARTITION BY who ORDER BY day ROWS UNBOUNDED PRECEDING);
CREATE TEMP TABLE changes AS WITH late AS (
        SELECT who, greatest(due, invoiced) + 1 AS begins, coalesce(known, 1000000) + 1 AS ends, units, due FROM lines)
    SELECT who, day, sum(sum(sign)) OVER up AS count, sum(sum(sign * units)) OVER up AS amount,
        sum(sum(sign * due)) OVER up AS due
    FROM (SELECT who, begins AS day, 1 AS sign, units, due FROM late WHERE begins < ends
        UNION ALL SELECT who, ends, -1, units, due FROM late WHERE begins < ends AND ends < 1000000)
    GROUP BY who, day WINDOW up AS (PARTITION BY who ORDER BY day ROWS UNBOUNDED PRECEDING);
CREATE TEMP TABLE portfolio AS SELECT day, sum(sum(n)) OVER up AS n, sum(sum(late)) OVER up AS late,
    sum(sum(is_late)) OVER up AS is_late, sum(sum(very)) OVER up AS very, sum(sum(told)) OVER up AS told,
    sum(sum(disputed)) OVER up AS disputed
    FROM days GROUP BY day WINDOW up AS (ORDER BY day ROWS UNBOUNDED PRECEDING);
CREATE TEMP TABLE known AS SELECT invoiced, coalesce(late, 0) / (coalesce(n, 0) + 10) AS days,
    (coalesce(is_late, 0) + 2.5) / (coalesce(n, 0) + 10) AS late,
    (coalesce(very, 0) + 0.5) / (coalesce(n, 0) + 10) AS very,
    (coalesce(disputed, 0) + 1.0) / (coalesce(told, 0) + 10) AS disputed
    FROM (SELECT DISTINCT invoiced FROM lines) ASOF LEFT JOIN portfolio ON portfolio.day < invoiced;
CREATE TEMP TABLE opened AS SELECT who, min(invoiced) AS first FROM lines GROUP BY who;
CREATE TEMP TABLE asked AS SELECT q.who, invoiced, s.* EXCLUDE (who), c.count, c.amount, c.due
    FROM (SELECT DISTINCT who, invoiced FROM lines) AS q
    ASOF LEFT JOIN sums AS s ON q.who = s.who AND s.day < q.invoiced
    ASOF LEFT JOIN changes AS c ON q.who = c.who AND c.day <= q.invoiced;
CREATE TEMP TABLE told AS SELECT who, invoiced,
    coalesce(a.n, 0)::DOUBLE AS history_settled,
    (coalesce(a.late, 0) + 3 * k.days) / (coalesce(a.n, 0) + 3) AS history_days_late,
    (coalesce(recent, 0) * fade + 3 * k.days) / (coalesce(recent_n, 0) * fade + 3) AS history_days_late_recent,
    coalesce(last, k.days) AS history_last_days_late,
    (coalesce(is_late, 0) + 3 * k.late) / (coalesce(a.n, 0) + 3) AS history_late_share,
    (coalesce(a.very, 0) + 3 * k.very) / (coalesce(a.n, 0) + 3) AS history_very_late_share,
    (coalesce(is_late, 0) + coalesce(count, 0) + 3 * k.late) / (coalesce(a.n, 0) + coalesce(count, 0) + 3)
        AS history_known_late_share,
    (coalesce(a.disputed, 0) + 3 * k.disputed) / (coalesce(told, 0) + 3) AS history_disputed_share,
    coalesce(count, 0)::DOUBLE AS overdue_count,
    ln(1 + greatest(coalesce(amount, 0), 0) / 10000) AS overdue_amount_log,
    coalesce((invoiced * count - due) / greatest(count, 1), 0) AS overdue_age_days,
    (invoiced - first)::DOUBLE AS tenure_days
    FROM (SELECT *, pow(2, -(invoiced - 18000) / 90) AS fade FROM asked) AS a
    JOIN known AS k USING (invoiced) JOIN opened USING (who);
CREATE TEMP TABLE features AS SELECT legal_entity, invoice, told.* EXCLUDE (who, invoiced)
    FROM lines JOIN told USING (who, invoiced);
"""


def read(folder: Path) -> duckdb.DuckDBPyConnection:
    """The columns that are needed, with a number for each customer."""
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(READ, [str(folder / "invoices/*.parquet")])
    connection.execute(PREPARE)
    return connection


def compute(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Every column, beside the key."""
    for statement in COMPUTE.split(";")[:-1]:
        connection.execute(statement)
    return connection


def columns(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """By key."""
    names = ", ".join(f"{name}::DOUBLE AS {name}" for name in COLUMNS)
    found = connection.execute(f"SELECT {names} FROM features ORDER BY legal_entity, invoice").fetchnumpy()  # noqa: S608
    return [found[name] for name in COLUMNS]


measured(read, compute, columns)
