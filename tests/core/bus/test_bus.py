"""The bus over a real journal: receipts, versions, deliveries, and that one bad thing never stops the others."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import (
    Assessor,
    Call,
    CallFailed,
    From,
    FromAll,
    OutcomeKind,
    Quarantined,
    Reply,
    Request,
    SingleUse,
    Taken,
    clocks,
)
from appealbus.core.bus.service_view import checks
from appealbus.core.journal import access, figures, quarantine
from appealbus.core.journal import state as journal_state
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Completeness, Dossier, Severity, Signal
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, reply, running_bus
from tests.services.day import today
from tests.services.processes import PATIENCE


@pytest.fixture(autouse=True)
def _fresh_receivers() -> Iterator[None]:
    Receiver.got.clear()
    Receiver.broken.clear()
    yield
    Receiver.broken.clear()


def failing(times: int) -> ScriptedWire:
    """Make a wire that fails so many times and then answers."""
    left = [times]

    def script(request: Request, call: Call) -> Reply:
        left[0] -= 1
        if left[0] >= 0:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    return ScriptedWire(script)


BY_REPEATS = lookup("s.thing", x=From("repeats[*]"))


async def test_the_same_message_twice_is_one_appeal_and_the_same_receipt(tmp_path: Path) -> None:
    """A second arrival changes nothing and is told the first receipt."""
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        first, second = await asyncio.gather(bus.accept(message()), bus.accept(message()))
        assert isinstance(first, Taken)
        assert isinstance(second, Taken)
        assert first.receipt == second.receipt
        assert sorted([first.new, second.new]) == [False, True]
        await bus.settle()
        counts = await bus.journal.ask(figures.counts)
        assert counts.idle == 1


async def test_an_appeal_becomes_a_complete_dossier_with_provenance(tmp_path: Path) -> None:
    """Facts carry source, message id, purpose, legal basis and the access row's id."""
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        taken = await bus.accept(message(repeats=["a", "b"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
        rows = await bus.journal.ask(access.access_rows, taken.receipt.number)
    assert (made.version, made.completeness) == (1, Completeness.COMPLETE)
    assert len(made.facts) == 2
    assert {fact.provenance.question_id for fact in made.facts} == {row.question_id for row in rows}
    assert {fact.provenance.message_id for fact in made.facts} == {"m-1"}
    assert made.facts[0].provenance.purpose == "a test"


async def test_a_parked_lookup_comes_back_by_itself_as_the_next_version(tmp_path: Path) -> None:
    """Partial first, complete later; what was found is not asked again."""
    wire = failing(1)
    async with running_bus(tmp_path, BY_REPEATS, wire=wire, deliveries={"out": {"kind": "receiver"}}) as bus:
        taken = await bus.accept(message(repeats=["a", "b"]))
        assert isinstance(taken, Taken)
        await bus.settle(parked=True)
        number = taken.receipt.number
        first, second = await dossier(bus, number, 1), await dossier(bus, number, 2)
    assert (first.completeness, second.completeness) == (Completeness.PARTIAL, Completeness.COMPLETE)
    (gap,) = first.gaps
    assert (gap.outcome.value, gap.code, gap.required) == ("unavailable", "http.503", True)
    assert gap.next_attempt_at is not None
    assert len(wire.asked) == 3
    assert [out.message_id for out in Receiver.got["out"]] == [f"{number}/1", f"{number}/2"]


async def test_failing_again_makes_no_new_version(tmp_path: Path) -> None:
    """Attempts are no news: a receiver hears only of what changed."""
    async with running_bus(tmp_path, BY_REPEATS, wire=failing(4)) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle(parked=True)
        versions = await bus.journal.ask(lists.versions, taken.receipt.number)
        made = await dossier(bus, taken.receipt.number)
    assert [version.version for version in versions] == [1, 2]
    assert made.outcomes[0].attempts == 5


async def test_a_number_without_end_is_no_obstacle(tmp_path: Path) -> None:
    """What a citizen's letter may hold, the next version can read again."""
    given = message(repeats=["a"], applicants_count=7)
    given = replace(given, raw=given.raw.replace(b":7", b":1" + b"0" * 400))
    async with running_bus(tmp_path, BY_REPEATS, wire=failing(1)) as bus:
        taken = await bus.accept(given)
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            await bus.settle(parked=True)
        assert (await dossier(bus, taken.receipt.number)).version == 2


async def test_giving_up_is_told(tmp_path: Path) -> None:
    """A lookup that is past its time has no next attempt, and the dossier is settled."""
    retry = {"first": "10ms", "max": "10ms", "give_up_after": "100ms"}
    async with running_bus(tmp_path, BY_REPEATS, wire=failing(10**6), retry=retry) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle(parked=True)
        (state,) = await bus.journal.ask(cases.states, taken.receipt.number)
        made = await dossier(bus, taken.receipt.number)
    assert state.next_attempt_at is None
    assert made.completeness is Completeness.SETTLED


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not JSON, at character 2"),
        (b"\xff\xfe", "not JSON, as it is not in UTF-8"),
        (b'{"message_id": "m\\u0001", "kind": "complaint"}', "message_id"),
        (
            b'{"message_id": "1", "kind": "complaint", "applicant": {"type": "person"}, "schema_version": "9"}',
            "schema_version",
        ),
    ],
)
async def test_what_cannot_be_taken_is_kept_with_its_reason(tmp_path: Path, raw: bytes, reason: str) -> None:
    """A bad message is in quarantine as it came, and the next one is taken."""
    bad = message()
    bad = type(bad)("test", "test:bad", raw)
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        result = await bus.accept(bad)
        assert isinstance(result, Quarantined)
        assert reason in result.reason
        row = await bus.journal.ask(quarantine.quarantine_row, result.quarantine_id)
        assert isinstance(await bus.accept(message()), Taken)
    assert row is not None
    assert (row.raw, row.position) == (raw, "test:bad")


async def test_a_raising_lookup_ends_in_invalid_and_the_others_go_on(tmp_path: Path) -> None:
    """A defect of one plugin is one gap, with the place and without the message."""

    async def raises(query: Any, source: Any) -> Any:
        raise KeyError("750301100019")

    bad, good = lookup("s.bad", raises, x=From("repeats[*]")), lookup("s.good", x=From("repeats[*]"))
    async with running_bus(tmp_path, bad, good) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert [fact.lookup for fact in made.facts] == ["s.good"]
    assert (made.gaps[0].outcome.value, made.gaps[0].code) == ("invalid", "plugin.error")
    assert "KeyError" in made.gaps[0].reason
    assert "750301100019" not in made.model_dump_json(exclude={"appeal"})


class Sees(Assessor):
    """Says how many facts there are."""

    name = "sees"

    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        yield Signal(
            assessor="sees",
            code="seen",
            severity=Severity.INFO,
            message_ru="да",
            message_kk="иә",
            fields=[fact.lookup for fact in dossier.facts],
        )


class Raises(Assessor):
    """Raises."""

    name = "raises"

    def assess(self, dossier: Dossier) -> Iterable[Signal]:
        raise ZeroDivisionError


async def test_a_raising_assessor_is_named_and_the_others_assess(tmp_path: Path) -> None:
    """A dossier says who could not assess it."""
    async with running_bus(tmp_path, BY_REPEATS, assessors=[Raises(), Sees()]) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert made.unassessed == ["raises"]
    assert made.signals[0].fields == ["s.thing"]


async def test_a_receiver_that_is_away_does_not_hold_up_another(tmp_path: Path) -> None:
    """Each receiver has its own state; what failed stays in the outbox."""
    Receiver.broken.add("away")
    tables = {"deliveries": {"away": {"kind": "receiver"}, "here": {"kind": "receiver"}}}
    async with running_bus(tmp_path, BY_REPEATS, **tables) as bus:
        await bus.accept(message())
        async with asyncio.timeout(PATIENCE):
            while (await bus.journal.ask(figures.counts)).outbox != {"away": 1}:
                await asyncio.sleep(0.01)
    assert [out.version for out in Receiver.got["here"]] == [1]


async def test_the_budget_of_the_case_reaches_into_the_call(tmp_path: Path) -> None:
    """A source that never answers costs the contract's wait, no more, and ends in timed_out."""

    async def never(request: Request, call: Call) -> Reply:
        assert call.timeout <= 0.2
        await asyncio.sleep(3600)
        return reply()

    tables = {"completeness": {"default": {"wait": "200ms"}}, "retry": {"first": "1h"}}
    async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(never), **tables) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert made.gaps[0].outcome.value == "timed_out"


