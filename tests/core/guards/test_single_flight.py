"""Single flight by itself: who waits, who leaves, and what becomes of the call."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from appealbus.core import clocks, not_found
from appealbus.core.guards.question import Ended
from appealbus.core.guards.single_flight import Flight, SingleFlight, into
from tests.services.forms import form

ENDED = Ended(not_found(), datetime(2026, 11, 24, tzinfo=UTC))


class Call(Flight):
    """Takes so many seconds."""

    def __init__(self, key, seconds):
        super().__init__(key)
        self.seconds = seconds
        self.began = self.cancelled = False
        self.ended_at = None

    async def run(self):
        self.began = True
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.ended_at = clocks.monotonic()
        return ENDED

    def unanswered(self):
        return None


async def ask(flights, calls, key, seconds, deadline):
    flight = flights.open.get(key)
    if flight is None:
        flight = Call(key, seconds)
        calls.append(flight)
        flights.launch(flight)
    return await answer_of(flights, flight, deadline)


async def answer_of(flights, flight, deadline):
    told = asyncio.get_running_loop().create_future()
    seat = flights.board(flight, deadline, into(told))
    try:
        return await told
    finally:
        flights.leave(seat)


def test_identical_questions_make_one_call(virtual):
    """A hundred askers of one key share one call; another key has its own."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        end = clocks.monotonic() + 10
        answers = await asyncio.gather(
            *[ask(flights, calls, "a", 1, end) for _ in range(100)], ask(flights, calls, "b", 1, end)
        )
        assert len(calls) == 2
        assert answers == [ENDED] * 101
        assert len(flights) == 0

    virtual(scenario)


