"""Quarantine has bounds while the bus runs, and says how near they are."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core import SingleUse
from appealbus.core.bus.intake import quarantine
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.counts import QuarantineHeld
from appealbus.core.health.messages import fullness
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.journal import awaiting, figures
from appealbus.core.journal.journal import Journal
from tests.core.kit import running_bus
from tests.services.journals import sqlite_journal


@pytest.mark.proof
async def test_a_flood_ends_at_the_bound_while_the_bus_runs(tmp_path: Path) -> None:
    """Nobody has to wait for the hour: a sender of junk has no more than its share of the disk at any time."""
    bounded = {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "grace": 1, "quarantine_messages": 100}
    async with running_bus(tmp_path, bus=bounded) as bus:
        await bus.accept(Inbound("calm", "calm#1", b"no appeal"))
        for number in range(400):
            await bus.accept(Inbound("flood", f"flood#{number}", b"no appeal"))
        held = (await bus.journal.ask(figures.counts)).quarantined
    assert held["calm"].messages == 1
    assert 100 <= held["flood"].messages < 100 + quarantine.EVERY


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (QuarantineHeld(50, 0, datetime.now(UTC)), 0.5),
        (QuarantineHeld(1, 15 * 1024 * 1024, datetime.now(UTC)), 0.75),
        (QuarantineHeld(1, 1, datetime.now(UTC) - timedelta(days=9)), 0.9),
    ],
)
def test_the_nearest_bound_counts(held: QuarantineHeld, expected: float) -> None:
    """Messages, bytes or age: whichever comes first is what the alert is about."""
    days = 10 * 86400.0
    settings = BusSettings(quarantine_messages=100, quarantine_megabytes=20, quarantine_retention=days)
    assert fullness(held, settings, datetime.now(UTC)) == pytest.approx(expected, abs=0.01)


async def test_used_answers_are_forgotten_while_the_bus_runs(tmp_path: Path) -> None:
    """What is noted of signed answers goes once they are too old to count again."""
    old = SingleUse("old", datetime.now(UTC) - timedelta(days=2))
    path = tmp_path / "journal.db"
    async with await Journal.open(sqlite_journal(path)) as journal:
        await journal.do(awaiting.Use(old, "m"))
    async with running_bus(tmp_path):
        with closing(sqlite3.connect(path)) as database:
            for _ in range(100):
                if not database.execute("SELECT count(*) FROM used_answer").fetchone()[0]:
                    return
                await asyncio.sleep(0.05)
    pytest.fail("it is still there after five seconds")
