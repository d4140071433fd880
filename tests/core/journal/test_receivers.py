"""Receivers: how each stands, what waits for it and was refused, and what a person decides about one delivery."""

import asyncio
from datetime import timedelta

import pytest

from appealbus.core.domain.operation import ItemResult
from appealbus.core.domain.selection import NOWHERE, ListPosition
from appealbus.core.journal import events, figures, log
from appealbus.core.journal.deliveries import deliveries, delivering, receivers
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.deliveries.delivering import ShownVersion
from appealbus.core.journal.deliveries.receivers import ReceiverState
from appealbus.core.journal.journal import Journal
from tests.core.journal.explaining import explain_all
from tests.services.journals import sqlite_journal

WAITING, ALONE, DELIVERED = DeliveryState.WAITING, DeliveryState.ALONE, DeliveryState.DELIVERED


async def placed(journal):
    while await journal.do(events.Placing()):
        pass


@pytest.fixture
async def five(journal: Journal, make, conclude):
    """The deliveries of five appeals: the first is delivered, the second refused, the third has failed."""
    for at in range(5):
        await conclude(await journal.accept(make.new(f"m{at}")))
    due = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    ids = [each.delivery_id for each in due]
    await journal.do(delivering.Confirmed(ids[:1]))
    await journal.do(delivering.GivenUp([(ids[1], "unfit")]))
    await journal.do(delivering.Failed([(ids[2], "unreachable", journal.now() + timedelta(minutes=1))]))
    journal.actor = "person:aigul"
    return ids


async def listed(journal, state, limit=2):
    """Return the ids of all pages."""
    found, after = [], NOWHERE
    while page := await journal.deliveries_to("out", state, after, limit):
        found += [each.delivery.id for each, _ in page]
        after = ListPosition.parse(str(page[-1][1]))
    return found


async def shown(journal, delivery_id):
    found = await journal.ask(receivers.of_appeal, delivery_id)
    return ShownVersion.of(found.delivery)


async def test_receivers_are_told_with_what_stands_at_their_head(journal, five):
    """How many wait and were refused, which first and why, and when it confirmed last; one that has nothing too."""
    new, out = await journal.ask(receivers.receivers, ["new"])
    assert new == ReceiverState("new")
    assert (out.waiting, out.refused, out.confirmed_at is not None) == (3, 1, True)
    assert (out.oldest.id, out.oldest.reason, out.oldest.attempts) == (five[2], "unreachable", 1)
    assert (out.first_refused.id, out.first_refused.reason) == (five[1], "unfit")
    assert [each.name for each in await journal.ask(receivers.receivers)] == ["out"]


async def test_pages_of_each_state_have_all_of_it_once(journal, five):
    """What waits by its next attempt, what was confirmed the last first; a place of another list is refused."""
    assert await listed(journal, WAITING) == [five[3], five[4], five[2]]
    assert await listed(journal, ALONE) == [five[1]]
    await journal.do(delivering.Confirmed(five[2:]))
    confirmed = await listed(journal, DELIVERED, 1)
    assert (sorted(confirmed), confirmed[-1]) == ([five[0], *five[2:]], five[0])
    (one, _), *_ = await journal.deliveries_to("out", ALONE)
    assert one.appeal.number == one.delivery.number
    for state, place in ((ALONE, ListPosition(1, 1)), (WAITING, ListPosition(7)), (DELIVERED, ListPosition(2**63, 1))):
        with pytest.raises(ValueError, match="another order"):
            await journal.deliveries_to("out", state, place)


