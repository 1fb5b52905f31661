"""Imports as they are written, hidden ones included: inside functions, under TYPE_CHECKING, through importlib."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "reconciler"


@dataclass(frozen=True)
class Import:
    """One import: what it names, where it stands, and whether it is inside a function."""

    target: str
    line: int
    hidden: bool


@cache
def modules() -> Mapping[str, Path]:
    """Module name → file, of everything in the package."""
    return {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(module: str) -> ast.Module:
    """The module's syntax tree."""
    path = modules()[module]
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Every import of a module, wherever it stands. Modules named by a literal count, as do relative imports."""
    inside = {
        id(node)
        for function in ast.walk(tree(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    return tuple(
        Import(target, node.lineno, id(node) in inside)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)
        for target in _targets(module, node)
    )


def _targets(module: str, node: ast.Import | ast.ImportFrom | ast.Call) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(module, node)
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in modules() else base
    elif loads_by_name(node) and node.args and isinstance(node.args[0], ast.Constant):
        yield str(node.args[0].value)


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def loads_by_name(node: ast.AST) -> bool:
    """True for a call of `importlib.import_module` or `__import__`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}


def graph() -> dict[str, set[str]]:
    """module → modules of the package that it imports."""
    return {name: {found.target for found in imports(name)} & modules().keys() - {name} for name in modules()}


def cycles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Groups of modules that reach each other (strongly connected components of more than one), sorted."""
    reach = {start: _reachable(edges, start) for start in edges}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in edges if a in reach[a]}
    return sorted(sorted(group) for group in groups)


def _reachable(edges: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += edges[name]
    return seen
