"""Each attempt of a question is told: what left when, for how long it was out, what it brought, and who answered."""

import asyncio
from datetime import timedelta
from hashlib import sha256

from appealbus.core import CallFailed, OutcomeKind, refused
from appealbus.core.domain.case import KeptAnswer
from tests.core.guards.conftest import START

DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "our own words")


def told(ended):
    return [(each.ms, each.kind.value, each.code) for each in ended.tries]


def test_every_attempt_is_told(virtual, bench):
    """Under the ids that its messages had, the question's own first."""

    async def late(request, call):
        await asyncio.sleep(0.25)
        raise DOWN

    async def scenario():
        test = bench(script=[late, 1e9, 0.125], attempts=3, backoff=0, timeout=2.0)
        ended = await test.ask()
        assert told(ended) == [
            (250, "unavailable", "http.503"),
            (2000, "timed_out", "guard.timeout"),
            (125, "found", ""),
        ]
        (row,) = test.access.rows
        assert ended.question == row.question_id
        assert {each.question for each in ended.tries} == {row.question_id}
        assert [each.message for each in ended.tries] == [call.message_id for call in test.wire.calls]
        assert [each.at for each in ended.tries] == [
            START + timedelta(seconds=left - 1000) for left in test.wire.left_at
        ]

    virtual(scenario)


def test_what_never_left_has_no_attempt(virtual, bench):
    """A breaker that refuses, a budget that is spent: an outcome, and no attempt."""

    async def scenario():
        test = bench(script=[DOWN], attempts=1, breaker_failures=1)
        await test.ask("a")
        shut, spent = await test.ask("b"), await test.ask("c", budget=0)
        assert [each.outcome.code for each in (shut, spent)] == ["breaker.open", "budget.spent"]
        for each in (shut, spent):
            assert (each.tries, each.question, each.provenance) == ((), "", None)

    virtual(scenario)


def test_a_call_that_is_out_when_the_time_is_up_is_told(virtual, bench):
    """To the one whose time is up and to the one who waits on, each as it stood for him."""

    async def scenario():
        test = bench(script=[4.0], timeout=10.0)
        short, long = test.start(budget=1.0), test.start(budget=60.0)
        early, late = await short, await long
        assert told(early) == [(1000, "timed_out", "guard.timeout")]
        assert told(late) == [(4000, "found", "")]
        assert early.provenance.raw_sha256 is None
        assert late.question != early.question == late.tries[0].question

    virtual(scenario)


def test_a_call_that_a_stop_calls_off_says_so(virtual, bench):
    """It left, and nobody heard its end."""

    async def scenario():
        test = bench(script=[1e9], timeout=60.0)
        asked = test.start()
        await asyncio.sleep(0.5)
        await test.guard.drain(1.0)
        assert told(await asked) == [(1500, "unavailable", "bus.stopping")]

    virtual(scenario)


def test_an_answer_from_memory_names_the_question_that_was_answered(virtual, bench):
    """That of a call in flight, and that of a call of long ago."""

    async def scenario():
        test = bench(script=[1.0], fresh=60.0)
        first, second = await asyncio.gather(test.ask(number="N-1"), test.ask(number="N-2"))
        await asyncio.sleep(5)
        third = await test.ask(number="N-3")
        assert len({each.question for each in (first, second, third)}) == 3
        assert {each.tries[0].question for each in (first, second, third)} == {first.question}
        assert told(second) == [(1000, "found", "")]
        assert told(third) == [(0, "found", "")]
        assert third.tries[0].at == third.ended_at

    virtual(scenario)


def test_an_answer_that_came_by_itself_tells_how_long_it_took(virtual, bench, kit):
    """From the question's leaving to the answer's coming, whenever it is read."""

    async def scenario():
        test = bench(script=[0.0])
        came = START - timedelta(hours=1)
        answer = KeptAnswer("q-7", "test.thing", "1", came - timedelta(minutes=90), came, "", b"")
        ended = await test.ask(answer=answer)
        assert told(ended) == [(90 * 60 * 1000, "found", "")]
        assert (ended.question, ended.tries[0].question, ended.tries[0].at) == ("q-7", "q-7", answer.asked_at)
        assert ended.attempts == 0

    virtual(scenario)


def test_every_outcome_of_what_left_has_its_trail(virtual, bench, kit):
    """Not what was found alone: source, connector, question, message, times, and the hash of a reply that came."""

    async def scenario():
        test = bench()
        test.lookup = kit.lookup(lambda reply: refused("test.00003", "no right"))
        trail = (await test.ask()).provenance
        assert (trail.source, trail.connector, trail.message_id) == ("test", "scripted", "m-1")
        assert trail.raw_sha256 == "ab" * 32
        assert trail.fresh_until is None
        test.wire.script = [DOWN]
        trail = (await test.ask("2")).provenance
        assert (trail.message_id, trail.raw_sha256) == (None, None)
        assert trail.question_id == test.access.rows[1].question_id
        test.wire.script = [CallFailed(OutcomeKind.INVALID, "xml.malformed", "broken").over(b"<", START)]
        trail = (await test.ask("3")).provenance
        assert (trail.raw_sha256, trail.observed_at) == (sha256(b"<").hexdigest(), START)

    virtual(scenario)
