"""The feed: every version once, in the order of the log, for whom it is meant; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from appealbus.core.domain.event import Cursor
from appealbus.core.journal import events, feed, log, renewing, retention, tables
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.errors import CursorAhead, CursorPruned, CursorUndone, UnknownEpoch


@pytest.fixture
async def appeals(journal, make):
    """Three appeals with their places and kinds."""
    made = [await journal.accept(make.new(f"m{number}")) for number in range(3)]
    scopes = [("711210000", "complaint"), ("751110100", "petition"), (None, None)]

    def scope(connection, items):
        for one, (place, kind) in zip(made, scopes, strict=True):
            where = tables.appeal.c.id == one.appeal_id
            connection.execute(update(tables.appeal).where(where).values(place=place, kind=kind))
        return [None for _ in items]

    await journal._write.submit(scope, None)
    return made


@pytest.fixture
async def three(journal, appeals, conclude, make):
    """The same, each with a version; the second one's is partial."""
    for at, one in enumerate(appeals):
        await conclude(one, due_at=make.later(60) if at == 1 else None)
    await placed(journal)
    return appeals


async def placed(journal):
    while await journal.do(events.Placing()):
        pass


async def read(journal, **given):
    """Read the whole feed, two at a time."""
    entries, after, page = [], given.pop("after", None), None
    while page is None or page.lag:
        page = await journal.ask(feed.page, after, 2, **given)
        assert len(page.entries) <= 2
        assert after is None or page.next.position >= after.position
        after = page.next
        entries += page.entries
    return entries


async def test_each_version_comes_once_and_in_order(journal, appeals, conclude, make):
    """With all that scopes go by, and the public id by which the appeal is found again."""
    await conclude(appeals[0])
    await conclude(appeals[1], due_at=make.later(60))
    await conclude(appeals[0], 2)
    await placed(journal)
    entries = await read(journal)
    assert [(entry.appeal_id, entry.version, entry.completeness) for entry in entries] == [
        (appeals[0].appeal_id, 1, "complete"),
        (appeals[1].appeal_id, 1, "partial"),
        (appeals[0].appeal_id, 2, "complete"),
    ]
    first = entries[0]
    assert (first.kind, first.place, first.epoch, first.number) == (
        "complaint",
        "711210000",
        1,
        appeals[0].receipt.number,
    )
    assert [entry.position for entry in entries] == sorted({entry.position for entry in entries})
    assert await read(journal, after=Cursor(1, first.position)) == entries[1:]
    assert (await journal.ask(lists.appeal_of, first.public_id)).number == first.number


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"places": ["710000000"]}, [0]),
        ({"places": ["710000000", "751110000"]}, [0, 1]),
        ({"places": ["720000000"]}, []),
        ({"kinds": ["petition", "no such"]}, [1]),
        ({"places": ["710000000"], "kinds": ["petition"]}, []),
        ({"completeness": "partial"}, [1]),
        ({}, [0, 1, 2]),
    ],
)
async def test_filters_keep_the_meaning_of_the_cursor(journal, three, monkeypatch, wanted, numbers):
    """What is not wanted is passed over, however few positions a page looks at, and the end is reached all the same."""
    monkeypatch.setattr(log, "_WINDOW", 2)
    entries = await read(journal, **wanted)
    assert [entry.appeal_id for entry in entries] == [three[number].appeal_id for number in numbers]


async def test_a_page_ends_where_it_is_full(journal, appeals, conclude):
    """With a filter more is looked at than is given, and the next page begins behind what was given."""
    for version in (1, 2, 3, 4, 5):
        await conclude(appeals[0], version)
    await placed(journal)
    assert [entry.version for entry in await read(journal, kinds=["complaint"])] == [1, 2, 3, 4, 5]


async def test_who_cannot_go_on_is_told_where_to_start(journal, appeals, conclude):
    """As with the log: ahead, pruned, undone, and of an epoch that never was."""
    await conclude(appeals[0])
    await placed(journal)
    head = (await journal.ask(feed.page, None, 1)).head
    with pytest.raises(CursorAhead):
        await journal.ask(feed.page, Cursor(1, head.position + 1), 10)
    await renewing.begin_epoch(journal, 1, 0)
    await placed(journal)
    with pytest.raises(CursorUndone):
        await journal.ask(feed.page, Cursor(1, head.position + 1), 10)
    with pytest.raises(UnknownEpoch):
        await journal.ask(feed.page, Cursor(9, 1), 10)
    await retention.prune_log(journal, journal.now() + timedelta(days=366))
    with pytest.raises(CursorPruned) as refused:
        await journal.ask(feed.page, Cursor(1, 0), 10)
    page = await journal.ask(feed.page, refused.value.restart, 10)
    assert (list(page.entries), page.next) == ([], page.head)


async def test_a_version_that_is_gone_is_passed_over(journal, appeals, conclude):
    """Nobody could read it; those that are kept come."""
    for version in (1, 2):
        await conclude(appeals[0], version)
    await conclude(appeals[1])

    def drop(connection, items):
        connection.execute(tables.dossier.delete().where(tables.dossier.c.version == 1))
        return [None for _ in items]

    await journal._write.submit(drop, None)
    await placed(journal)
    assert [entry.version for entry in await read(journal)] == [2]


async def test_what_has_no_position_is_not_in_the_feed(journal, appeals, conclude):
    """On PostgreSQL a version comes once it has its place; the cursor never passes one that has none."""
    await conclude(appeals[0])
    before = await journal.ask(feed.page, None, 10)
    await placed(journal)
    after = await journal.ask(feed.page, before.next, 10)
    assert len(before.entries) + len(after.entries) == 1


async def test_the_most_that_a_page_has(journal, appeals, conclude, monkeypatch):
    """Whoever asks for more than a page may have gets a whole page, whoever asks for nothing one version."""
    monkeypatch.setattr(feed, "_MOST", 3)
    for version in range(1, 6):
        await conclude(appeals[0], version)
    await placed(journal)
    assert [len((await journal.ask(feed.page, None, limit)).entries) for limit in (10**9, 0, -1)] == [3, 1, 1]
