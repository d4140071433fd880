"""Two channels, one of them hostile, and letters that are meant to stop a worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import Inbound, Taken
from appealbus.core.bus.delivery.receiver import UNMASKED
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.journal import Journal
from tests.core import kit
from tests.services.fairness import busy_with, check_unharmed
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

_POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone"]
identifiers = ["iin", "bin", "cadastral_number"]
[receivers.out]
mask = "desk"
"""
_HOSTILE = "1 " * 1_750_000


@pytest.fixture(params=["sqlite", "postgresql"])
async def reception(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Reception]:
    """What takes messages into a journal of each kind, and is slow over those of the channel `hostile`."""
    monkeypatch.setattr("appealbus.core.bus.intake.decoding._HELPER", "tests.core.slow_helper")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=":")
    url = sqlite_journal(tmp_path / "journal.db")
    if request.param == "postgresql":
        url = str(request.getfixturevalue("journal_database"))
    async with (
        await Journal.open(url) as journal,
        aclosing(Reception(journal, BusSettings(accepted_by="bus"))) as made,
    ):
        yield made


@pytest.mark.proof
@pytest.mark.parametrize("again", [False, True], ids=["new", "again"])
async def test_letters_that_are_slow_to_read_hold_up_their_own_channel(reception: Reception, again: bool) -> None:
    """However many come by it, new or once more: a letter of another channel is read beside them."""
    number = count()

    async def take(channel: str, size: int) -> None:
        body = {"message_id": f"{next(number)}", "kind": "complaint", "text": "a" * size}
        taken = await reception.accept(Inbound(channel, "", orjson.dumps(body), again=again))
        assert isinstance(taken, Taken)

    await asyncio.gather(*(take(channel, 20_000) for channel in ("hostile", "modest")))  # both processes run
    await check_unharmed(
        lambda: take("modest", 100 if again else 20_000), lambda: busy_with(*[lambda: take("hostile", 20_000)] * 10)
    )


async def _worked(folder: Path, *messages: Inbound) -> tuple[list[Any], float]:
    """Have a bus with a masked receiver work messages; return its deliveries, and what held the loop most."""
    (folder / "policy.toml").write_text(_POLICY)
    tables = {
        "deliveries": {"out": {"kind": "receiver"}},
        "bus": {
            "journal": kit.sqlite_journal(folder / "journal.db"),
            "grace": 1,
            "policy": str(folder / "policy.toml"),
        },
    }
    most = 0.0

    async def beat() -> None:
        nonlocal most
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            most, last = max(most, time.thread_time() - last), time.thread_time()

    kit.Receiver.got.clear()
    async with kit.running_bus(folder, **tables) as bus:
        beats = asyncio.create_task(beat())
        taken = [await bus.accept(each) for each in messages]
        numbers = [each.receipt.number for each in taken if isinstance(each, Taken)]
        assert len(numbers) == len(messages)
        rows: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while len(rows) < len(numbers) or any(row.state is DeliveryState.WAITING for row in rows):
                await asyncio.sleep(0.05)
                rows = [row for each in numbers for row in await bus.journal.ask(deliveries.deliveries, each)]
        beats.cancel()
    return rows, most


@pytest.mark.proof
async def test_a_letter_of_numbers_does_not_hold_a_worker(tmp_path: Path) -> None:
    """Megabytes of digits and blanks are masked beside the event loop, and go out after all or wait for a person."""
    rows, most = await _worked(tmp_path, kit.message("m-1", text=_HOSTILE), kit.message("m-2"))
    assert [row.state for row in rows][1] is DeliveryState.DELIVERED
    assert rows[0].state is DeliveryState.DELIVERED or rows[0].reason == UNMASKED
    assert most < 1.0


@pytest.mark.proof
async def test_what_cannot_be_masked_in_time_waits_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a code, and unmasked it goes nowhere; the next one goes out."""
    monkeypatch.setattr("appealbus.core.rights.masker._WITHIN", 0.0)
    monkeypatch.setattr("appealbus.core.process.helpers._START", 0.0)
    rows, _ = await _worked(tmp_path, kit.message("m-1", text="a" * 150_000), kit.message("m-2"))
    assert [(row.state, row.reason) for row in rows] == [
        (DeliveryState.ALONE, UNMASKED),
        (DeliveryState.DELIVERED, None),
    ]
    assert [each.version for each in kit.Receiver.got["out"]] == [1]
