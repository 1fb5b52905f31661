"""Budgets: wanted rather than worshipped, so what is over is listed as a warning; far over is refused."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from tests.support.imports import modules, tree

FUNCTION, FILE = 30, 300
FUNCTION_LIMIT, FILE_LIMIT = 60, 450


def test_no_function_is_far_over_its_budget() -> None:
    sizes = [(size, where) for name in modules() for where, size in _functions(name)]
    _warn("functions", FUNCTION, sizes)
    assert [entry for entry in sizes if entry[0] > FUNCTION_LIMIT] == []


def test_no_file_is_far_over_its_budget() -> None:
    sizes = [(len(path.read_text(encoding="utf-8").splitlines()), name) for name, path in modules().items()]
    _warn("files", FILE, sizes)
    assert [entry for entry in sizes if entry[0] > FILE_LIMIT] == []


def _functions(module: str) -> Iterator[tuple[str, int]]:
    """(where, lines) of every function, without its decorators and docstring."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            text = node.body[0]
            docstring = (text.end_lineno or 0) - text.lineno + 1 if documented else 0
            yield f"{module}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1 - docstring


def _warn(what: str, budget: int, sizes: list[tuple[int, str]]) -> None:
    over = sorted((entry for entry in sizes if entry[0] > budget), reverse=True)
    if over:
        lines = "".join(f"\n  {size:4} {where}" for size, where in over)
        warnings.warn(f"{len(over)} {what} over the budget of {budget} lines:{lines}", stacklevel=2)
