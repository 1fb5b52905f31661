"""Imports hidden in functions count: import-linter's contracts are checked by `make lint`, the rest here."""

from __future__ import annotations

import ast

from tests.support.imports import cycles, graph, imports, loads_by_name, modules, tree

#: The command table loads a command's module when it is called; a command never loads another by name.
LOADS_BY_NAME = {"reconciler.cli.root"}


def test_no_two_modules_import_each_other_even_inside_functions() -> None:
    assert cycles(graph()) == []


def test_a_cycle_is_found_where_there_is_one() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "b", "c"]]
    assert cycles({"a": ["b"], "b": ["c"], "c": []}) == []


def test_modules_are_loaded_by_a_computed_name_only_in_the_command_table() -> None:
    found = {
        name
        for name in modules()
        for node in ast.walk(tree(name))
        if loads_by_name(node) and not isinstance(node.args[0], ast.Constant)
    }
    assert found <= LOADS_BY_NAME


def test_imports_inside_functions_are_seen() -> None:
    hidden = [found for name in modules() for found in imports(name) if found.hidden]
    assert hidden, "the walk over function bodies finds nothing at all: is it broken?"


def test_every_module_says_in_its_docstring_what_it_is_for() -> None:
    silent = [name for name in modules() if not ast.get_docstring(tree(name))]
    assert silent == []
