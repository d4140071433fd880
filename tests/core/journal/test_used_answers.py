"""Signed answers count once: over all workers, after a lost connection, and for as long as their date lets them."""

import asyncio
from datetime import timedelta

from sqlalchemy import create_engine, select

from appealbus.core import SingleUse
from appealbus.core.journal import awaiting, retention
from appealbus.core.journal.awaiting import used_answer
from appealbus.core.journal.journal import Journal
from tests.services.journals import engine_of


def once(journal: Journal, key: str, hours: float = 1) -> SingleUse:
    return SingleUse(key, journal.now() + timedelta(hours=hours))


async def test_an_answer_counts_for_one_message(journal):
    """For the message that it came to it may be noted again; for any other it has counted."""
    first = once(journal, "a")
    assert await journal.do(awaiting.Use(first, "m1"))
    assert await journal.do(awaiting.Use(first, "m1"))
    assert not await journal.do(awaiting.Use(first, "m2"))
    assert not await journal.do(awaiting.Use(once(journal, "a", hours=9), "m2"))
    assert await journal.do(awaiting.Use(once(journal, "b"), "m2"))


async def test_it_is_on_disk(url):
    """Another process, or this one after its death, knows of it."""
    async with await Journal.open(url) as journal:
        assert await journal.do(awaiting.Use(once(journal, "a"), "m1"))
    async with await Journal.open(url) as journal:
        assert not await journal.do(awaiting.Use(once(journal, "a"), "m2"))


async def test_all_workers_know_of_it(url, journal):
    """However many take the same answers at once, in whatever order, each counts for one message and none is lost."""
    async with await Journal.open(url) as other:
        keys = [f"k{number}" for number in range(150)]
        uses = [
            one.do(awaiting.Use(once(one, key), f"{key}-{number}"))
            for number, one in enumerate((journal, other, journal))
            for key in (keys if number % 2 else reversed(keys))
        ]
        said = await asyncio.gather(*uses)
    assert sum(said) == len(keys)


async def test_a_group_that_is_written_twice(journal, url):
    """Where the connection was lost over the first time, the second says the same."""
    engine = engine_of(url)
    items = [awaiting.Use(once(journal, key), f"m-{key}-{number}") for number in range(2) for key in "abc"]
    for _ in range(2):
        with engine.begin() as connection:
            assert awaiting.use(connection, items) == [True] * 3 + [False] * 3
    engine.dispose()


async def test_what_is_too_old_to_count_is_forgotten(journal, url, monkeypatch):
    """A day after its date lets it count no more, and no sooner; in batches, however many there are."""
    monkeypatch.setattr(awaiting, "_FORGOTTEN", 7)
    for key, hours in [("now", 1.0), ("late", -23.9), *[(f"old{number}", -24.1) for number in range(20)]]:
        await journal.do(awaiting.Use(once(journal, key, hours), "m"))
    assert await retention.all_of(journal, awaiting.ForgetUsed()) == 20
    assert await retention.all_of(journal, awaiting.ForgetUsed()) == 0
    engine = create_engine(url)
    with engine.connect() as connection:
        assert set(connection.execute(select(used_answer.c.key)).scalars()) == {"now", "late"}
    engine.dispose()