async def test_a_contract_asks_for_what_it_names_and_what_that_needs(tmp_path: Path) -> None:
    """Lookups that no contract names are not asked: data that nobody needs is not fetched."""
    first = lookup("s.first", x=FromAll("repeats[*]"))
    second = lookup("s.second", x=From("s.first/name"))
    third = lookup("s.third", x=From("repeats[*]"))
    tables = {
        "completeness": {"default": {"required": ["s.second"]}, "proposal": {"required": [], "optional": ["s.third"]}}
    }
    async with running_bus(tmp_path, first, second, third, **tables) as bus:
        one = await bus.accept(message("1", repeats=["a"]))
        two = await bus.accept(message("2", repeats=["a"], kind="proposal"))
        assert isinstance(one, Taken)
        assert isinstance(two, Taken)
        await bus.settle()
        asked_one = {o.lookup for o in (await dossier(bus, one.receipt.number)).outcomes}
        asked_two = {o.lookup for o in (await dossier(bus, two.receipt.number)).outcomes}
    assert (asked_one, asked_two) == ({"s.first", "s.second"}, {"s.third"})


async def test_stopping_parks_what_is_in_flight_and_a_restart_goes_on(tmp_path: Path) -> None:
    """After a stop in the middle nothing is lost, and what was found before it is not asked again."""
    release = asyncio.Event()

    async def slow(request: Request, call: Call) -> Reply:
        if dict(request.body)["x"] == "slow":  # type: ignore[call-overload]
            await release.wait()
        return reply()

    wire = ScriptedWire(slow)
    tables = {"bus": {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "grace": "200ms"}}
    async with running_bus(tmp_path, BY_REPEATS, wire=wire, **tables) as bus:
        taken = await bus.accept(message(repeats=["quick", "slow"]))
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            while len(wire.asked) < 2:
                await asyncio.sleep(0.01)
    release.set()
    async with running_bus(tmp_path, BY_REPEATS, wire=wire, **tables) as bus:
        await bus.settle(parked=True)
        made = await dossier(bus, taken.receipt.number)
    assert made.completeness is Completeness.COMPLETE
    assert [dict(request.body)["x"] for request, _ in wire.asked].count("quick") == 1  # type: ignore[call-overload]


