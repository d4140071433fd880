"""What the demonstration tells of its bus."""

from pathlib import Path
from typing import Any

import pytest

from appealbus.core import CallFailed, From, OutcomeKind
from appealbus.plugins.demo import show
from tests.core.kit import ScriptedWire, lookup, message, running_bus


async def test_on_a_slow_machine_it_goes_on_with_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than a minute for what is parked, and that is no error."""

    def down(*_: object) -> Any:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")

    monkeypatch.setattr(show, "_RECOVERY", 0.2)
    made = lookup("s.thing", x=From("repeats[*]"))
    async with running_bus(tmp_path, made, wire=ScriptedWire(down), retry={"first": "1h", "max": "1h"}) as bus:
        await bus.accept(message(repeats=["a"]))
        await show._recover(bus)
        await bus.settle()
        assert (await bus.journal.counts()).parked == 1
