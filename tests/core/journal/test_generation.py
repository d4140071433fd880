"""Who has opened the journal with a key or an epoch that it has no more writes nothing, whatever it is doing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from appealbus.core.errors import JournalError
from appealbus.core.journal import quarantine
from appealbus.core.journal import renewing as journal_renewing
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.errors import Outlived
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.schemas.appeal import PersonApplicant
from tests.core.journal.conftest import Make
from tests.services.asking import appeals_of
from tests.services.processes import PATIENCE

IIN = "120101500016"


def from_person(make: Make, message_id: str) -> NewAppeal:
    """An appeal that is to be found by its person."""
    new = make.new(message_id)
    return replace(new, appeal=new.appeal.model_copy(update={"applicant": PersonApplicant(iin=IIN)}))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "key"


@pytest.fixture
def renew(url: str, key: Path) -> Callable[[], Awaitable[int]]:
    """Give the journal another key."""

    async def do() -> int:
        async with await Journal.open(url, key=KeyFile(key, anew=True)) as journal:
            return await journal_renewing.renew(journal, lambda case: {}, lambda done: None)

    return do


@pytest.fixture
def keyed(url: str, key: Path) -> str:
    """The journal with its key where all look for it."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///") + ".key").rename(key)
    return url


async def test_an_older_key_writes_nothing(keyed, key, renew, make):
    """It is told so, by whatever it does next, and what it had written is found by person; who starts again goes on."""
    async with await Journal.open(keyed, key=key) as old:
        await old.accept(from_person(make, "before"))
        assert await renew() == 1
        for write in (
            lambda: old.accept(from_person(make, "after")),
            lambda: old.do(make.quarantine()),
            old.look,
        ):
            with pytest.raises(Outlived) as told:
                await write()
            assert told.value.code == "superseded"
        with pytest.raises(Outlived):  # the marks that it makes are found nowhere
            await appeals_of(old, "iin", IIN)
    async with await Journal.open(keyed, key=key) as new:
        await new.accept(from_person(make, "after"))
        assert [row.message_id for row in await appeals_of(new, "iin", IIN)] == ["before", "after"]
        assert not await new.ask(quarantine.quarantined)


async def test_an_older_epoch_writes_nothing(keyed, key, make):
    """It would give out numbers of before; whoever has begun the new one goes on at once."""
    async with await Journal.open(keyed, key=key) as old, await Journal.open(keyed, key=key) as restored:
        await old.accept(make.new("m1"))
        await journal_renewing.begin_epoch(restored, 1, 0)
        for write in (lambda: old.accept(make.new("m2")), old.look):
            with pytest.raises(Outlived):
                await write()
        assert (await restored.accept(make.new("m2"))).receipt.number == "AB-2026-2-00000001"
        assert (await journal_renewing.begin_epoch(restored, 2, 0)).epoch == 3


@pytest.mark.proof
async def test_what_is_being_written_is_waited_for(keyed, key, renew, make):
    """A renewal begins before a transaction or after it, never within: what it still writes is marked anew."""
    async with await Journal.open(keyed, key=key) as old:
        held, go = threading.Event(), threading.Event()

        def hold(connection, items):
            connection.execute(text("SELECT 1"))
            held.set()
            go.wait(PATIENCE)
            return [None]

        writing = asyncio.gather(old.accept(from_person(make, "within")), old._write.submit(hold, None))
        await asyncio.to_thread(held.wait, PATIENCE)
        renewing = asyncio.create_task(renew())
        await asyncio.sleep(0.3)
        go.set()
        await writing
        assert await renewing == 1
    async with await Journal.open(keyed, key=key) as new:
        assert [row.message_id for row in await appeals_of(new, "iin", IIN)] == ["within"]


async def test_while_a_key_is_renewed_nobody_starts(keyed, key, renew, make, monkeypatch):
    """It is told to come back, and not that its configuration is wrong."""
    await (await Journal.open(keyed, key=key)).close()
    async with await Journal.open(keyed, key=KeyFile(key, anew=True)):
        with pytest.raises(Outlived, match="key renew"):
            await Journal.open(keyed, key=key)
    await renew()
    await (await Journal.open(keyed, key=key)).close()


async def test_whatever_comes_together_all_are_found(keyed, key, renew, make):
    """Of writers that go on while keys are renewed, who has got a receipt is found by person."""
    await (await Journal.open(keyed, key=key)).close()
    taken: list[str] = []
    over = False

    async def write(name: int) -> None:
        at = 0
        while not over:
            try:
                async with await Journal.open(keyed, key=key) as journal:
                    while not over:
                        at += 1
                        await journal.accept(from_person(make, f"{name}-{at}"))
                        taken.append(f"{name}-{at}")
            except JournalError:
                await asyncio.sleep(0.01)

    writers = [asyncio.create_task(write(name)) for name in range(2)]
    for wanted in (5, 10):
        while len(taken) < wanted:
            await asyncio.sleep(0.01)
        await renew()
    over = True
    await asyncio.gather(*writers)
    async with await Journal.open(keyed, key=key) as journal:
        found = {row.message_id for row in await appeals_of(journal, "iin", IIN, limit=10_000)}
        assert set(taken) <= found
