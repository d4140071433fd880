"""What the demonstration tells of its bus."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import CallFailed, From, OutcomeKind, Taken
from appealbus.core.domain.counts import DueMoved
from appealbus.core.journal import figures, terms
from appealbus.core.journal.appeals import lists
from appealbus.demo import show
from tests.core.kit import ScriptedWire, dossier, lookup, message, running_bus


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
        assert (await bus.journal.ask(figures.counts)).parked == 1


async def test_the_counted_day_is_told(tmp_path: Path) -> None:
    """Where the appeal says none, as the commands do that it shows."""
    async with running_bus(tmp_path, lookup("s.thing", x=From("repeats[*]"))) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
        assert await show._due_on(bus, made) is made.appeal.due_on is None
        row = await bus.journal.ask(lists.appeal_row, made.number)
        assert row is not None
        await bus.journal.do(terms.Moving([DueMoved(row.appeal_id, None, date(2026, 2, 9))]))
        assert await show._due_on(bus, made) == date(2026, 2, 9)


async def test_what_comes_from_a_model_is_told(tmp_path: Path) -> None:
    """By the lookup's name, each once."""
    made = [lookup("egkn.parcel", x=From("repeats[*]")), lookup("gbdfl.person", x=From("repeats[*]"))]
    async with running_bus(tmp_path, *made) as bus:
        taken = await bus.accept(message(repeats=["a", "b"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        found = await dossier(bus, taken.receipt.number)
        assert len(found.facts) == 4
        assert show._of_models(found).startswith("egkn.parcel: answered by a model of ours")
