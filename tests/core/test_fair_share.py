"""Places and bytes that are shared: nobody keeps another out, and what is idle may be used."""

import asyncio

import pytest

from appealbus.core.fair_share import FairShare, on_behalf_of


def test_one_alone_leaves_room_for_the_next() -> None:
    """It has half at most, or what the spread says; the next has half of what is left, at once."""
    share = FairShare(64)
    while share.take("greedy"):
        pass
    while share.take("second"):
        pass
    assert (share.held("greedy"), share.held("second")) == (32, 16)
    assert share.take("third")
    wide = FairShare(4, spread=3)
    assert [wide.take("greedy") for _ in range(4)] == [True, True, True, False]
    assert wide.take("other")


def test_shares_become_equal() -> None:
    """What is given back goes to those who have less: who has more than its share gets none of it."""
    share = FairShare(60)
    while share.take("first"):
        pass
    while share.take("second"):
        pass
    for _ in range(100):
        share.give_back("first")
        for who in ("first", "second"):
            share.take(who)
    assert (share.held("first"), share.held("second")) == (20, 20)


def test_the_program_itself_may_have_all() -> None:
    """Where nobody else is served nothing is kept back."""
    share = FairShare(2)
    assert [share.take("") for _ in range(3)] == [True, True, False]
    share.give_back("", 2)
    assert share.held("") == 0


async def _take_turns(share: FairShare, who: str, order: list[str]) -> None:
    with on_behalf_of(who):
        async with share.place():
            order.append(who)
            await asyncio.sleep(0)


async def test_those_who_wait_take_turns() -> None:
    """Of one place, however many a greedy one has asked for before."""
    share, order = FairShare(1), list[str]()
    greedy = [asyncio.create_task(_take_turns(share, "greedy", order)) for _ in range(50)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(_take_turns(share, who, order)) for who in ("a", "b") for _ in range(3)]
    await asyncio.gather(*greedy, *others)
    assert max(at for at, who in enumerate(order) if who != "greedy") <= 12
    assert len(order) == 56
    assert share.take("anybody")


@pytest.mark.parametrize("at_once", [True, False])
async def test_who_goes_away_leaves_nothing_behind(at_once: bool) -> None:
    """Cancelled while it waits, or in the moment in which it gets its place."""
    share = FairShare(1)
    assert share.take("first")
    waiting = [asyncio.create_task(share.wait("second")) for _ in range(3)]
    last = asyncio.create_task(share.wait("third"))
    await asyncio.sleep(0)
    if at_once:
        share.give_back("first")
    for task in waiting:
        task.cancel()
    if not at_once:
        share.give_back("first")
    async with asyncio.timeout(5):
        await last
    assert (share.held("second"), share.held("third")) == (0, 1)
    share.give_back("third")
    assert not share._waiting
