"""`core` and `domain` decide, and do nothing else: no files, processes, clock, chance, or libraries that have them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.imports import imports, modules, tree

PURE = sorted(name for name in modules() if name.split(".")[1:2] in (["core"], ["domain"]))

#: Deny by default: what is not here needs a thought before it may be imported in a pure room.
ALLOWED = frozenset(
    """
    __future__ abc annotated_types ast base64 bisect collections contextlib copy dataclasses datetime decimal difflib
    enum fractions functools graphlib hashlib heapq itertools json math operator posixpath pydantic pydantic_core re
    rfc8785 statistics string textwrap types typing unicodedata urllib
    """.split()  # noqa: SIM905  a list of 36 quoted words reads worse
)
#: Names whose call touches the world, or runs text as code.
CALLS = frozenset({"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "id", "hash"})
#: Methods that ask the clock.
CLOCK = frozenset({"now", "utcnow", "today"})


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_only_what_cannot_touch_the_world(module: str) -> None:
    roots = {found.target.split(".")[0] for found in imports(module)} - {"reconciler"}
    assert roots <= ALLOWED


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_of_the_house_only_core_and_domain(module: str) -> None:
    own = {found.target for found in imports(module) if found.target.split(".")[0] == "reconciler"}
    rooms = {"domain"} if module.startswith("reconciler.domain") else {"core", "domain"}
    assert {name for name in own if name.split(".")[1:2] and name.split(".")[1] not in rooms} == set()


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_calls_nothing_that_touches_the_world(module: str) -> None:
    assert list(_worldly(tree(module))) == []


def test_worldly_calls_are_found_where_there_are_some() -> None:
    code = "def f():\n    open('x')\n    return datetime.now(), date.today(), __import__('os')"
    assert [text for _, text in _worldly(ast.parse(code))] == ["open", "datetime.now", "date.today", "__import__"]


def _worldly(parsed: ast.Module) -> Iterator[tuple[int, str]]:
    calls = (node for node in ast.walk(parsed) if isinstance(node, ast.Call))
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        function = call.func
        named = isinstance(function, ast.Name) and function.id in CALLS
        clock = isinstance(function, ast.Attribute) and function.attr in CLOCK
        if named or clock:
            yield call.lineno, ast.unparse(function)