def test_first_asker_cancelled_others_answered(virtual):
    """The call outlives the asker who caused it."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        end = clocks.monotonic() + 10
        first = asyncio.create_task(ask(flights, calls, "a", 2, end))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(ask(flights, calls, "a", 2, end))
        await asyncio.sleep(0.5)
        first.cancel()
        assert await second is ENDED
        assert first.cancelled()
        assert len(calls) == 1

    virtual(scenario)


def test_last_asker_gone_cancels_the_call_and_the_next_gets_a_new_one(virtual):
    """Nobody joins a call that is being cancelled."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        end = clocks.monotonic() + 10
        tasks = [asyncio.create_task(ask(flights, calls, "a", 5, end)) for _ in range(3)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(ask(flights, calls, "a", 1, end))
        await asyncio.sleep(0.5)
        assert await ask(flights, calls, "a", 1, end) is ENDED
        assert await second is ENDED
        assert [call.cancelled for call in calls] == [True, False]
        assert not calls[0].expired
        assert len(flights) == 0

    virtual(scenario)


def test_each_asker_keeps_its_own_deadline(virtual):
    """Those in a hurry leave without an answer, on time; the patient one still gets it."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        start = clocks.monotonic()

        async def timed(deadline):
            return await ask(flights, calls, "a", 5, start + deadline), clocks.monotonic() - start

        assert await asyncio.gather(timed(1), timed(3), timed(8)) == [(None, 1), (None, 3), (ENDED, 5)]
        assert await timed(7) == (None, 7)
        await asyncio.sleep(0)
        assert calls[1].cancelled
        assert calls[1].expired

    virtual(scenario)


def test_cancelled_before_its_first_step(virtual):
    """An asker that is cancelled in the same breath leaves nothing behind."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        task = asyncio.create_task(ask(flights, calls, "a", 5, clocks.monotonic() + 10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0.1)
        assert len(flights) == 0
        assert "a" not in flights.open

    virtual(scenario)


def test_answer_and_deadline_in_the_same_instant(virtual):
    """An answer that is there when the time runs out is handed out."""

    class Late(Call):
        async def run(self):
            asyncio.get_running_loop().call_soon(flights.expire, seat)
            return ENDED

    flights = SingleFlight(clock=clocks.monotonic)
    seat = None

    async def scenario():
        nonlocal seat
        flight = Late("a", 0)
        flights.launch(flight)
        told = asyncio.get_running_loop().create_future()
        seat = flights.board(flight, clocks.monotonic() + 10, into(told))
        assert await told is ENDED

    virtual(scenario)


def test_broken_flight_answers_nobody_and_raises_at_nobody(virtual):
    """A call that raises ends its askers' wait at once, without its text."""

    class Broken(Call):
        async def run(self):
            raise ValueError("850101300001")

    async def scenario():
        flights = SingleFlight(clock=clocks.monotonic)
        flight = Broken("a", 0)
        flights.launch(flight)
        start = clocks.monotonic()
        with capture_logs() as logs:
            assert await answer_of(flights, flight, start + 10) is None
        assert logs == [{"event": "flight.failed", "error": "ValueError", "log_level": "error"}]
        assert clocks.monotonic() == start
        assert len(flights) == 0

    virtual(scenario)


def test_drain_lets_the_quick_end_and_calls_off_the_slow(virtual):
    """Draining waits for the grace period only, and leaves no task behind."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        start = clocks.monotonic()
        quick = asyncio.create_task(ask(flights, calls, "a", 2, start + 100))
        slow = asyncio.create_task(ask(flights, calls, "b", 50, start + 100))
        await asyncio.sleep(0.1)
        await flights.drain(5)
        assert await quick is ENDED
        assert await slow is None
        assert clocks.monotonic() - start < 6
        assert len(flights) == 0

    virtual(scenario)


ASKERS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(0, 20),  # comes at
        st.integers(1, 20),  # has this long
        st.none() | st.integers(0, 20),  # is cancelled so much after it came
    ),
    max_size=12,
)


@settings(max_examples=form(50, 1000), deadline=None)
@given(ASKERS)
def test_any_coming_and_going(virtual, askers):
    """Whoever comes and goes when: one call a key at a time, each ends on time, none runs on for nobody."""

    async def scenario():
        flights, calls = SingleFlight(clock=clocks.monotonic), []
        start = clocks.monotonic()
        present = {}

        async def asker(number, key, comes, has, cancelled):
            # Odd fractions keep endings of different kinds from falling into the same instant.
            await asyncio.sleep(comes + number * 0.001)
            present[number] = key
            begin = clocks.monotonic()
            task = asyncio.create_task(ask(flights, calls, key, 5.0005, begin + has))
            if cancelled is not None:
                asyncio.get_running_loop().call_later(cancelled + 0.0003, task.cancel)
            await asyncio.wait([task])
            del present[number]
            took = clocks.monotonic() - begin
            assert took <= has + 1e-6
            assert not task.cancelled() or cancelled is not None
            if not task.cancelled():
                answer = task.result()
                assert answer is ENDED or took >= has - 1e-6

        async def watch():
            await asyncio.sleep(0.13)
            while True:
                await asyncio.sleep(0.25)
                for key in "ab":
                    alive = [call for call in calls if call.key == key and call.began and call.ended_at is None]
                    assert len(alive) == (1 if key in present.values() else 0)

        watcher = asyncio.create_task(watch())
        await asyncio.gather(*[asker(number, *row) for number, row in enumerate(askers)])
        assert not watcher.done(), watcher.exception()
        watcher.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(flights) == 0
        assert not flights.open
        for call in calls:
            assert not call.seats
            assert call.cancelled or call.ended_at is not None or not call.began
        assert clocks.monotonic() - start < 50

    virtual(scenario)


def test_whoever_shares_a_call_times_it_out_as_its_asker_does(virtual, bench):
    """A source that hangs is failed by its breaker, whoever was the last to wait for it."""

    async def scenario():
        for others in range(1, 12):
            test = bench(script=[1e9], timeout=10, attempts=1, breaker_failures=1)
            asked = [test.start(budget=2.0), *[test.start(budget=9.0) for _ in range(others)]]
            for ended in await asyncio.gather(*asked):
                assert ended.outcome.code == "guard.timeout"
            await asyncio.sleep(0.1)
            assert test.guard.state().breaker == "open"
            assert test.idle()

    virtual(scenario)