async def test_what_is_done_and_past_the_retention_is_deleted_by_the_running_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished appeal is gone once it is old; its access rows stay, and so does what is not finished."""
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
    monkeypatch.setattr(clocks, "wall", lambda: datetime.now(UTC) + timedelta(days=400))
    async with await Journal.open(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        assert journal.doubt is not None
        assert await journal.ask(cases.case, taken.receipt.number) is not None
        await journal.trust_clock()
    async with running_bus(tmp_path, BY_REPEATS, wire=failing(9), retry={"first": "1h"}) as bus:
        waits = await bus.accept(message("m-2", repeats=["b"]))
        assert isinstance(waits, Taken)
        async with asyncio.timeout(PATIENCE):
            while await bus.journal.ask(cases.case, taken.receipt.number) is not None:
                await asyncio.sleep(0.01)
        assert await bus.journal.ask(cases.case, waits.receipt.number) is not None
        assert await bus.journal.ask(access.access_rows, taken.receipt.number)


async def test_a_number_of_the_bus_s_own_series_is_not_taken_from_outside(tmp_path: Path) -> None:
    """The appeal is taken under another number, and the first dossier says so; the next appeal's number is free."""
    async with running_bus(tmp_path, BY_REPEATS) as bus:
        year = today().year
        ahead = f"AB-{year}-00000002"
        taken = [await bus.accept(message(name, number=given)) for name, given in (("1", ahead), ("2", None))]
        await bus.settle()
        assert [each.receipt.number for each in taken if isinstance(each, Taken)] == [f"AB-{year}-00000001", ahead]
        told = (await dossier(bus, f"AB-{year}-00000001")).appeal
    (warning,) = told.warnings
    assert (warning.field, warning.code) == ("number", "number.own_series")
    assert [(each.field, each.text) for each in told.as_written] == [("number", ahead)]


async def test_while_the_clock_is_in_doubt_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten days ahead in the midst of a run: what is missing is asked again, and readiness says why it is degraded."""
    async with running_bus(tmp_path, BY_REPEATS, wire=failing(99), retry={"first": "1h", "give_up_after": "7d"}) as bus:
        monkeypatch.setattr(clocks, "wall", lambda: datetime.now(UTC) + timedelta(days=10))
        monkeypatch.setattr("appealbus.core.bus.work.case_run.wall", clocks.wall)
        async with asyncio.timeout(PATIENCE):
            while bus.journal.doubt is None:
                await asyncio.sleep(0.05)
        old = datetime.now(UTC) - timedelta(days=8)
        monkeypatch.setattr("appealbus.core.bus.intake.reception.wall", lambda: old)
        taken = await bus.accept(message(repeats=["a"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        (state,) = await bus.journal.ask(cases.states, taken.receipt.number)
        assert state.next_attempt_at is not None
        assert timedelta() < state.next_attempt_at - datetime.now(UTC) < timedelta(hours=1)
        (check,) = [
            each for each in await checks(bus, partial(bus.journal.do, journal_state.Probe())) if each.name == "clock"
        ]
        assert (check.ok, check.needed) == (False, False)
        assert "it jumped by 10.0 days" in check.detail


async def test_a_signed_answer_counts_once(tmp_path: Path) -> None:
    """One that was recorded and sent again is no answer, found or not; the journal says so, after a restart too."""
    once = SingleUse("recorded", datetime.now(UTC) + timedelta(hours=1))
    gone = CallFailed(OutcomeKind.NOT_FOUND, "shep.not_found.404", "no such record", once=once)

    def script(request: Request, call: Call) -> Reply:
        if request.body["x"] == "absent":
            raise gone
        return replace(reply(), once=once)

    ended = []
    for repeats in (["a"], ["b"], ["absent"]):
        async with running_bus(tmp_path, BY_REPEATS, wire=ScriptedWire(script)) as bus:
            taken = await bus.accept(message(repeats[0], repeats=repeats))
            assert isinstance(taken, Taken)
            await bus.settle()
            case = await bus.journal.ask(cases.case, taken.receipt.number)
            assert case is not None
            ended += [(state.kind, state.code) for state in case.states]
    assert ended[0][0] is OutcomeKind.FOUND
    assert ended[1:] == [(OutcomeKind.INVALID, "reply.repeated")] * 2
