"""Two that write one journal, as two processes do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from appealbus.core.journal.appeals import claiming
from appealbus.core.journal.journal import Journal


@pytest.fixture
async def other(url: str, journal: Journal) -> AsyncIterator[Journal]:
    async with await Journal.open(url) as opened:
        yield opened


async def test_an_appeal_is_claimed_by_one(journal, other, make):
    """However many ask at once, each appeal has one owner and none is left over."""
    for index in range(40):
        await journal.accept(make.new(f"m{index}"))

    claims = [(journal, "a"), (other, "b")] * 10
    cases = await asyncio.gather(
        *(claiming.claim(one, claiming.Claim(owner, make.now, 4, 60)) for one, owner in claims)
    )
    ids = [case.appeal_id for claimed in cases for case in claimed]
    ids += [case.appeal_id for case in await claiming.claim(other, claiming.Claim("b", make.now, 40, 60))]
    assert sorted(ids) == list(range(1, 41))


async def test_a_message_that_both_accept_is_one_appeal(journal, other, make):
    """Both give the same receipt, one of them as new; numbers are consecutive over both."""
    both = await asyncio.gather(*(one.accept(make.new(f"m{index}")) for index in range(60) for one in (journal, other)))

    for first, second in zip(both[::2], both[1::2], strict=True):
        assert first.receipt == second.receipt
        assert {first.new, second.new} == {True, False}
    numbers = sorted(one.receipt.number for one in both if one.new)
    assert numbers == [f"AB-2026-{value:08d}" for value in range(1, 61)]
