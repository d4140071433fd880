"""A receiver that came later gets the versions of before: each once, in their order, never behind a newer one."""

import asyncio
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from appealbus.core.domain.event import Cursor
from appealbus.core.domain.operation import ItemResult, Operation, Order
from appealbus.core.domain.selection import HistorySelection
from appealbus.core.errors import JournalError
from appealbus.core.journal import events, feed, log, retention
from appealbus.core.journal import operations as operating
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.errors import CursorAhead
from appealbus.core.journal.journal import Journal
from appealbus.core.management import operations
from tests.services.processes import PATIENCE
from tests.services.recomputed import check_the_past

LATE = Order(Operation.HISTORY, receiver="late")


async def placed(journal):
    while await journal.do(events.Placing()):
        pass


async def frozen(journal, after=None):
    await placed(journal)
    return await operations.freeze(journal, LATE, HistorySelection("late", after))


async def carried_out(journal, given):
    await operations.begin(journal, given, given.hash, reason="a new register")
    left_out = {}
    async for progress in operations.carry_out(journal, given.hash):
        left_out.update(progress.left_out)
    return progress, left_out


async def taken(journal, receiver="late"):
    """Take all that waits for a receiver, as the relay does; return the versions of each appeal in their order."""
    got = defaultdict(list)
    while due := await journal.ask(deliveries.undelivered, receiver, journal.now(), 3):
        for one in due:
            got[one.number].append(one.version)
        await journal.do(delivering.Confirmed([one.delivery_id for one in due]))
    return dict(got)


@pytest.fixture
async def two(journal, make, conclude):
    """Two appeals of three and of one version, which another receiver has got."""
    made = [await journal.accept(make.new(f"m{number}")) for number in range(2)]
    for version in (1, 2, 3):
        await conclude(made[0], version)
    await conclude(made[1])
    return made


async def test_all_of_before_is_handed_over_once(journal, url, two, monkeypatch):
    """In parts, in order, on record; a second time there is nothing left, and others get nothing anew."""
    journal.actor = "person:aigul"
    monkeypatch.setattr(operating, "PART", 3)
    monkeypatch.setattr(feed, "_MOST", 2)
    given = await frozen(journal)
    assert len(given.ids) == 4
    progress, left_out = await carried_out(journal, given)
    assert (progress.verdicts, left_out) == ({"done": 4}, {})
    assert len((await frozen(journal)).ids) == 0
    first, second = (one.receipt.number for one in two)
    assert await taken(journal) == {first: [1, 2, 3], second: [1]}
    assert await taken(journal, "out") == {first: [1, 2, 3], second: [1]}
    await placed(journal)
    told = [entry for entry in (await journal.ask(log.page, limit=1000)).entries if entry.what == "handed_later"]
    assert [(entry.actor, entry.about, entry.detail["version"]) for entry in told] == [
        ("person:aigul", "late", version) for version in (1, 2, 3, 1)
    ]
    assert {entry.detail["operation"] for entry in told} == {given.hash}
    assert {entry.detail["reason"] for entry in told} == {"a new register"}
    (ordered,) = [entry for entry in (await journal.ask(log.page, limit=1000)).entries if entry.what == "ordered"]
    assert ordered.detail["selected_by"] == {"receiver": "late"}
    await journal.close()
    check_the_past(url)


async def test_from_a_position_on(journal, two):
    """What is before it is not handed over; a place that was never there is refused."""
    await placed(journal)
    entries = (await journal.ask(feed.page, None, 100)).entries
    given = await frozen(journal, Cursor(1, entries[1].position))
    assert given.ids.tolist() == [entry.position for entry in entries[2:]]
    assert [entry.version for entry in await journal.ask(feed.at, given.ids)] == [3, 1]
    assert given.hash != (await frozen(journal)).hash
    with pytest.raises(CursorAhead):
        await frozen(journal, Cursor(1, 10_000))


async def test_nothing_older_than_what_it_has(journal, conclude, two):
    """A version that comes while history is asked for leaves the older ones out, on their way or delivered."""
    given = await frozen(journal)
    await conclude(two[0], 4, receivers=("late",))
    progress, left_out = await carried_out(journal, given)
    first, second = (one.receipt.number for one in two)
    assert progress.verdicts == {"newer_delivered": 3, "done": 1}
    assert left_out == {f"{first} version {version}": ItemResult.NEWER for version in (1, 2, 3)}
    assert progress.refused == 0
    assert await taken(journal) == {first: [4], second: [1]}
    assert len((await frozen(journal)).ids) == 0


async def test_who_was_stopped_goes_on(journal, url, two, monkeypatch):
    """Another process does the rest, two at once too, and nothing is handed over twice."""
    monkeypatch.setattr(operating, "PART", 1)
    given = await frozen(journal)
    await operations.begin(journal, given, given.hash, reason="r")
    await journal.do(operating.Go(given.hash))
    async with await Journal.open(url) as second:

        async def go(one):
            try:
                async for _ in operations.carry_out(one, given.hash):
                    pass
            except JournalError as error:
                if error.code != "unknown_operation":  # else the other one has done all of it
                    raise

        await asyncio.gather(go(journal), go(second))
    assert await journal.ask(operating.under_way) == []
    first, other = (one.receipt.number for one in two)
    assert await taken(journal) == {first: [1, 2, 3], other: [1]}


async def test_what_is_pruned_meanwhile_is_gone(journal, two):
    """It has its verdict, and the rest is handed over."""
    given = await frozen(journal)
    await taken(journal, "out")
    await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=366)))
    progress, _ = await carried_out(journal, given)
    assert progress.verdicts == {"gone": 4}
    assert await taken(journal) == {}


async def test_a_live_receiver_never_goes_back(journal, url, make, conclude, monkeypatch):
    """Versions are made, handed over and asked for again all at once: of each appeal they come in rising order."""
    monkeypatch.setattr(operating, "PART", 2)
    dice, got, ends = random.Random(7), defaultdict(list), asyncio.Event()
    appeals = [await journal.accept(make.new(f"m{number}")) for number in range(6)]
    for one in appeals:
        for version in (1, 2, 3):
            await conclude(one, version)
    given = await frozen(journal)
    async with await Journal.open(url) as relay:

        async def take():
            while not ends.is_set() or await relay.ask(deliveries.undelivered, "late", relay.now(), 1):
                due = await relay.ask(deliveries.undelivered, "late", relay.now(), 2)
                for one in due:
                    got[one.number].append(one.version)
                await relay.do(delivering.Confirmed([one.delivery_id for one in due]))
                await asyncio.sleep(0)

        async def make_more():
            for one in dice.sample(appeals, 4):
                await conclude(one, 4, receivers=("out", "late"))

        taking = asyncio.create_task(take())
        await asyncio.gather(carried_out(journal, given), make_more())
        ends.set()
        await asyncio.wait_for(taking, PATIENCE)
    assert len(got) == 6
    for versions in got.values():
        assert versions == sorted(set(versions))
        assert versions[-1] in (3, 4)
    await journal.close()
    check_the_past(url)
