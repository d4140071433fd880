"""How urgent an appeal is where its register has not said until when: as plugins count."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import CallFailed, From, KeptChange, OutcomeKind, Reply, Taken, Terms
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal
from tests.core.kit import ScriptedWire, lookup, message, running_bus
from tests.services.processes import PATIENCE

ASKED = lookup("s.asked", x=From("text"))
FIRST = date(2026, 12, 1)


class Counted(Terms):
    """Terms that end on a day, one later for each change; given what they were asked."""

    name = "counted"

    def __init__(self, day: date | None = FIRST) -> None:
        self.day = day
        self.asked: list[tuple[Appeal, Appeal, datetime, int]] = []

    def due_on(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange]
    ) -> date | None:
        self.asked.append((appeal, first, accepted_at, len(changes)))
        return None if self.day is None else self.day + timedelta(days=len(changes))


class Broken(Terms):
    """Terms with a defect."""

    name = "broken"

    def due_on(self, *_: Any) -> date | None:
        raise SystemExit(3)


class Odd(Terms):
    """Terms that answer with something else, or not at all."""

    name = "odd"

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def due_on(self, *_: Any) -> date | None:
        self.asked += 1
        return self.answer() if callable(self.answer) else self.answer  # type: ignore[no-any-return]


async def due_on(journal: Journal, number: str) -> date | None:
    row = await journal.ask(lists.appeal_row, number)
    assert row is not None
    return row.due_on


async def taken(bus: Any, message_id: str, **given: Any) -> str:
    result = await bus.accept(message(message_id, text="a", **given))
    assert isinstance(result, Taken)
    return result.receipt.number


async def test_an_appeal_is_as_urgent_as_plugins_count(tmp_path: Path) -> None:
    """The earliest counts, from the moment that it is on disk; what its register says goes over all of them."""
    later = Counted(FIRST + timedelta(days=9))
    later.name = "later"  # type: ignore[misc]
    async with running_bus(tmp_path, ASKED, terms=[later, Counted()]) as bus:
        number = await taken(bus, "m-1")
        assert await due_on(bus.journal, number) == FIRST
        said = await taken(bus, "m-2", due_on="2027-01-11")
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST
        assert await due_on(bus.journal, said) == date(2027, 1, 11)


async def test_a_change_moves_what_was_counted(tmp_path: Path) -> None:
    """Plugins are given the newest form, the first one and all changes, though the change names no date."""
    counted = Counted()
    async with running_bus(tmp_path, ASKED, terms=[counted]) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
        change = {"type": "change", "number": number, "kind": "corrected", "corrected": {"text": "b"}}
        await bus.accept(message("c-1", **change))
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST + timedelta(days=1)
        appeal, first, accepted_at, changes = counted.asked[-1]
        assert (appeal.text, first.text, changes) == ("b", "a", 1)
        case = await bus.journal.ask(cases.case, number)
        assert case is not None
        assert accepted_at == case.receipt.accepted_at


@pytest.mark.proof
async def test_the_next_run_follows_what_is_counted_then(tmp_path: Path) -> None:
    """Law and calendar change between two runs: what is parked is as urgent as is counted when it is asked again."""

    def away(*_: Any) -> Reply:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "test.away", "away")

    late = {"first": "1h", "max": "1h"}
    async with running_bus(tmp_path, ASKED, wire=ScriptedWire(away), terms=[Counted()], retry=late) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
    async with running_bus(tmp_path, ASKED, terms=[Counted(FIRST + timedelta(days=3))]) as bus:
        assert await due_on(bus.journal, number) == FIRST
        await bus.journal.do(leases.Retry(number))
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST + timedelta(days=3)


async def test_terms_that_raise_stop_nobody(tmp_path: Path) -> None:
    """Whatever they raise is counted as their defect, and the others count."""
    async with running_bus(tmp_path, ASKED, terms=[Broken(), Counted()]) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST
        assert (
            bus.parts.host.defects["terms.broken"] == 1
        )  # at intake; the run a moment later goes by the day from there


async def test_without_terms_an_appeal_has_none(tmp_path: Path) -> None:
    """Nor where nothing says until when."""
    async with running_bus(tmp_path, ASKED, terms=[Counted(None)]) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
        assert await due_on(bus.journal, number) is None


@pytest.mark.parametrize("answer", ["2026-12-01", 738_000, datetime(2026, 11, 1, tzinfo=UTC), float("nan")])
async def test_terms_that_return_no_day_stop_nobody(tmp_path: Path, answer: Any) -> None:
    """Whatever it is, it is their defect; a moment is no day either, though Python says that it is one."""
    async with running_bus(tmp_path, ASKED, terms=[Odd(answer), Counted()]) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST
        assert bus.parts.host.defects["terms.odd"] == 1


@pytest.mark.proof
async def test_terms_that_hang_stop_no_intake(tmp_path: Path) -> None:
    """They are ended, and left out for a while after the third, so that no more appeals wait; the others count."""
    odd = Odd(lambda: time.sleep(3600))
    async with running_bus(tmp_path, ASKED, terms=[odd, Counted()]) as bus:
        async with asyncio.timeout(PATIENCE):
            numbers = [await taken(bus, f"m-{n}") for n in range(30)]
            await bus.settle()
        assert {await due_on(bus.journal, number) for number in numbers} == {FIRST}
        assert (odd.asked, bus.parts.host.defects["terms.odd"]) == (3, 3)


async def test_a_day_outlives_terms_that_fail(tmp_path: Path) -> None:
    """As where the calendar does not have the year in which a changed appeal falls due: the day from before stays."""
    counted = Counted()
    async with running_bus(tmp_path, ASKED, terms=[counted]) as bus:
        number = await taken(bus, "m-1")
        await bus.settle()
        counted.due_on = Broken().due_on  # type: ignore[method-assign]
        change = {"type": "change", "number": number, "kind": "corrected", "corrected": {"text": "b"}}
        await bus.accept(message("c-1", **change))
        await bus.settle()
        assert await due_on(bus.journal, number) == FIRST
