"""What the tests of the console share: one world for a module, and patience."""

from collections.abc import Iterator

import pytest

from appealbus.plugins.console.views.quarantine import actions, attempting, trying
from tests.plugins.console.world import World, world
from tests.services.processes import PATIENCE


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A console over eight appeals, which nobody works any more."""
    with world(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all messages of a group be tried and taken, and each who tries some have a turn, on a busy machine too."""
    monkeypatch.setattr(attempting, "_TURN", PATIENCE)
    for each in (trying, actions):
        monkeypatch.setattr(each, "_PATIENCE", PATIENCE)
