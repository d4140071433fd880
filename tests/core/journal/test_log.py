"""The log: what each write notes, read from a cursor on, gap-free whoever gives the positions."""

import asyncio

import pytest

from appealbus.core import clocks
from appealbus.core.domain.event import Cursor
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.journal import access, awaiting, events, figures, keeping, log, pruning, renewing, retention
from appealbus.core.journal.appeals import claiming, leases, suspects
from appealbus.core.journal.deliveries import delivering
from appealbus.core.journal.errors import CursorAhead, CursorPruned, CursorUndone, UnknownEpoch
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import QuarantineBounds
from tests.core.journal.replaying import replayed


async def placed(journal):
    """Give positions to all that there is, and return the log."""
    while await journal.do(events.Placing()):
        pass
    entries, after = [], None
    while True:
        page = await journal.ask(log.page, after, 50)
        entries += page.entries
        after = page.next
        if not page.lag:
            assert [entry.position for entry in entries] == list(range(1, after.position + 1))
            return entries


async def words(journal):
    return [(entry.what, entry.actor, entry.about, entry.detail) for entry in await placed(journal)]


@pytest.mark.proof
async def test_a_whole_life_is_noted(journal, make, conclude):
    """In the order in which it happened, with who did it."""
    journal.actor = "worker:w"
    accepted = await journal.accept(make.new())
    number, id_ = accepted.receipt.number, accepted.appeal_id
    await journal.accept(make.new())
    await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    await journal.do(access.Asking([make.access(number)]))
    await journal.post(keeping.Keep(id_, make.state(), owner="w"))
    await conclude(accepted)
    await journal.do(delivering.Confirmed([1]))
    await journal.do(delivering.Confirmed([1]))

    client = ("client:files", "files")
    (content,) = [e.detail["content"] for e in await placed(journal) if e.what == "accepted"]
    (parts,) = [e.detail["parts"] for e in await placed(journal) if e.what == "version"]
    assert await words(journal) == [
        (
            "accepted",
            *client,
            {"number": number, "message_id": "m1", "content": content, "urgency": 3652059, "by": "appealbus"},
        ),
        ("repeated", *client, {}),
        ("claimed", "worker:w", "", {}),
        ("asked", "worker:w", "gbdfl.person", {"question": "q1", "source": "gbdfl", "served": "source"}),
        (
            "ended",
            "worker:w",
            "gbdfl.person",
            {
                "key": "k",
                "kind": "not_found",
                "code": "gbdfl.00003",
                "attempts": 0,
                "runs": 1,
                "ended": round(make.now.timestamp() * 1_000_000),
            },
        ),
        (
            "version",
            "bus",
            "",
            {"completeness": "complete", "state": "idle", "version": 1, "parts": parts, "receivers": ["out"]},
        ),
        ("delivered", "worker:w", "out", {"version": 1, "id": 1}),
    ]
    assert {entry.number for entry in await placed(journal) if entry.what != "asked"} == {number}


async def test_what_people_and_the_bus_do_is_noted(journal, make, conclude):
    """Whatever else is written says so, too."""
    journal.actor = "person:aigul"
    accepted = await journal.accept(make.new())
    number = accepted.receipt.number
    await journal.do(suspects.Hold(number, by="aigul", reason="asked to"))
    await journal.do(suspects.Releasing(number))
    await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    await journal.do(leases.Release("w"))
    await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    await claiming.bury(journal, "w")
    await journal.do(leases.Retry(number, everything=True))
    await claiming.claim(journal, claiming.Claim("w", clocks.wall(), 10, 60))
    await conclude(accepted, due_at=make.later(60))
    await conclude(accepted, 2)
    await journal.do(delivering.Failed([(1, "away", make.later(5))]))
    await journal.do(delivering.GivenUp([(1, "no")]))
    await journal.do(delivering.Skip(number, "gone", version=2))
    await journal.do(delivering.Resend(number, version=1))
    differing = await journal.do(make.quarantine())
    await replayed(journal, differing, number)
    await journal.do(make.quarantine())
    await retention.all_of(journal, QuarantineBounds(0, 1, None))
    await retention.all_of(journal, pruning.Gone("out"))
    await journal.trust_clock()
    await retention.prune(journal, retention.Ages(make.later(10**9)))
    await renewing.begin_epoch(journal, 1, 0)

    person = "person:aigul"
    said = [(what, actor, about) for what, actor, about, _ in await words(journal)]
    assert said == [
        ("accepted", "client:files", "files"),
        ("held", person, ""),
        ("released", person, ""),
        ("claimed", "worker:w", ""),
        ("given_back", "worker:w", ""),
        ("claimed", "worker:w", ""),
        ("suspected", person, ""),
        ("retried", person, ""),
        ("claimed", "worker:w", ""),
        ("version", "bus", ""),
        ("version", "bus", ""),
        ("failed", person, "out"),
        ("set_aside", person, "out"),
        ("skipped", person, "out"),
        ("resent", person, "out"),
        ("quarantined", "client:files", "files"),
        ("replayed", person, "files"),
        ("quarantined", "client:files", "files"),
        ("closed", "bus", "files"),
        ("pruned", person, ""),
        ("skipped", person, "out"),
        ("clock_trusted", person, ""),
        ("pruned", person, ""),
        ("pruned", person, ""),
        ("restored", person, ""),
    ]


