"""Aligned columns for text output. Cells are escaped here, so that no view forgets."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.cli.views.escape import all_terminal


def table(rows: Sequence[Sequence[str]], *, indent: int = 0, header: Sequence[str] = ()) -> list[str]:
    """Lines with the columns padded to the widest cell; the last column is not padded."""
    cells = ([header] if header else []) + list(rows)
    columns = [all_terminal(column) for column in zip(*cells, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    line = " " * indent + "  ".join(f"%-{width}s" for width in widths)
    return [(line % row).rstrip() for row in zip(*columns, strict=True)]
