"""Modules import each other in one direction: whoever reads one need not have read all of a circle."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOTS = ("schemas", "core", "connectors", "plugins", "client", "simulator", "demo")


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not for types alone either, and not inside of functions."""
    graph = grimp.build_graph(*(f"appealbus.{root}" for root in ROOTS), cache_dir=None)
    assert {f"appealbus.{root}" for root in ROOTS} <= graph.modules
    try:
        TopologicalSorter({each: graph.find_modules_directly_imported_by(each) for each in graph.modules}).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


CORE = Path(__file__).parents[2] / "core"


def names(tree: ast.AST) -> Iterator[str]:
    """Yield what a module names: variables, attributes, arguments, functions, classes, and what it imports."""
    for node in ast.walk(tree):
        for key in ("id", "attr", "arg", "name", "module"):
            if isinstance(name := getattr(node, key, None), str):
                yield name


def test_the_core_names_nothing_that_a_plugin_does() -> None:
    """Sketches, surges and comparing repeats are the plugins' own; it has doors for them."""
    files = [*CORE.rglob("*.py")]
    assert [file for file in files if any(word in file.name for word in ("sketch", "surge", "repeats"))] == []
    named = {name for file in files for name in names(ast.parse(file.read_text(encoding="utf-8")))}
    # What a role may look at is a word of the policy.
    assert {name for name in named if "sketch" in name.lower() or "surge" in name.lower()} == {"SURGES"}
