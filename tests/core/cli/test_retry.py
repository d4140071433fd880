"""`appealbus retry`: asking again at once what nobody asks by themselves any more."""

import asyncio
from datetime import UTC, datetime

from kit import ScriptedWire, dossier, lookup, message, reply, running_bus

from appealbus.core import CallFailed, From, OutcomeKind
from appealbus.core.journal.rows import LookupState, State
from appealbus.schemas.dossier import Completeness


async def test_what_was_given_up_is_asked_again(program, journal, accepted):
    """One that is idle is ready, with its open questions due; `--all-outcomes` asks what was answered with no too."""
    number = accepted.receipt.number
    for kind in (OutcomeKind.UNAVAILABLE, OutcomeKind.NOT_FOUND):
        await journal.keep(accepted.appeal_id, LookupState("acme.thing", kind.value, kind, datetime.now(UTC)))
    busy = program("retry", number)
    assert (busy.returncode, busy.stdout) == (4, "")
    assert "being worked on right now; try again in a moment" in busy.stderr

    await journal.conclude(
        accepted.appeal_id,
        dossier=b"{}",
        version=1,
        completeness=Completeness.PARTIAL,
        receivers=[],
        due_at=None,
    )
    done = program("retry", number)
    assert (done.returncode, done.stdout) == (0, f"{number} is worked again at once; 1 lookup is asked again.\n")
    assert [row.state for row in await journal.appeals()] == [State.READY]
    states = await journal.states(number)
    assert {state.key: state.next_attempt_at is not None for state in states} == {
        "not_found": False,
        "unavailable": True,
    }

    done = program("retry", number, "--all-outcomes")
    assert (done.returncode, done.stdout) == (0, f"{number} is worked again at once; 2 lookups are asked again.\n")
    assert [state.key for state in await journal.states(number)] == ["unavailable"]


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
        await asyncio.wait_for(bus.settle(parked=True), 30)
        number = taken.receipt.number
        assert (await dossier(bus, number)).completeness is Completeness.PARTIAL
        down = False
        assert await bus.journal.retry(number) == 1
        await asyncio.wait_for(bus.settle(parked=True), 30)
        again = await dossier(bus, number)
    assert (again.version, again.completeness, len(again.facts)) == (2, Completeness.COMPLETE, 1)
