"""Messages that came again: read one at a time after a note in the journal, kept unread once three died over one."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from appealbus.core import From, Inbound, Quarantined, Taken
from appealbus.core.bus.intake import decoding
from appealbus.core.bus.intake import reception as reception_module
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.journal import quarantine
from appealbus.core.journal.appeals import suspects as journal_suspect_messages
from tests.core.kit import lookup, message, running_bus
from tests.services.asking import instead

BY_TEXT = lookup("s.thing", x=From("text"))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception_module, "PAUSES", (0.0, 0.01, 0.02))


def again(message_id: str) -> Inbound:
    return replace(message(message_id, text=message_id, odd=1), again=True)


@pytest.mark.proof
async def test_three_deaths_and_it_is_kept_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are forgiven once it was read; a replay of the third begins anew."""
    read: list[bytes] = []
    decode = decoding.decode

    def watched(inbound: Inbound, *_: object) -> object:
        read.append(inbound.raw)
        return decode(inbound)

    monkeypatch.setattr(decoding, "decode", watched)
    async with running_bus(tmp_path, BY_TEXT) as bus:
        for name, deaths in (("lucky", 2), ("killer", 3)):
            mark = f"test {sha256(again(name).raw).hexdigest()}"
            for _ in range(deaths):
                await bus.journal.do(journal_suspect_messages.Turn(mark))
        assert isinstance(await bus.accept(again("lucky")), Taken)
        assert (
            await bus.journal.ask(journal_suspect_messages.turns, f"test {sha256(again('lucky').raw).hexdigest()}") == 0
        )
        kept = await bus.accept(again("killer"))
        assert isinstance(kept, Quarantined)
        assert (kept.code, len(read)) == ("message.kills", 1)
        row = await bus.journal.ask(quarantine.quarantine_row, kept.quarantine_id)
        assert row is not None
        assert row.raw == again("killer").raw
        async with aclosing(Reception(bus.journal, BusSettings())) as reception:
            receipt = await reception.replay(row)
            assert receipt.message_id == "killer"
            told = await reception.accept(again("killer"))  # with its warnings, as if it had been taken at once
            assert isinstance(told, Taken)
            assert told.receipt == receipt
            assert receipt.warnings


async def test_those_that_came_again_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one has its turn no other has; what is new waits for nobody."""
    async with running_bus(tmp_path, BY_TEXT) as bus:
        do = bus.journal.do
        open_turns: list[str] = []
        most = [0]

        async def begin(item: journal_suspect_messages.Turn) -> int:
            open_turns.append(item.mark)
            most[0] = max(most[0], len(open_turns))
            return await do(item)

        async def end(item: journal_suspect_messages.TurnEnded) -> None:
            open_turns.remove(item.mark)

        instead(monkeypatch, bus.journal, journal_suspect_messages.Turn, begin)
        instead(monkeypatch, bus.journal, journal_suspect_messages.TurnEnded, end)
        taken = await asyncio.gather(*(bus.accept(again(f"m{at}")) for at in range(10)), bus.accept(message("new")))
    assert all(isinstance(one, Taken) for one in taken)
    assert most == [1]


async def test_a_defect_of_ours_over_a_message_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in quarantine, and does not come back for ever."""

    def broken(inbound: Inbound) -> object:
        raise RecursionError

    monkeypatch.setattr(decoding, "decode", broken)
    async with running_bus(tmp_path, BY_TEXT) as bus:
        kept = await bus.accept(message("a"))
    assert isinstance(kept, Quarantined)
    assert kept.code == "message.defect"
