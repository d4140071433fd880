"""Suspects and old versions are never at work at once, and neither waits for ever for the other."""

import asyncio

from appealbus.core.bus.work.isolation import Turns


async def test_a_suspect_waits_for_who_hands_over_and_is_next() -> None:
    """Relays hand over beside each other; who comes again after that lets the suspect go first, if it comes."""
    turns, woken = Turns(), 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    turns.on_free = wake
    async with turns.handing(5) as one, turns.handing(5) as other:
        assert one
        assert other
        assert not turns.begin_suspect()
        assert woken == 0
    assert woken == 1
    again = asyncio.create_task(_handed(turns, 5))
    await asyncio.sleep(0)
    assert turns.begin_suspect()
    await asyncio.sleep(0)
    assert not again.done()
    turns.end_suspect()
    assert not turns.begin_suspect()  # it is the relay's go
    assert await again
    assert turns.begin_suspect()


async def test_a_relay_goes_on_without_who_does_not_come() -> None:
    """One that is told no looks at what else it has, and has its go where the suspect was only announced."""
    turns = Turns()
    assert turns.begin_suspect()
    assert not await _handed(turns, 0.01)
    turns.end_suspect()
    async with turns.handing(5):
        assert not turns.begin_suspect()
    assert not await _handed(turns, 0.01)
    assert await _handed(turns, 0.01)


async def _handed(turns: Turns, seconds: float) -> bool:
    async with turns.handing(seconds) as ours:
        return ours
