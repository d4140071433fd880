"""Errors: one root for all that the bus, its connectors and its plugins raise."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import appealbus.connectors
import appealbus.core
import appealbus.plugins
from appealbus.core import AppealBusError, CallFailed, ConfigError, JournalError, NoThread

RUN_BY_OTHERS = ("__main__", "migrations.env")
"""Modules that do their work as they are imported."""


def errors() -> Iterator[type[Exception]]:
    for package in (appealbus.core, appealbus.connectors, appealbus.plugins):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(RUN_BY_OTHERS):
                module = importlib.import_module(found.name)
                for name, item in inspect.getmembers(module, inspect.isclass):
                    if issubclass(item, Exception) and item.__module__ == found.name and not name.startswith("_"):
                        yield item


def of_a_library(error: type[Exception]) -> bool:
    """Tell whether it passes through a library that must take it for its own."""
    return not error.__bases__[0].__module__.startswith(("appealbus.", "builtins"))


@pytest.mark.parametrize("error", sorted(errors(), key=lambda error: error.__name__))
def test_every_error_has_the_one_root(error: type[Exception]) -> None:
    """Whoever catches AppealBusError catches it; what a library must know is caught before anybody else sees it."""
    assert issubclass(error, AppealBusError) or of_a_library(error)


def test_those_that_a_plugin_meets_are_exported() -> None:
    """And none of them is another one: who catches one lets the others pass."""
    met = (CallFailed, ConfigError, JournalError, NoThread)
    assert [(one, other) for one in met for other in met if one is not other and issubclass(one, other)] == []
