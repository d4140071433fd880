"""What all tests share."""

import pytest
from hypothesis import settings

from tests.services.forms import form

pytest_plugins = ["tests.services.fixtures"]

# Shared machines stall for longer than any per-example deadline; a test that hangs is cut by CI.
settings.register_profile("appealbus", deadline=None, max_examples=form(30, 500))
settings.load_profile("appealbus")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: then no worker is left with minutes to go when all others have ended."""
    items.sort(key=lambda item: (item.get_closest_marker("system") is None, "test_chaos" not in item.nodeid))
