"""The guard under load: breaker, limits, sharing, and what is left over afterwards."""

import asyncio
import gc
import weakref

import pytest

from appealbus.core import CallFailed, OutcomeKind

DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "down")
BROKEN = CallFailed(OutcomeKind.INVALID, "xml.malformed", "broken")
NO_RIGHT = CallFailed(OutcomeKind.REFUSED, "shep.refused", "no right")


def test_breaker_opens_probes_and_closes(virtual, bench):
    """Failures in a row open it, the refusal names the time to come back, one probe closes it."""

    async def scenario():
        test = bench(script=[DOWN] * 3 + [1.0], attempts=1, breaker_failures=3, breaker_open=30.0)
        for key in "abc":
            await test.ask(key)
        assert test.guard.state().breaker == "open"
        await asyncio.sleep(10)
        ended = await test.ask("d")
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.UNAVAILABLE, "breaker.open")
        assert ended.outcome.retry_after == pytest.approx(20)
        assert (ended.attempts, ended.asked_at) == (0, None)
        assert len(test.access.rows) == len(test.wire.calls) == 3
        await asyncio.sleep(20)
        crowd = await asyncio.gather(*[test.ask(str(number)) for number in range(20)])
        assert [ended.outcome.kind for ended in crowd].count(OutcomeKind.FOUND) == 1
        assert [ended.outcome.code for ended in crowd].count("breaker.open") == 19
        assert len(test.wire.calls) == 4
        assert test.changes == [("test", "open"), ("test", "half_open"), ("test", "closed")]
        assert (await test.ask("e")).outcome.kind is OutcomeKind.FOUND

    virtual(scenario)


@pytest.mark.parametrize("step", [BROKEN, NO_RIGHT, 0.0], ids=["invalid", "refused", "found"])
def test_answers_do_not_open_the_breaker(virtual, bench, step):
    """Business answers and broken replies are no system failures, and break their row."""

    async def scenario():
        test = bench(script=[DOWN, step, DOWN, step] * 5, attempts=1, breaker_failures=2)
        for number in range(20):
            await test.ask(str(number))
        assert test.changes == []

    virtual(scenario)


def test_breaker_counts_timeouts(virtual, bench):
    """A source that hangs is cut off like one that is down, also where the case's budget ends the call."""

    async def scenario():
        test = bench(script=[1e9], attempts=1, timeout=5.0, breaker_failures=2)
        await test.ask("a")
        await test.ask("b", budget=4.0)
        await asyncio.sleep(0.01)
        assert test.guard.state().breaker == "open"
        assert test.guard.state().last_error == "guard.timeout: the source did not answer in time"

    virtual(scenario)


def test_breaker_does_not_blame_the_source_for_a_backlog(virtual, bench):
    """Calls that left with hardly any budget and came to nothing say nothing about the source."""

    async def scenario():
        test = bench(script=[1.0], attempts=1, timeout=10.0, breaker_failures=2)
        for number in range(10):
            ended = await test.ask(str(number), budget=0.5)
            assert ended.outcome.code == "guard.timeout"
        await asyncio.sleep(0.01)
        assert test.guard.state().breaker == "closed"

    virtual(scenario)


def test_a_slot_that_comes_too_late_makes_no_call(virtual, bench):
    """Where the wait for a slot outlasts the budget, nothing leaves and nothing is counted as asked."""

    async def stall(request, call):
        asyncio.get_running_loop()._jumping.now += 10  # somebody blocks the loop, so no timer has run yet
        raise DOWN

    async def scenario():
        test = bench(script=[stall, 0.0], attempts=1, concurrency=1)
        first, late = test.start("a", 60), test.start("b", 5)
        assert (await first).outcome.code == "http.503"
        ended = await late
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.TIMED_OUT, "budget.spent")
        assert (ended.attempts, ended.asked_at, len(test.wire.calls)) == (0, None, 1)
        await asyncio.sleep(0.01)
        assert test.idle()

    virtual(scenario)


