"""What every program that computes the history of customers tells: seconds, memory, and its columns for comparison.

FOLDER [OUT]: reads the snapshot in FOLDER, and writes the columns to OUT (a NumPy file, one row a column, invoices in
the order of their key) where it is given; sorting for that is outside of the seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = (
    "history_settled", "history_days_late", "history_days_late_recent", "history_last_days_late", "history_late_share",
    "history_very_late_share", "history_known_late_share", "history_disputed_share", "overdue_count",
    "overdue_amount_log", "overdue_age_days", "tenure_days",
)  # fmt: skip


def measured(read: Callable[[Path], Any], compute: Callable[[Any], Any], columns: Callable[[Any], list[Any]]) -> None:
    """Read, compute, print a line of JSON; `columns` gives COLUMNS of what was computed, by key."""
    begin = time.perf_counter()
    data = read(Path(sys.argv[1]))
    between, before = time.perf_counter(), time.process_time()
    found = compute(data)
    end, processor = time.perf_counter(), time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"read": between - begin, "compute": end - between, "processor": processor, "peak": peak}))
    if len(sys.argv) > 2 and sys.argv[2] != "open":
        np.save(sys.argv[2], np.stack([np.asarray(each, dtype=np.float64) for each in columns(found)]))
