"""What plugins and parts may do wrong without an appeal being lost, doubled or forgotten."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Assessor, Call, CallFailed, From, OutcomeKind, Outgoing, Reply, Request, Taken
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import LookupState
from appealbus.core.enrichment.retry import next_attempt
from appealbus.core.journal import figures
from appealbus.core.loading.hookspecs import Hooks
from appealbus.core.loading.host import Host
from appealbus.schemas import Completeness, Dossier, Outcome, Signal
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE

BY_REPEATS = lookup("s.thing", x=From("repeats[*]"))


@pytest.fixture(autouse=True)
def _fresh_receivers() -> Iterator[None]:
    Receiver.got.clear()
    Receiver.broken.clear()
    yield
    Receiver.broken.clear()


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (OutcomeKind.FOUND, {"record": {"name": "x"}}),
        (OutcomeKind.UNAVAILABLE, {"retry_after": float("inf")}),
        (OutcomeKind.UNAVAILABLE, {"retry_after": float("nan")}),
        (OutcomeKind.AWAITING, {"retry_after": -1.0}),
    ],
)
async def test_an_impossible_outcome_is_the_plugins_defect_alone(tmp_path: Path, kind: OutcomeKind, given: Any) -> None:
    """The other facts are told at once; the bad one is a gap that says whose fault it is."""

    async def ask(query: Any, source: Any) -> Any:
        return Outcome(kind, **given)

    async with running_bus(
        tmp_path, lookup("s.bad", ask, x=From("repeats[*]")), BY_REPEATS, retry={"first": "1h"}
    ) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert [fact.lookup for fact in made.facts] == ["s.thing"]
    assert [gap.code for gap in made.gaps] == ["plugin.error"]


def test_the_pause_never_overflows_and_keeps_its_jitter() -> None:
    """After ten thousand attempts the pause is still the longest one; a source's wish does not line everybody up."""
    now = datetime.now(UTC)
    state = LookupState("a.a", "", OutcomeKind.UNAVAILABLE, now, runs=10_000)
    settings = RetrySettings(first=30, factor=100, max=60)
    moments = {next_attempt(settings, state, now, 30.0) for _ in range(100)}
    assert len(moments) > 50
    assert all(moment and timedelta(seconds=60) <= moment - now <= timedelta(seconds=90) for moment in moments)


class Lists(Assessor):
    """Returns what is no signal."""

    name = "lists"

    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        return ["750301100019"]  # type: ignore[list-item]


async def test_what_is_no_signal_never_reaches_a_dossier(tmp_path: Path) -> None:
    """The assessor is named as failed and the dossier can be read."""
    async with running_bus(tmp_path, BY_REPEATS, assessors=[Lists()]) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert (made.unassessed, made.signals) == (["lists"], [])


@pytest.mark.proof
async def test_no_more_appeals_are_in_flight_than_there_is_room_for(tmp_path: Path) -> None:
    """However many come at once; the journal keeps the rest and all are worked."""
    most = 0

    async def slow(request: Request, call: Call) -> Reply:
        nonlocal most
        most = max(most, len(bus._dispatcher._cases))
        await asyncio.sleep(0.005)
        return reply()

    tables = {"bus": {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "concurrency": 5}}
    async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(slow), **tables) as bus:
        await asyncio.gather(*(bus.accept(message(str(i), repeats=["a"])) for i in range(100)))
        await bus.settle()
        assert (await bus.journal.ask(figures.counts)).idle == 100
    assert most == 5


async def test_a_sender_that_goes_away_leaves_an_appeal_that_is_worked(tmp_path: Path) -> None:
    """Cancelling an acceptance that is under way changes nothing for the appeal."""
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        for i in range(20):
            sender = asyncio.create_task(bus.accept(message(str(i), repeats=["a"])))
            await asyncio.sleep(0)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            await bus.settle()
        counts = await bus.journal.ask(figures.counts)
    assert (counts.idle, counts.in_work, counts.ready) == (20, 0, 0)


@pytest.mark.proof
async def test_failing_in_another_way_is_no_news_and_giving_up_is(tmp_path: Path) -> None:
    """A receiver hears that a source failed, and that nobody asks any more; not each way of failing."""
    calls = 0

    def script(request: Request, call: Call) -> Reply:
        nonlocal calls
        calls += 1
        raise CallFailed(OutcomeKind.UNAVAILABLE, f"http.50{calls % 5}", "the source is down")

    retry = {"first": "10ms", "max": "10ms", "give_up_after": "400ms"}
    async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(script), retry=retry) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle(parked=True)
        last = await dossier(bus, taken.receipt.number)
    assert calls > 1
    assert last.version == 2
    assert last.gaps[0].next_attempt_at is None


async def test_a_dossier_is_partial_while_a_required_question_may_still_appear(tmp_path: Path) -> None:
    """One of two parcels failed: what hangs on it is a gap with a cause, not silence."""
    down = True

    def script(request: Request, call: Call) -> Reply:
        if down and dict(request.body).get("x") == "b":  # type: ignore[call-overload]
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    second = lookup("s.second", x=From("s.thing/name"))
    tables = {"completeness": {"default": {"required": ["s.second"]}}, "retry": {"first": "100ms", "max": "100ms"}}
    async with running_bus(tmp_path, BY_REPEATS, second, wire=ScriptedWire(script), **tables) as bus:
        taken = await bus.accept(message(repeats=["a", "b"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        first = await dossier(bus, taken.receipt.number, 1)
        down = False
        await bus.settle(parked=True)
        last = await dossier(bus, taken.receipt.number)
    assert first.completeness is Completeness.PARTIAL
    assert ("s.second", "input.pending") in [(gap.lookup, gap.code) for gap in first.gaps]
    assert (last.completeness, last.gaps) == (Completeness.COMPLETE, [])


@pytest.mark.proof
async def test_a_receiver_that_cancels_itself_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its relay goes on, and the dossier arrives."""
    deliver = Receiver.deliver
    raised = []

    async def fickle(self: Receiver, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        if not raised:
            raised.append(True)
            raise asyncio.CancelledError
        return await deliver(self, batch)

    monkeypatch.setattr(Receiver, "deliver", fickle)
    async with running_bus(tmp_path, BY_REPEATS, deliveries={"out": {"kind": "receiver"}}) as bus:
        await bus.accept(message())
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
    assert [out.version for out in Receiver.got["out"]] == [1]


def test_the_same_plugin_name_again_leaves_the_first_alone(tmp_path: Path) -> None:
    """The second is broken; the hooks of the first are still called."""
    source = """
from appealbus.core import hookimpl
heard = []
@hookimpl
def source_changed(source, state):
    heard.append(source)
"""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text(source)
    host = Host(lambda name, model: model())
    host.load([str(tmp_path / "one/twin.py"), str(tmp_path / "two/twin.py")], [])
    assert [plugin.state for plugin in host.plugins if plugin.name == "twin"] == ["active", "broken"]
    assert host.listens(Hooks.source_changed)
