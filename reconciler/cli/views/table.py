"""Aligned columns for text output. Cells are escaped here, so that no view forgets."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.cli.views.escape import terminal


def table(rows: Sequence[Sequence[str]], *, indent: int = 0, header: Sequence[str] = ()) -> list[str]:
    """Lines with the columns padded to the widest cell; the last column is not padded."""
    cells = [[terminal(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    if not cells:
        return []
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [
        (" " * indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in cells
    ]
