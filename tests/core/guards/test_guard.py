"""What the guard makes of answers and failures."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from appealbus.core import CallFailed, OutcomeKind, Reply, refused


def failed(kind: OutcomeKind, code: str, retry_after: float | None = None) -> CallFailed:
    return CallFailed(kind, code, "our own words", retry_after=retry_after)


DOWN = failed(OutcomeKind.UNAVAILABLE, "http.503")


def test_found_with_its_whole_trail(virtual, bench):
    """A record comes with the provenance of the reply that it was read from."""

    async def scenario():
        test = bench(script=[0.5], fresh=60)
        ended = await test.ask(number="N-7")
        row, call, trail = test.access.rows[0], test.wire.calls[0], ended.provenance
        assert ended.outcome.kind is OutcomeKind.FOUND
        assert ended.attempts == 1
        assert ended.ended_at - ended.asked_at == timedelta(seconds=0.5)
        assert trail.question_id == row.question_id == call.question_id
        assert call.number == row.number == "N-7"
        assert call.timeout == 10.0
        assert trail.asked_at == ended.asked_at
        assert trail.fresh_until == ended.ended_at + timedelta(seconds=60)
        assert trail.model_dump(exclude={"question_id", "asked_at", "fresh_until"}) == {
            "source": "test",
            "connector": "scripted",
            "plugin": "test-plugin",
            "plugin_version": "1.2",
            "purpose": "to test",
            "legal_basis": "the law",
            "message_id": "m-1",
            "session_id": "s-1",
            "observed_at": trail.observed_at,
            "raw_sha256": "ab" * 32,
            "reread_at": None,
            "unreadable": None,
            "unknown": None,
            "unchecked": None,
        }
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize(
    "kind", [kind for kind in OutcomeKind if kind not in {"found", "not_found", "unavailable", "timed_out", "skipped"}]
)
def test_other_failures_pass_through_at_once(virtual, bench, kind):
    """What asking again cannot mend is not asked again; code, reason and pause stay as the connector gave them."""

    async def scenario():
        test = bench(script=[failed(kind, "some.code", 7.0)])
        ended = await test.ask()
        outcome = ended.outcome
        assert (outcome.kind, outcome.code, outcome.reason, outcome.retry_after) == (
            kind,
            "some.code",
            "our own words",
            7.0,
        )
        assert ended.attempts == 1
        assert ended.provenance.raw_sha256 is None

    virtual(scenario)


def test_outcome_of_the_lookup_passes_through(virtual, bench, kit):
    """The lookup's own outcome is not touched."""

    async def scenario():
        test = bench()
        outcome = refused("test.00003", "no right to this record")
        test.lookup = kit.lookup(lambda reply: outcome)
        assert (await test.ask()).outcome is outcome

    virtual(scenario)


def test_plugin_that_raises(virtual, bench, kit):
    """A plugin's defect is `invalid`, with the place in its code; its text is nowhere."""

    def broken(reply: Reply):
        raise KeyError("850101300001 Иванов")

    async def scenario():
        test = bench()
        test.lookup = kit.lookup(broken)
        with capture_logs() as logs:
            ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert ended.attempts == 1
        assert "KeyError at guards/" in ended.outcome.reason
        assert [entry["event"] for entry in logs] == ["lookup.raised"]
        assert logs[0]["error"] == "KeyError"
        for text in (ended.outcome.reason, str(logs), str(test.guard.state())):
            assert "850101300001" not in text
            assert "Иванов" not in text

    virtual(scenario)


def test_the_log_names_the_place_and_who_raised(virtual, bench, kit):
    """The wire's own line where that raised; a lookup without a step of its own is named by its class."""

    class Plain(kit.lookup):
        def ask(self, query, source):
            return None

    class Careless(kit.lookup):
        async def ask(self, query, source):
            return await source.call({})

    async def scenario():
        ours, wires = "guards/test_guard.py:", "guards/conftest.py:"
        for made, event, place in (
            (kit.lookup(), "wire.raised", wires),
            (Plain(), "lookup.raised", ours),
            (Careless(), "lookup.raised", "guards/"),
        ):
            test = bench(script=[KeyError("850101300001")])
            test.lookup = made
            with capture_logs() as logs:
                ended = await test.ask()
            (told,) = logs
            assert (told["event"], told["at"][: len(place)]) == (event, place)
            who = event.partition(".")[0]
            assert ended.outcome.reason == f"the {who} raised {told['error']} at {told['at']}"

    virtual(scenario)


@pytest.mark.parametrize("answer", [None, "found", {"iin": "1"}])
def test_plugin_that_returns_something_else(virtual, bench, kit, answer):
    """What is no outcome ends in `invalid`."""

    async def scenario():
        test = bench()
        test.lookup = kit.lookup(lambda reply: answer)
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert "NotAnOutcome" in ended.outcome.reason

    virtual(scenario)


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError(), RecursionError(), AssertionError("850101300001"), failed(OutcomeKind.FOUND, "odd")],
    ids=lambda error: type(error).__name__,
)
def test_nothing_that_a_plugin_raises_gets_through(virtual, bench, error):
    """Not even a stray CancelledError, or a failure that claims to have found something, reaches the case."""

    async def scenario():
        test = bench(script=[error])
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert "850101300001" not in ended.outcome.reason
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
def test_nothing_that_reading_a_fault_raises_gets_through(virtual, bench, kit, error):
    """Where the lookup is asked what the source's own code of a failure means, it is held as anywhere else."""

    class Odd(kit.lookup):
        def fault(self, detail, query):
            raise error

    async def scenario():
        test = bench(script=[CallFailed(OutcomeKind.INVALID, "soap.fault", "our own words", details=("E-1",))])
        test.lookup = Odd()
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert test.idle()

    virtual(scenario)