async def test_what_was_shown_is_given_up_once(journal, five):
    """Twice at a time too; what has been decided since, was delivered or is gone stays as it is."""
    refused = await shown(journal, five[1])
    both = await asyncio.gather(
        *(journal.do(delivering.Decision(refused, reason="on paper", again=False)) for _ in range(2))
    )
    assert sorted(both) == [ItemResult.DONE, ItemResult.NOTHING]
    waits = await shown(journal, five[2])
    assert (
        await journal.do(delivering.Decision(await shown(journal, five[1]), reason="after all", again=True))
        == ItemResult.DONE
    )
    assert await journal.do(delivering.Decision(refused, reason="late", again=False)) == ItemResult.NOTHING
    assert await journal.do(delivering.Decision(refused, reason="late", again=True)) == ItemResult.NOTHING
    await journal.do(delivering.Failed([(five[2], "unreachable", journal.now())]))
    assert await journal.do(delivering.Decision(waits, reason="on paper", again=False)) == ItemResult.DONE
    assert (
        await journal.do(delivering.Decision(await shown(journal, five[0]), reason="x", again=False))
        == ItemResult.NOTHING
    )
    assert (
        await journal.do(delivering.Decision(ShownVersion(999, WAITING, waits.since, 0), reason="x", again=False))
        == ItemResult.GONE
    )
    await placed(journal)
    told = [each for each in (await journal.ask(log.page, limit=1000)).entries if "reason" in each.detail]
    assert [(each.actor, each.what, each.detail["id"], each.detail["reason"]) for each in told] == [
        ("person:aigul", "skipped", five[1], "on paper"),
        ("person:aigul", "resent", five[1], "after all"),
        ("person:aigul", "skipped", five[2], "on paper"),
    ]


async def test_what_waits_and_was_sent_again_is_not_what_was_shown(journal, five):
    """One that had failed begins anew with its attempts: a decision about what it was before does nothing."""
    before = await shown(journal, five[2])
    assert await journal.do(delivering.Decision(before, reason="on paper", again=False)) == ItemResult.DONE
    assert (
        await journal.do(delivering.Decision(await shown(journal, five[2]), reason="after all", again=True))
        == ItemResult.DONE
    )
    assert await journal.do(delivering.Decision(before, reason="on paper", again=False)) == ItemResult.NOTHING


async def test_a_version_is_not_sent_behind_a_newer_one(journal, make, conclude):
    """The receiver has a later one of the appeal: the verdict says so, and lists tell it before."""
    made = await journal.accept(make.new("m"))
    await conclude(made, 1)
    await conclude(made, 2)
    (first,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    await journal.do(delivering.GivenUp([(first.delivery_id, "unfit")]))
    (second,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    await journal.do(delivering.Confirmed([second.delivery_id]))
    assert (await journal.ask(receivers.of_appeal, first.delivery_id)).newer == 2
    assert (
        await journal.do(delivering.Decision(await shown(journal, first.delivery_id), reason="x", again=True))
        == ItemResult.NEWER
    )
    assert (
        await journal.do(delivering.Decision(await shown(journal, second.delivery_id), reason="lost", again=True))
        == ItemResult.DONE
    )
    assert [each.version for each in await journal.ask(deliveries.undelivered, "out", journal.now(), 10)] == [2]


async def test_the_log_tells_what_became_of_attempts(journal, five, monkeypatch):
    """Each with its code and how long a version had waited; of the newest entries alone, and that is said."""
    await placed(journal)
    past = await journal.ask(figures.past_handovers, "out")
    assert [(each.what, each.code) for each in past.attempts] == [
        ("delivered", ""),
        ("set_aside", "unfit"),
        ("failed", "unreachable"),
    ]
    assert past.whole
    assert past.attempts[0].waited is not None
    assert {code: times for code, times, _ in past.errors()} == {"unfit": 1, "unreachable": 1}
    newest = await journal.ask(lambda connection: figures.past_handovers(connection, "out", 1))
    assert (newest.whole, [each.what for each in newest.attempts]) == (False, ["failed"])
    assert (await journal.ask(figures.past_handovers, "nobody")).attempts == []


async def test_one_appeals_deliveries_are_found_by_the_appeal(tmp_path, monkeypatch):
    """SQLite, which keeps no statistics, goes through all that the receiver lacks for none of them."""
    heard = explain_all(monkeypatch)
    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        heard.clear()
        await journal.do(delivering.Skip("AB-1", "gone", receiver="out"))
        await journal.do(delivering.Resend("AB-1", receiver="out"))
        plans = [plan for statement, plan in heard if "outbox" in statement]
    assert len(plans) == 2
    assert all("(appeal_id=?" in plan and "ix_outbox" not in plan for plan in plans)