async def test_pages_filter_and_go_on(journal, make):
    """A page says where the next one begins, also where nothing was wanted; an appeal's history is paged by key."""
    numbers = [(await journal.accept(make.new(f"m{index}"))).receipt.number for index in range(5)]
    await journal.do(suspects.Hold(numbers[2], by="x", reason="so"))
    if journal.shared:
        assert [entry.position for entry in await journal.ask(log.history, numbers[2])] == [None, None]
        assert (await journal.ask(figures.counts)).log_unplaced == 6
        assert (await journal.ask(log.page)).entries == []
    await placed(journal)
    assert (await journal.ask(figures.counts)).log_position == 6

    first = await journal.ask(log.page, None, 2)
    assert ([entry.number for entry in first.entries], str(first.next), first.lag) == (numbers[:2], "1.2", 4)
    second = await journal.ask(log.page, first.next, 2, what={"held"})
    assert ([entry.what for entry in second.entries], str(second.next), second.lag) == (["held"], "1.6", 0)
    assert (await journal.ask(log.page, second.next)).entries == []
    assert [entry.what for entry in (await journal.ask(log.page, number=numbers[2])).entries] == ["accepted", "held"]
    assert (await journal.ask(log.page, number="no such")).next == second.next
    assert (await journal.ask(log.page, actor="person:x", about="")).entries[0].detail == {"reason": "so"}
    assert [entry.position for entry in await journal.ask(log.history, numbers[2], limit=1)] == [3]
    assert [entry.position for entry in await journal.ask(log.history, numbers[2], after=3)] == [6]
    assert await journal.ask(log.history, "no such") == []


async def test_a_cursor_that_cannot_go_on_says_where_to_start(journal, make):
    """A future one, one of another epoch, one behind the end of an older epoch, one whose followers are pruned."""
    for index in range(4):
        await journal.accept(make.new(f"m{index}"))
    await placed(journal)
    with pytest.raises(CursorAhead) as ahead:
        await journal.ask(log.page, Cursor(1, 5))
    assert str(ahead.value.restart) == "1.4"
    await renewing.begin_epoch(journal, 3, 0)
    await placed(journal)
    for cursor in (Cursor(1, 4), Cursor(4, 4)):
        assert [entry.what for entry in (await journal.ask(log.page, cursor)).entries] == ["restored"]
    assert str((await journal.ask(log.page, Cursor(1, 2))).next) == "4.5"
    with pytest.raises(CursorUndone) as undone:
        await journal.ask(log.page, Cursor(1, 5))
    assert (str(undone.value.restart), undone.value.code) == ("4.4", "cursor.undone")
    for cursor, restart in ((Cursor(2, 3), "4.0"), (Cursor(9, 3), "4.4")):
        with pytest.raises(UnknownEpoch) as unknown:
            await journal.ask(log.page, cursor)
        assert str(unknown.value.restart) == restart

    assert await retention.prune_log(journal, clocks.wall()) == 5
    await placed_from(journal, Cursor(4, 5))
    for old in (Cursor(1, 0), Cursor(1, 4)):
        with pytest.raises(CursorPruned) as pruned:
            await journal.ask(log.page, old)
        assert str(pruned.value.restart) == "4.5"
    assert [entry.what for entry in (await journal.ask(log.page)).entries] == ["pruned"]


async def placed_from(journal, cursor):
    while await journal.do(events.Placing()):
        pass
    assert [entry.position for entry in (await journal.ask(log.page, cursor)).entries] == [cursor.position + 1]


async def test_what_has_no_position_at_a_restore_gets_one_in_the_new_epoch(journal, make):
    """In the epoch that is lost another entry may have had it: whoever read that one must not miss this one."""
    await journal.accept(make.new())
    await placed(journal)
    await journal.accept(make.new("m2"))
    await renewing.begin_epoch(journal, 1, 0)
    while await journal.do(events.Placing()):
        pass
    went_on = await journal.ask(log.page, Cursor(1, 1))
    assert [entry.what for entry in went_on.entries] == ["accepted", "restored"]
    if journal.shared:
        with pytest.raises(CursorUndone):
            await journal.ask(log.page, Cursor(1, 2))


async def test_two_sequencers_at_once_are_as_right_as_one(url, journal, make):
    """No position twice, none left out."""
    async with await Journal.open(url) as other:
        for turn in range(3):
            await asyncio.gather(
                *(journal.accept(make.new(f"{turn}-{index}")) for index in range(20)),
                *(one.do(events.Placing()) for one in (journal, other) * 5),
            )
        assert len(await placed(journal)) == 60


async def test_answers_that_come_by_themselves_are_noted(journal, make):
    """And a message that another one's id stands in the way of is noted with that one."""
    assert await journal.do(awaiting.Answered("acme", Answer("nobody's", b""))) is Kept.UNKNOWN
    assert await words(journal) == []


async def test_any_text_is_noted_as_it_can_be(journal, make):
    """Whatever a name has in it, and where a column is empty in all rows: nothing else of the group is lost."""
    odd = "\x1f\x00\ud800\\{},\"'%s"
    journal.actor = f"person:{odd}"
    number = (await journal.accept(make.new())).receipt.number
    await journal.do(suspects.Hold(number, by=odd, reason=odd))
    await journal.do(suspects.Releasing(number))
    shown = "\ufffd\ufffd\ufffd\\{},\"'%s"
    _, held, released = await placed(journal)
    assert (held.actor, held.detail) == (f"person:{shown}", {"reason": shown})
    assert (released.actor, released.about, released.detail) == (f"person:{shown}", "", {})
