"""`appealbus retry`: asking again at once what nobody asks by themselves any more."""

import asyncio
from datetime import UTC, datetime

from appealbus.core import CallFailed, From, OutcomeKind, Request, found, not_found, unavailable
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import keeping
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.schemas.dossier import Completeness
from tests.core.kit import ScriptedWire, Thing, dossier, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE


async def test_what_was_given_up_is_asked_again(program, journal, accepted):
    """One that is idle is ready, with its open questions due; `--all-outcomes` asks what was answered with no too."""
    number = accepted.receipt.number
    for kind in (OutcomeKind.UNAVAILABLE, OutcomeKind.NOT_FOUND):
        await journal.post(
            keeping.Keep(accepted.appeal_id, LookupState("acme.thing", kind.value, kind, datetime.now(UTC)))
        )
    busy = program("retry", number)
    assert (busy.returncode, busy.stdout) == (4, "")
    assert "being worked on right now; try again in a moment" in busy.stderr

    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.PARTIAL,
            receivers=[],
            due_at=None,
        )
    )
    done = program("retry", number)
    assert (done.returncode, done.stdout) == (0, f"{number} is worked again at once; 1 lookup is asked again.\n")
    assert [row.state for row in await journal.ask(lists.appeals)] == [AppealState.READY]
    states = await journal.ask(cases.states, number)
    assert {state.key: state.next_attempt_at is not None for state in states} == {
        "not_found": False,
        "unavailable": True,
    }

    done = program("retry", number, "--all-outcomes")
    assert (done.returncode, done.stdout) == (0, f"{number} is worked again at once; 2 lookups are asked again.\n")
    assert all(state.next_attempt_at is not None for state in await journal.ask(cases.states, number))


async def test_an_appeal_that_is_not_there(program, journal):
    """Exit code 3, and a sentence."""
    done = program("retry", "AB-2026-00000009")
    assert (done.returncode, done.stderr) == (3, "There is no appeal AB-2026-00000009.\n")


async def test_the_running_bus_does_what_a_retry_asks(tmp_path):
    """Given up for good, then mended: the next version is complete, without a restart."""
    down = True

    def script(request, call):
        if down:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    retry = {"first": "10ms", "max": "10ms", "give_up_after": "1ms"}
    thing = lookup("s.thing", x=From("repeats[*]"))
    async with running_bus(tmp_path, thing, wire=ScriptedWire(script), retry=retry) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        number = taken.receipt.number
        assert (await dossier(bus, number)).completeness is Completeness.SETTLED
        down = False
        assert await bus.journal.do(leases.Retry(number)) == 1
        await asyncio.wait_for(bus.settle(parked=True), PATIENCE)
        again = await dossier(bus, number)
    assert (again.version, again.completeness, len(again.facts)) == (2, Completeness.COMPLETE, 1)


async def test_what_was_answered_is_asked_past_the_memory(tmp_path):
    """The source is asked again though its answer is fresh; a record stays until there is a newer one."""
    says = [not_found("test.none", "none yet")]

    async def ask(query, source):
        await source.call(Request({}))
        return says[-1]

    thing = lookup("s.thing", ask, x=From("repeats[*]"))
    guard = {"connector": "scripted", "guard": {"attempts": 1, "fresh": "1h"}}
    wire = ScriptedWire()
    async with running_bus(tmp_path, thing, wire=wire, sources={"s": guard}, retry={"first": "1h"}) as bus:
        taken = await bus.accept(message(repeats=["a"]))
        number = taken.receipt.number

        async def again(answer, **how):
            says.append(answer)
            await bus.journal.do(leases.Retry(number, **how))
            bus._dispatcher.more()
            await asyncio.wait_for(bus.settle(), PATIENCE)
            return await dossier(bus, number)

        await asyncio.wait_for(bus.settle(), PATIENCE)
        assert (await again(found(Thing(name="one")), everything=True)).facts[0].record.name == "one"
        assert (await again(found(Thing(name="two")), everything=True)).version == 2
        assert len(wire.asked) == 2
        assert (await again(found(Thing(name="two")), refresh=True)).facts[0].record.name == "two"
        failed = await again(unavailable("test.away", "away"), refresh=True)
        (state,) = await bus.journal.ask(cases.states, number)
        same = await again(found(Thing(name="two")), refresh=True)
    assert len(wire.asked) == 5
    assert (failed.version, failed.facts[0].record.name, failed.completeness) == (3, "two", Completeness.COMPLETE)
    assert (state.kind, state.code, state.record.name) == (OutcomeKind.FOUND, "refresh.failed", "two")
    assert "unavailable [test.away]" in state.reason
    assert state.next_attempt_at is not None
    assert same.version == 3
