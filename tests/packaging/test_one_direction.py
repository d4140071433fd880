"""Modules import each other in one direction: whoever reads one need not have read all of a circle."""

from graphlib import CycleError, TopologicalSorter

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
