"""What adapters share although they do not know each other: durable files, DuckDB shut in, HTTP and how long it is
waited for, and the runner's secrets.

Knows nothing of the house but its errors. All but `duck` and `described` is for adapters alone, so that "who writes
files" and "who asks a server" stay answerable; tasks may read snapshots through these too.
"""