def test_cancelled_probe_lets_the_next_one_probe(virtual, bench):
    """An official who goes away during the probe does not leave the source shut for ever."""

    async def scenario():
        test = bench(script=[DOWN, 100.0, 0.0], attempts=1, timeout=1000, breaker_failures=1, breaker_open=5.0)
        await test.ask("a")
        await asyncio.sleep(5)
        probe = test.start("b", 500)
        await asyncio.sleep(1)
        assert (await test.ask("c")).outcome.code == "breaker.open"
        probe.cancel()
        await asyncio.sleep(0.1)
        assert (await test.ask("d")).outcome.kind is OutcomeKind.FOUND
        assert test.guard.state().breaker == "closed"

    virtual(scenario)


def test_breaker_that_opens_ends_the_retries(virtual, bench):
    """Nobody goes on knocking once the breaker is open; the source's own last word stays the outcome."""

    async def scenario():
        test = bench(script=[DOWN], attempts=10, breaker_failures=4)
        ended = await test.ask()
        assert ended.attempts == 4
        assert ended.outcome.code == "http.503"

    virtual(scenario)


def test_waiting_questions_are_released_when_the_breaker_opens(virtual, bench):
    """A crowd in front of a hanging source does not wait out its budget: it is refused as slots come free."""

    async def scenario():
        test = bench(script=[1e9], attempts=1, timeout=5.0, concurrency=4, breaker_failures=4)
        begin = test.time()
        crowd = await asyncio.gather(*[test.ask(str(number), budget=1000) for number in range(500)])
        assert test.time() - begin == pytest.approx(5.0)
        assert len(test.wire.calls) == 4
        assert sum(ended.outcome.code == "breaker.open" for ended in crowd) == 496

    virtual(scenario)


def test_listener_that_raises_changes_nothing(virtual, bench):
    """A listener's defect reaches neither the breaker nor the question."""

    async def scenario():
        test = bench(script=[DOWN], attempts=1, breaker_failures=1)

        def broken(source, state):
            raise ValueError("listener")

        test.guard.context.on_change = broken
        assert (await test.ask()).outcome.code == "http.503"
        assert test.guard.state().breaker == "open"

    virtual(scenario)


def test_concurrency_is_a_ceiling_and_fair(virtual, bench):
    """Never more calls at once than allowed; who came first is served first."""

    async def scenario():
        test = bench(script=[1.0], concurrency=3)
        crowd = [test.start(str(number), number=str(number)) for number in range(30)]
        await asyncio.gather(*crowd)
        assert test.wire.peak == 3
        assert [call.number for call in test.wire.calls] == [str(number) for number in range(30)]

    virtual(scenario)


def test_rate_holds_at_the_wire(virtual, bench):
    """Calls do not leave in a heap when many slots come free at once: the rate counts them as they leave."""

    async def scenario():
        test = bench(timeout=100.0, concurrency=8, rate=2.0, burst=1)
        begin = test.time()

        async def together(request, call):
            await asyncio.sleep(max(1.0, begin + 30 - test.time()))
            raise BROKEN

        test.wire.script = [together]
        await asyncio.gather(*[test.ask(str(number), budget=900) for number in range(40)])
        left = test.wire.left_at
        assert len(left) == 40
        for first, at in enumerate(left):
            for last in range(first, len(left)):
                assert last - first + 1 <= 1 + 2.0 * (left[last] - at) + 1e-6
        assert test.idle()

    virtual(scenario)


def test_rate_that_leaves_no_room_is_said_at_once(virtual, bench):
    """A question whose turn would come after its deadline does not wait for it."""

    async def scenario():
        test = bench(rate=0.01, burst=1)
        await test.ask("a")
        begin = test.time()
        ended = await test.ask("b", budget=60)
        assert test.time() == begin
        assert (ended.outcome.code, ended.attempts) == ("source.busy", 0)
        assert test.access.rows[1:] == []

    virtual(scenario)