def test_broken_reply_stamps_are_a_defect(virtual, bench, kit):
    """A wire whose reply cannot be traced does not get its record into a dossier."""

    async def naive(request, call):
        return Reply({}, "0" * 64, kit.start.replace(tzinfo=None))

    async def scenario():
        test = bench(script=[naive])
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.record) == (OutcomeKind.INVALID, None)
        assert (ended.provenance.raw_sha256, ended.provenance.message_id) == (None, None)

    virtual(scenario)


def test_query_that_cannot_name_its_subject(virtual, bench, kit):
    """A plugin's query that breaks before the access row is written ends the question; nothing leaves."""

    class Nameless(kit.query):
        def subject(self):
            raise ValueError(self.iin)

    async def scenario():
        test = bench()
        ended = await test.ask(query=Nameless(iin="850101300001"))
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert "850101300001" not in ended.outcome.reason
        assert test.wire.calls == []

    virtual(scenario)


def test_plugin_that_swallows_its_cancellation(virtual, bench):
    """A lookup that will not be stopped is left behind: its question ends in time, and its place is another one's."""
    stubborn_for = 1000.0

    async def stubborn(request, call):
        ends = asyncio.get_running_loop().time() + stubborn_for
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(left)
        raise DOWN

    async def scenario():
        test = bench(script=[stubborn, stubborn, 0.0], timeout=5, attempts=1, concurrency=2, breaker_failures=9)
        begin = test.time()
        ended = await test.ask()
        assert test.time() - begin == pytest.approx(6)  # a second to end in, once it was cancelled
        assert ended.outcome.code == "guard.timeout"
        assert test.idle()
        cancelled = test.start("2")
        await asyncio.sleep(1)
        cancelled.cancel()
        await asyncio.sleep(2)
        assert test.idle()
        assert test.guard.context.left_behind == 2
        refused = await test.ask("3")
        assert (refused.outcome.kind, refused.outcome.code) == (OutcomeKind.UNAVAILABLE, "plugin.stuck")
        assert len(test.wire.calls) == 2
        await asyncio.sleep(stubborn_for)
        assert (await test.ask("4")).outcome.kind is OutcomeKind.FOUND

    virtual(scenario)


def test_state_tells_how_the_source_stands(virtual, bench):
    """Counts, rates, quantiles and the last error are there for the ops team."""

    async def scenario():
        test = bench(script=[0.1, 0.3, DOWN, 5.0], attempts=1, concurrency=1)
        for key in "abc":
            await test.ask(key)
        pending = [test.start(key) for key in "de"]
        await asyncio.sleep(0.1)
        state = test.guard.state()
        assert (state.source, state.connector, state.breaker) == ("test", "scripted", "closed")
        assert (state.in_flight, state.waiting) == (1, 1)
        assert state.outcomes == {"found": 2, "unavailable": 1}
        assert state.rate == pytest.approx(4.0)
        assert state.p50 == pytest.approx(0.1)
        assert state.p95 == pytest.approx(0.3)
        assert state.last_error == "http.503: our own words"
        assert state.last_error_at <= state.at
        await asyncio.gather(*pending)
        assert test.guard.state().in_flight == test.guard.state().waiting == 0

    virtual(scenario)


def test_drain(virtual, bench):
    """Draining refuses new questions, lets the quick end and gives the slow back to be put again."""

    async def scenario():
        test = bench(script=[2.0, 1e9], timeout=1000)
        quick, slow = test.start("a", 500), test.start("b", 500)
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(test.guard.drain(5))
        await asyncio.sleep(0.1)
        late = await test.ask("c")
        await draining
        assert (await quick).outcome.kind is OutcomeKind.FOUND
        for ended in (late, await slow):
            assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.UNAVAILABLE, "bus.stopping")
        assert len(test.wire.calls) == 2
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize("fresh", [0, 60])
def test_the_bus_stops_before_a_row_is_written(virtual, bench, fresh):
    """Who would have shared an answer, or had it from memory, is put again: the time of its case was not up."""

    async def scenario():
        test = bench(script=[0.0 if fresh else 1e9], fresh=fresh, timeout=1000)
        first = test.start(budget=500)
        await asyncio.sleep(0.1)
        test.access.delay = 100.0
        second = test.start(budget=500)
        await asyncio.sleep(0.1)
        await test.guard.drain(1)
        assert (await second).outcome.code == "bus.stopping"
        assert (await first).outcome.code == ("" if fresh else "bus.stopping")
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize("by", ["deadline", "drain"])
def test_what_was_answered_before_the_end_counts_whole(virtual, bench, by):
    """While other workers are being told of it, the time is up or the bus stops: the record keeps its trail."""

    async def scenario():
        test = bench(script=[0.5])
        context = test.guard.context
        context.breaker.settled = asyncio.Event().wait
        asked = [test.start(number=number, budget=5.0) for number in ("N-1", "N-2")]
        await asyncio.sleep(1.0)
        if by == "drain":
            await test.guard.drain(0.1)
        rows = {row.number: row.question_id for row in test.access.rows}
        for number, ended in zip(("N-1", "N-2"), await asyncio.gather(*asked), strict=True):
            assert ended.outcome.kind is OutcomeKind.FOUND
            assert ended.provenance.question_id == rows[number]
            assert ended.attempts == 1

    virtual(scenario)
