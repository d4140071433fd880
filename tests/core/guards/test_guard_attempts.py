"""When the guard asks again, and how long it waits for an answer."""

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from appealbus.core import CallFailed, Lookup, OutcomeKind, Request, Source, not_found, unavailable
from appealbus.core.guards.attempts import Attempts


def failed(kind: OutcomeKind, code: str, retry_after: float | None = None) -> CallFailed:
    return CallFailed(kind, code, "our own words", retry_after=retry_after)


DOWN = failed(OutcomeKind.UNAVAILABLE, "http.503")


def test_asks_again_while_it_may_help(virtual, bench):
    """System failures of idempotent questions are asked again, with pauses, under the same access row."""

    async def scenario():
        test = bench(script=[DOWN, DOWN, 0.1], attempts=3, backoff=1.0)
        ended = await test.ask()
        assert ended.outcome.kind is OutcomeKind.FOUND
        assert ended.attempts == 3
        assert len({call.question_id for call in test.wire.calls}) == len(test.access.rows) == 1
        assert test.wire.calls[0].message_id == test.wire.calls[0].question_id
        assert len({call.message_id for call in test.wire.calls}) == 3
        assert all(test.wire.calls[-1].is_ours(call.message_id) for call in test.wire.calls)
        first, second, third = test.wire.left_at
        assert 0 <= second - first <= 1.0
        assert 0 <= third - second <= 2.0

    virtual(scenario)


def test_attempts_end(virtual, bench):
    """A source that stays down is asked `attempts` times, no more."""

    async def scenario():
        test = bench(script=[DOWN], attempts=4)
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.UNAVAILABLE, "http.503")
        assert ended.attempts == len(test.wire.calls) == 4

    virtual(scenario)


def test_pauses_differ(virtual, bench):
    """Full jitter: questions that failed together do not come back together."""

    async def scenario():
        test = bench(script=[DOWN], attempts=2, backoff=10.0, backoff_max=10.0, breaker_failures=1000)
        await asyncio.gather(*[test.ask(str(number)) for number in range(100)])
        again = sorted(test.wire.left_at)[100:]
        assert len({round(at, 3) for at in again}) > 90
        assert again[-1] - again[0] > 8

    virtual(scenario)


def test_what_is_not_idempotent_is_asked_once(virtual, bench, kit):
    """A question that changes something at the source is neither repeated, nor shared, nor remembered."""

    async def scenario():
        test = bench(script=[DOWN, 1.0], fresh=60)
        test.lookup = kit.once()
        assert (await test.ask()).attempts == 1
        await asyncio.gather(test.ask(), test.ask())
        await test.ask()
        assert len(test.wire.calls) == 4
        assert len(test.guard.context.fresh) == 0
        assert {row.served.value for row in test.access.rows} == {"source"}

    virtual(scenario)


def test_honours_retry_after(virtual, bench):
    """The next attempt waits at least as long as the source asked for."""

    async def scenario():
        test = bench(script=[failed(OutcomeKind.UNAVAILABLE, "http.429", 5.0), 0.0], backoff=1.0)
        await test.ask()
        first, second = test.wire.left_at
        assert 5.0 <= second - first <= 6.0

    virtual(scenario)


@pytest.mark.parametrize(
    ("pause", "code"), [(1000.0, "http.503"), (float("inf"), "plugin.error"), (float("nan"), "plugin.error")]
)
def test_does_not_wait_in_vain(virtual, bench, pause, code):
    """Where the pause is longer than the budget, the question ends now; a pause that is no number is a defect."""

    async def scenario():
        test = bench(script=[failed(OutcomeKind.UNAVAILABLE, "http.503", pause)])
        begin = test.time()
        ended = await test.ask(budget=60)
        assert test.time() == begin
        assert ended.outcome.code == code
        assert ended.attempts == 1

    virtual(scenario)


def test_call_that_never_answers(virtual, bench):
    """A hanging wire is left at the timeout; the attempts and the budget still hold."""

    async def scenario():
        test = bench(script=[1e9], timeout=3.0, attempts=2, backoff=0)
        begin = test.time()
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.TIMED_OUT, "guard.timeout")
        assert ended.attempts == 2
        assert test.time() - begin == pytest.approx(6.0)
        assert test.wire.flying == 0
        assert test.idle()

    virtual(scenario)


def test_budget_goes_into_the_call(virtual, bench):
    """The wire learns what remains of the case's time, and the question ends on the deadline."""

    async def scenario():
        test = bench(script=[4.0, 1e9], timeout=10.0)
        test.wire.script[0] = failed(OutcomeKind.UNAVAILABLE, "http.503", 4.0)
        begin = test.time()
        ended = await test.ask(budget=7.0)
        assert test.wire.calls[0].timeout == pytest.approx(7.0)
        assert test.wire.calls[1].timeout <= 3.0
        assert test.time() - begin == pytest.approx(7.0)
        assert (ended.outcome.code, ended.attempts) == ("guard.timeout", 2)
        await asyncio.sleep(0.01)
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize("budget", [0.0, -5.0])
def test_spent_budget_asks_nothing(virtual, bench, budget):
    """A question that comes too late neither leaves nor counts as a look at somebody's data."""

    async def scenario():
        test = bench()
        ended = await test.ask(budget=budget)
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.TIMED_OUT, "budget.spent")
        assert (ended.attempts, ended.asked_at) == (0, None)
        assert test.access.rows == []
        assert test.wire.calls == []

    virtual(scenario)


def test_nothing_leaves_after_a_questions_time(virtual, bench):
    """A lookup that was left behind calls once more: that would be a question without a place."""
    late: list[object] = []

    class Deaf(Lookup[Any, Any]):
        name = "test.deaf"
        purpose = "to test"

        async def ask(self, query, source):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(100)
            await asyncio.sleep(100)
            try:
                await source.call(Request({}))
            except CallFailed as failed:
                late.append(failed.code)
            return not_found()

    async def scenario():
        test = bench(timeout=5, attempts=1)
        await test.ask(lookup=Deaf())
        await asyncio.sleep(300)
        assert late == ["guard.timeout"]
        assert test.wire.calls == []

    virtual(scenario)


def test_outcome_made_by_the_lookup_is_retried_too(virtual, bench, kit):
    """A lookup that reads a status meaning `not now` is asked again like a wire that failed."""

    async def scenario():
        test = bench(attempts=3)
        test.lookup = kit.lookup(lambda reply: unavailable("test.busy", "the register is busy"))
        ended = await test.ask()
        assert ended.attempts == 3
        assert ended.outcome.code == "test.busy"

    virtual(scenario)


def test_nothing_of_a_question_stays_for_the_collector(virtual, bench):
    """Once it is answered it is gone with its reply: in circles thousands of them would wait for the collector."""

    async def scenario():
        test = bench(script=[0.1])
        await test.ask("first")
        gc.collect()
        gc.disable()
        before = sum(isinstance(each, Attempts | Source) for each in gc.get_objects())
        try:
            for number in range(20):
                await test.ask(str(number))
            await asyncio.sleep(1)
            left = sum(isinstance(each, Attempts | Source) for each in gc.get_objects())
        finally:
            gc.enable()
        assert left <= before + 2

    virtual(scenario)