def test_first_asker_cancelled_second_answered(virtual, bench):
    """The appeal that caused the call may go; the one that shares it gets the answer, under its own row."""

    async def scenario():
        test = bench(script=[2.0])
        first = test.start(number="N-1")
        await asyncio.sleep(1)
        second = test.start(number="N-2")
        await asyncio.sleep(0.5)
        first.cancel()
        ended = await second
        assert first.cancelled()
        assert ended.outcome.kind is OutcomeKind.FOUND
        assert len(test.wire.calls) == 1
        assert test.access.durable[ended.provenance.question_id].number == "N-2"

    virtual(scenario)


def test_all_askers_cancelled_stops_the_call(virtual, bench):
    """Nobody waits: the call is cancelled, its slot is free, the breaker has learnt nothing."""

    async def scenario():
        test = bench(script=[1e9, 0.0], timeout=1000, concurrency=1, breaker_failures=1)
        tasks = [test.start(budget=900) for _ in range(3)]
        await asyncio.sleep(5)
        assert test.wire.flying == 1
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
        assert (await test.ask()).outcome.kind is OutcomeKind.FOUND
        assert all(task.cancelled() for task in tasks)
        assert test.changes == []
        assert test.idle()

    virtual(scenario)


def test_patient_asker_extends_the_call(virtual, bench):
    """An asker with more time who shares a hurried one's call is not cut off with it."""

    async def scenario():
        test = bench(script=[1e9, 1.0], timeout=10.0, backoff=0)
        hurried = test.start(budget=3.0)
        await asyncio.sleep(1)
        patient = test.start(budget=50.0)
        begin = test.time()
        assert (await hurried).outcome.code == "guard.timeout"
        assert test.time() - begin == pytest.approx(2.0)
        ended = await patient
        assert ended.outcome.kind is OutcomeKind.FOUND
        assert ended.attempts == 2

    virtual(scenario)


@pytest.mark.proof
def test_ten_thousand_waiting_leave_nothing_behind(virtual, bench):
    """Of a crowd that is refused, waits, is cancelled or answered nothing is left: no task, no seat, no question."""

    async def scenario():
        test = bench(script=[1.0], concurrency=5, timeout=10)
        questions = [test.question(str(number), budget=20 + number % 7) for number in range(10_000)]
        alive = [weakref.ref(question.query) for question in questions]
        tasks = [asyncio.create_task(test.guard.ask(question)) for question in questions]
        del questions
        await asyncio.sleep(3.5)
        assert test.guard.state().in_flight == 5
        assert 150 > test.guard.state().waiting == len(test.guard.context.flights) - 5 > 50
        for task in tasks[::2]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert len(ended) == 10_000
        await asyncio.sleep(0.1)
        assert test.idle()
        assert test.wire.flying == 0
        assert len(asyncio.all_tasks()) == 1
        del tasks, task, ended
        gc.collect()
        assert sum(ref() is not None for ref in alive) == 0

    virtual(scenario)


def test_ended_question_is_not_held_until_its_deadline(virtual, bench):
    """Once answered or cancelled, nothing in the guard keeps a question alive, however late its deadline."""

    async def scenario():
        test = bench(script=[1.0])
        questions = [test.question(key, budget=1e6) for key in "aaab"]
        alive = [weakref.ref(question.query) for question in questions]
        tasks = [asyncio.create_task(test.guard.ask(question)) for question in questions]
        await asyncio.sleep(0.5)
        tasks[2].cancel()
        tasks[3].cancel()
        await asyncio.wait(tasks)
        del questions, tasks
        await asyncio.sleep(0.1)
        gc.collect()
        assert [ref() for ref in alive] == [None] * 4

    virtual(scenario)


@pytest.mark.proof
def test_memory_is_bounded_by_its_setting(virtual, bench):
    """Ten thousand different answers leave no more of them behind than the settings allow."""

    async def scenario():
        test = bench(fresh=3600, fresh_entries=100)
        for number in range(10_000):
            await test.ask(str(number))
        assert len(test.guard.context.fresh) == 100
        assert len(test.guard.context.latency._durations) == 1024

    virtual(scenario)
