"""What all tests share."""

import gc

import pytest
import structlog
from hypothesis import settings

from appealbus.core.process import collect_seldom
from tests.services.forms import form

pytest_plugins = ["tests.services.fixtures"]

# Shared machines stall for longer than any per-example deadline; a test that hangs is cut by CI.
settings.register_profile("appealbus", deadline=None, max_examples=form(20, 500))
settings.load_profile("appealbus")

collect_seldom()

# By itself structlog sets an exception in colours, with all the variables of its frames: that takes seconds each time.
_plainly = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plainly])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: then no worker is left with minutes to go when all others have ended."""
    items.sort(key=lambda item: (item.get_closest_marker("system") is None, "test_chaos" not in item.nodeid))


def pytest_collection_finish() -> None:
    """Leave what has been imported and collected, which stays to the end, out of all that looks for garbage."""
    gc.freeze()
