"""Assessors that raise: who is unassessed is known, and is assessed again once they are mended, without a question."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from appealbus.core import Assessor, CallFailed, From, OutcomeKind, Reply, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.work import case_run
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.operation import ItemResult, Operation, Order
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import leases, lists, suspects
from appealbus.core.management import operations
from appealbus.schemas import Dossier
from appealbus.schemas.signal import Severity, Signal
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, running_bus
from tests.services.recomputed import check_the_past

WHO = lookup("s.who", x=From("text"))
LATER = {"retry": {"first": "1h", "max": "1h"}}
ASSESS = Order(Operation.ASSESS)


class Rule(Assessor):
    """Raises over the texts that it is told of, and says so much of all others."""

    name = "rule"

    def __init__(self, *broken: str) -> None:
        self.broken = broken
        self.calls = 0

    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        self.calls += 1
        if dossier.appeal.text in self.broken:
            raise ZeroDivisionError
        said = {"assessor": "rule", "code": "rule.holds", "severity": Severity.WARNING}
        return [Signal(**said, message_ru="да", message_kk="иә", fields=["appeal.text"])]


@pytest.fixture(autouse=True)
def _the_past(tmp_path: Path) -> Iterator[None]:
    """After each test the log tells how the appeals stand."""
    Receiver.got.clear()
    yield
    assert check_the_past(f"sqlite:///{tmp_path}/journal.db")


async def taken(bus: Bus, *texts: str) -> dict[str, str]:
    """Have appeals with these texts worked; return their numbers by text."""
    numbers = {}
    for at, text in enumerate(texts):
        result = await bus.accept(message(f"m-{at}", text=text))
        assert isinstance(result, Taken)
        numbers[text] = result.receipt.number
    await bus.settle()
    return numbers


async def row(bus: Bus, number: str) -> AppealRow:
    found = await bus.journal.ask(lists.appeal_row, number)
    assert found is not None
    return found


async def assessed(bus: Bus, **selection: object) -> dict[str, int]:
    """Have what is selected assessed again; return how many had which verdict."""
    frozen = await operations.freeze(bus.journal, ASSESS, Selection(**selection))  # type: ignore[arg-type]
    begun = await operations.begin(bus.journal, frozen, frozen.hash, reason="mended")
    steps = [step async for step in operations.carry_out(bus.journal, begun.hash)]
    bus._dispatcher.more()
    await bus.settle()
    return dict(steps[-1].verdicts)


async def test_what_is_unassessed_is_assessed_once_the_rule_is_mended(tmp_path: Path) -> None:
    """Two of three are known to be so; then each has one version more, that is delivered, and nobody is asked."""
    wire, rule = ScriptedWire(), Rule("a", "b")
    async with running_bus(tmp_path, WHO, wire=wire, assessors=[rule], deliveries={"out": {"kind": "receiver"}}) as bus:
        numbers = await taken(bus, "a", "b", "c")
        assert [(await row(bus, numbers[text])).unassessed for text in "abc"] == [("rule",), ("rule",), ()]
        assert (await bus.journal.ask(figures.counts)).unassessed == {"rule": 2}
        asked = len(wire.asked)
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 2}
        assert [(await row(bus, numbers[text])).version for text in "abc"] == [1, 1, 1]  # it raises still
        assert (await bus.journal.ask(figures.counts)).unassessed == {"rule": 2}
        rule.broken = ("b",)
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 2}
        rows = [await row(bus, numbers[text]) for text in "abc"]
        assert [(each.version, each.unassessed, each.signal) for each in rows] == [
            (2, (), "warning"),
            (1, ("rule",), None),
            (1, (), "warning"),
        ]
        made = await dossier(bus, numbers["a"])
        assert (made.unassessed, [signal.code for signal in made.signals]) == ([], ["rule.holds"])
        rule.broken = ()
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 1}
        assert await assessed(bus, unassessed=True) == {}
        assert (await bus.journal.ask(figures.counts)).unassessed == {}
        assert len(wire.asked) == asked
        assert len(Receiver.got["out"]) == 5


@pytest.mark.proof
async def test_a_rule_that_does_not_load_has_assessed_nothing(tmp_path: Path) -> None:
    """Mended with another mistake in it, or of a worker that lacks it: so it stays until it loads, or is retired."""
    async with running_bus(tmp_path, WHO, assessors=[Rule("a")]) as bus:
        number = (await taken(bus, "a"))["a"]
    async with running_bus(tmp_path, WHO) as bus:
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 1}
        assert ((await row(bus, number)).version, (await row(bus, number)).unassessed) == (1, ("rule",))
    async with running_bus(tmp_path, WHO, bus={"retired": ["rule"]}) as bus:
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 1}
        assert ((await row(bus, number)).version, (await row(bus, number)).unassessed) == (2, ())


async def test_what_waits_for_a_source_waits_on(tmp_path: Path) -> None:
    """A question whose turn is in an hour is not put for it, and its turn stays."""

    async def away(request: object, call: object) -> Reply:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "s.away", "away")

    wire, rule = ScriptedWire(away), Rule("a")
    async with running_bus(tmp_path, WHO, wire=wire, assessors=[rule], **LATER) as bus:
        number = (await taken(bus, "a"))["a"]
        before, rule.broken = await row(bus, number), ()
        assert (before.state, before.unassessed, len(wire.asked)) == ("parked", ("rule",), 1)
        assert await assessed(bus, unassessed=True) == {ItemResult.DONE: 1}
        after = await row(bus, number)
        assert (after.state, after.due_at, after.version, after.unassessed) == ("parked", before.due_at, 2, ())
        assert len(wire.asked) == 1


@pytest.mark.proof
async def test_a_rule_that_raises_on_makes_no_versions(tmp_path: Path) -> None:
    """Whatever has the appeal worked again: it is tried, and what it cannot say is told once."""
    rule = Rule("a")
    async with running_bus(tmp_path, WHO, wire=ScriptedWire(), assessors=[rule]) as bus:
        number, calls = (await taken(bus, "a"))["a"], rule.calls
        for _ in range(3):
            await bus.journal.do(leases.Retry(number))
            bus._dispatcher.more()
            await bus.settle()
        found = await row(bus, number)
        assert (found.version, found.unassessed, rule.calls) == (1, ("rule",), calls + 3)
        await bus.journal.do(suspects.Hold(number, by="olga", reason="why not"))
        assert await assessed(bus, unassessed=True) == {ItemResult.HELD: 1}
    gone = {"retired": ["rule"]}
    async with running_bus(tmp_path, WHO, wire=ScriptedWire(), bus=gone) as bus:
        await bus.journal.do(suspects.Releasing(number))
        bus._dispatcher.more()
        await bus.settle()
        found = await row(bus, number)
        assert (found.version, found.unassessed) == (2, ())


async def test_a_run_that_raises_leaves_it_unassessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dossier is as it was; so is what is told of it."""
    soon = {"first": "10ms", "max": "10ms", "give_up_after": "50ms"}
    async with running_bus(tmp_path, WHO, wire=ScriptedWire(), assessors=[Rule("a")], retry=soon) as bus:
        number = (await taken(bus, "a"))["a"]
        await asyncio.sleep(0.1)
        monkeypatch.setattr(case_run, "PlanRun", None)
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        assert (await row(bus, number)).unassessed == ("rule",)
        assert (await bus.journal.ask(figures.counts)).unassessed == {"rule": 1}
