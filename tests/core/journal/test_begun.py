"""Deliveries that are noted before they are handed over: who died over one is known by that."""

import pytest

from appealbus.core.journal.appeals import claiming
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.deliveries.deliveries import DeliveryState

OUT = "out"


@pytest.fixture
async def ids(journal, make, conclude):
    for message in ("a", "b"):
        await conclude(await journal.accept(make.new(message)))
    return [row.delivery_id for row in await waiting(journal)]


async def waiting(journal):
    return await journal.ask(deliveries.undelivered, OUT, journal.now(), 10)


async def noted(journal):
    return [(row.begun_by, row.deaths) for row in await waiting(journal)]


async def test_what_another_has_begun_and_not_ended_has_a_death_more_each_time(journal, ids):
    """Who begins it again himself, after a write that failed, is alive: that adds none."""
    assert await journal.ask(deliveries.newest_delivery) == max(ids)
    await journal.do(delivering.Begun(ids, "first"))
    assert await noted(journal) == [("first", 0)] * 2
    await journal.do(delivering.Begun(ids[:1], "second"))
    await journal.do(delivering.Begun(ids[:1], "second"))
    assert await noted(journal) == [("second", 1), ("first", 0)]
    await journal.do(delivering.Begun(ids[:1], "third"))
    assert await noted(journal) == [("third", 2), ("first", 0)]


@pytest.mark.parametrize("how", ["delivered", "failed", "survived"])
async def test_however_it_ends_nobody_has_died(journal, ids, how):
    """Its own row alone is as it was before; another receiver's or worker's survival says nothing of it."""
    for by in ("first", "second"):
        await journal.do(delivering.Begun(ids, by))
    await journal.do(delivering.Survived(OUT, "first"))
    await journal.do(delivering.Survived("other", "second"))
    assert await noted(journal) == [("second", 1)] * 2
    if how == "delivered":
        await journal.do(delivering.Confirmed(ids[:1]))
        assert await noted(journal) == [("second", 1)]
    elif how == "failed":
        await journal.do(delivering.Failed([(ids[0], "away", journal.now())]))
        assert set(await noted(journal)) == {(None, 0), ("second", 1)}
    else:
        await journal.do(delivering.Survived(OUT, "second"))
        assert await noted(journal) == [(None, 0)] * 2


async def test_what_waits_alone_over_deaths_begins_anew_when_it_is_sent_again(journal, ids):
    """With its reason until then."""
    for by in ("first", "second"):
        await journal.do(delivering.Begun(ids[:1], by))
    await journal.do(delivering.GivenUp([(ids[0], "process.died")]))
    (row,) = await journal.ask(deliveries.deliveries)
    assert (row.state, row.reason) == (DeliveryState.ALONE, "process.died")
    assert await journal.do(delivering.Resend(row.number)) == 1
    assert await noted(journal) == [(None, 0)] * 2


async def test_a_claim_leaves_suspects_where_they_are_if_it_is_told_to(journal, make):
    """All else is leased."""
    await journal.accept(make.new("suspect"), owner="dead", lease_seconds=60.0)
    await claiming.bury(journal, "dead")
    await journal.accept(make.new("new"))
    later = make.at_last()
    first = await claiming.claim(journal, claiming.Claim("me", later, 10, 60, suspects=False))
    assert [case.appeal.message_id for case in first] == ["new"]
    assert [case.appeal.message_id for case in await claiming.claim(journal, claiming.Claim("me", later, 10, 60))] == [
        "suspect"
    ]
