"""What adapters share although they do not know each other: durable files, and DuckDB shut in.

Knows nothing of the house but its errors. `files` is for adapters alone, so that "who writes files" stays answerable;
tasks may read snapshots through `duck` too.
"""
