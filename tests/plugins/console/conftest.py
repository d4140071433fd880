"""What the tests of the console share: one world for a module."""

from collections.abc import Iterator

import pytest

from tests.plugins.console.world import World, world


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A console over eight appeals, which nobody works any more."""
    with world(tmp_path_factory.mktemp("console")) as made:
        yield made
