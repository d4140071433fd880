"""New appeals beside a backlog: first versions have their part of the places, and what returns has the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, func, select, update

from appealbus.core import Call, From, Reply, Request, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import appeal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness
from tests.core.kit import ScriptedWire, lookup, message, reply, running_bus
from tests.services.forms import form
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

BY_TEXT = lookup("s.thing", x=From("text"))
TOLD = b'{"completeness": "partial", "outcomes": [], "facts": []}'
"""A first version that lacks what the source would have said."""
TODAY = datetime.now(UTC).date()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


@dataclass
class Slow:
    """A source with some places that takes its time, and the texts that it was asked about, in order."""

    seconds: float = 0.05
    asked: list[str] = field(default_factory=list)

    async def __call__(self, request: Request, call: Call) -> Reply:
        self.asked.append(str(dict(request.body)["x"]))  # type: ignore[call-overload]
        await asyncio.sleep(self.seconds)
        return reply()

    @property
    def wire(self) -> ScriptedWire:
        return ScriptedWire(self)


def new(text: str, due_on: date) -> NewAppeal:
    made = Appeal(
        message_id=text,
        channel="test",
        kind=AppealKind.COMPLAINT,
        applicant=PersonApplicant(surname="Серіков"),
        text=text,
        due_on=due_on,
    )
    return NewAppeal(made, datetime.now(UTC), "appealbus")


async def parked(journal: Journal, count: int, due_on: date = TODAY) -> list[int]:
    """Have so many appeals parked with a first version, all due in the same moment of long ago."""

    async def one(n: int) -> int:
        accepted = await journal.accept(new(f"old {n}", due_on), owner="before")
        given = {"dossier": TOLD, "version": 1, "completeness": Completeness.PARTIAL, "owner": "before"}
        due_at = datetime.now(UTC) - timedelta(hours=1)
        await journal.conclude(Conclusion(accepted.appeal_id, due_at=due_at, waits_for=("s",), **given))
        return accepted.appeal_id

    ids: list[int] = []
    for first in range(0, count, 200):
        ids += await asyncio.gather(*(one(n) for n in range(first, min(count, first + 200))))
    return ids


def tables(url: str, *, concurrency: int = 20, places: int = 8, **bus: Any) -> dict[str, Any]:
    """Give the bus its places, and the source fewer: questions queue before it."""
    return {
        "bus": {"journal": url, "grace": 0.1, "concurrency": concurrency, **bus},
        "sources": {"s": {"connector": "scripted", "guard": {"attempts": 1, "concurrency": places}}},
        "completeness": {"default": {"wait": 30}},
    }


@asynccontextmanager
async def journal_of(url: str, folder: Path) -> AsyncIterator[Journal]:
    """Open the journal with the key that the bus has."""
    document = {"bus": {"journal": url}}
    async with await Journal.open(url, key=from_document(document, folder).settings.bus.key_file()) as journal:
        yield journal


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Connection]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


async def standing(url: str, *which: Any) -> int:
    async with reading(url) as connection:
        return connection.scalar(select(func.count()).where(*which)) or 0


async def until_first_versions(url: str, ids: list[int]) -> None:
    async with asyncio.timeout(PATIENCE):
        while await standing(url, appeal.c.id.in_(ids), appeal.c.version == 0):
            await asyncio.sleep(0.05)


async def take(bus: Bus, count: int, due_on: date) -> list[int]:
    texts = [f"new {n}" for n in range(count)]
    taken = await asyncio.gather(
        *(
            bus.accept(message(text, text=text, due_on=f"{due_on + timedelta(count - n)}"))
            for n, text in enumerate(texts)
        )
    )
    numbers = [each.receipt.number for each in taken if isinstance(each, Taken)]
    async with reading(bus.settings.bus.journal) as connection:
        return list(connection.scalars(select(appeal.c.id).where(appeal.c.number.in_(numbers))))


@pytest.mark.proof
async def test_new_ones_have_their_first_versions_while_a_backlog_waits(tmp_path: Path, url: str) -> None:
    """All that is parked is due at once and before them; a slow source is asked for both."""
    count, source = form(1500, 10_000), Slow()
    async with journal_of(url, tmp_path) as journal:
        await parked(journal, count)
    async with running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(url)) as bus:
        ids = await take(bus, 30, TODAY + timedelta(20))
        await until_first_versions(url, ids)
        done = sum(each.startswith("old") for each in source.asked)
    assert len([each for each in source.asked if each.startswith("new")]) == 30
    assert done < 300


@pytest.mark.proof
async def test_what_returns_has_the_rest_while_many_new_ones_wait(tmp_path: Path, url: str) -> None:
    """The other way round: more new ones than can be done, all due before the few that return."""
    count, source = form(600, 5000), Slow()
    async with journal_of(url, tmp_path) as journal:
        await asyncio.gather(*(journal.accept(new(f"new {n}", TODAY)) for n in range(count)))
        ids = await parked(journal, 30, TODAY + timedelta(20))
    async with running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(url)):
        async with asyncio.timeout(PATIENCE):
            while await standing(url, appeal.c.id.in_(ids), appeal.c.version == 1):
                await asyncio.sleep(0.05)
        done = sum(each.startswith("new") for each in source.asked)
    assert done < 100


@pytest.mark.parametrize("waits", ["new", "old"])
async def test_either_uses_what_the_other_leaves(tmp_path: Path, url: str, waits: str) -> None:
    """All places are in use, whichever of the two there is."""
    source = Slow(seconds=3600)
    async with journal_of(url, tmp_path) as journal:
        if waits == "old":
            await parked(journal, 60)
        else:
            await asyncio.gather(*(journal.accept(new(f"new {n}", TODAY)) for n in range(60)))
    async with running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(url, places=20)):
        async with asyncio.timeout(PATIENCE):
            while len(source.asked) < 20:
                await asyncio.sleep(0.02)


async def test_of_both_the_most_urgent_come_first(tmp_path: Path, url: str) -> None:
    """With one place, three that return for each new one; by setting it may be otherwise."""
    source = Slow(seconds=0)
    async with journal_of(url, tmp_path) as journal:
        for n in range(4):
            await journal.accept(new(f"new {n}", TODAY + timedelta(9 - n)))
        for n in range(12):
            await parked_one(journal, n)
    async with running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(url, concurrency=1)):
        async with asyncio.timeout(PATIENCE):
            while len(source.asked) < 16:
                await asyncio.sleep(0.02)
    assert [each for each in source.asked if each.startswith("new")] == [f"new {n}" for n in reversed(range(4))]
    assert [each for each in source.asked if each.startswith("old")] == [f"old {n}" for n in reversed(range(12))]
    assert [at for at, each in enumerate(source.asked) if each.startswith("new")] == [3, 7, 11, 15]


async def parked_one(journal: Journal, n: int) -> None:
    accepted = await journal.accept(new(f"old {n}", TODAY + timedelta(20 - n)), owner="before")
    given = {"dossier": TOLD, "version": 1, "completeness": Completeness.PARTIAL, "owner": "before"}
    await journal.conclude(Conclusion(accepted.appeal_id, due_at=datetime.now(UTC) - timedelta(1), **given))


@pytest.mark.proof
async def test_workers_keep_it_together(tmp_path: Path, journal_database: str) -> None:
    """Two of them: no less than a quarter of their places has the new ones."""
    source = Slow()
    async with journal_of(journal_database, tmp_path) as journal:
        await parked(journal, 1000)
    async with AsyncExitStack() as stack:
        running = [running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(journal_database)) for _ in range(2)]
        buses = [await stack.enter_async_context(each) for each in running]
        ids = await take(buses[0], 40, TODAY + timedelta(20))
        await until_first_versions(journal_database, ids)
        done = sum(each.startswith("old") for each in source.asked)
    assert done < 400


@pytest.mark.proof
async def test_many_that_a_person_asks_again_are_in_no_new_one_s_way(tmp_path: Path, url: str) -> None:
    """They are ready, as new ones are."""
    source = Slow()
    async with journal_of(url, tmp_path) as journal:
        ids = await parked(journal, 1500)
        async with reading(url) as connection:
            ready = update(appeal).where(appeal.c.id.in_(ids)).values(state="ready", due_at=None)
            connection.execute(ready)
            connection.commit()
    async with running_bus(tmp_path, BY_TEXT, wire=source.wire, **tables(url)) as bus:
        ids = await take(bus, 30, TODAY + timedelta(20))
        await until_first_versions(url, ids)
        done = sum(each.startswith("old") for each in source.asked)
    assert done < 300
