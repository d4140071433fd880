"""What a source says for good counts only where it is sure to be said about this question."""

import asyncio
from dataclasses import replace

import pytest

from appealbus.core import Call, CallFailed, OutcomeKind, Reply, Request

UNTIED_REFUSAL = CallFailed(OutcomeKind.REFUSED, "shep.refused", "no right", correlated=False)
UNTIED_ABSENCE = CallFailed(OutcomeKind.NOT_FOUND, "shep.not_found", "nobody", correlated=False)
LARGE = CallFailed(OutcomeKind.INVALID, "reply.schema", "broken", at_scale=True)

UNTRUSTED = CallFailed(OutcomeKind.INVALID, "wssec.untrusted", "not trusted", retry_after=300)


def reply(kit, *, tied):
    """Return a step of the script: an answer that is tied to its question where `tied` says so of the call."""

    async def step(request: Request, call: Call) -> Reply:
        return replace(Reply({}, "ab" * 32, kit.start), correlated=tied(call))

    return step


def test_asked_again_over_a_connection_of_its_own(virtual, bench, kit):
    """`not_found` from an answer that nothing ties to the question is asked once more, alone; then it counts."""

    async def scenario():
        test = bench(script=[reply(kit, tied=lambda call: call.alone)], attempts=1)
        test.lookup = kit.lookup(lambda answer: kit.nothing())
        ended = await test.ask()
        assert (ended.outcome.kind, ended.attempts) == (OutcomeKind.NOT_FOUND, 2)
        assert [call.alone for call in test.wire.calls] == [False, True]
        assert len({call.question_id for call in test.wire.calls}) == len(test.access.rows) == 1
        assert test.wire.left_at[0] == test.wire.left_at[1]
        assert test.guard.state().last_error is None
        assert test.idle()

    virtual(scenario)


@pytest.mark.parametrize("step", [UNTIED_REFUSAL, UNTIED_ABSENCE])
def test_never_final_without_a_tie(virtual, bench, step):
    """Where even that ties nothing, neither `refused` nor `not_found` ends the question."""

    async def scenario():
        test = bench(script=[step])
        ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "answer.untied")
        assert not ended.outcome.kind.final
        assert len(test.wire.calls) == 2
        assert test.changes == []

    virtual(scenario)


def test_time_ends_before_it_is_sure(virtual, bench, kit):
    """While the question waits for its second call, the first answer does not count either."""

    async def late(request: Request, call: Call) -> Reply:
        await asyncio.sleep(100)
        raise AssertionError

    async def scenario():
        test = bench(script=[reply(kit, tied=lambda call: False), late], timeout=1000)
        test.lookup = kit.lookup(lambda answer: kit.nothing())
        assert (await test.ask(budget=10)).outcome.kind is OutcomeKind.TIMED_OUT

    virtual(scenario)


def test_what_is_found_needs_no_tie(virtual, bench, kit):
    """A record can be held against the question, so it is not asked for twice."""

    async def scenario():
        test = bench(script=[reply(kit, tied=lambda call: False)])
        assert (await test.ask()).outcome.kind is OutcomeKind.FOUND
        assert len(test.wire.calls) == 1

    virtual(scenario)


def test_what_must_not_be_asked_twice_goes_alone_at_once(virtual, bench, kit):
    """A question that is not idempotent has a connection of its own from the start, and is asked once."""

    async def scenario():
        test = bench(script=[reply(kit, tied=lambda call: call.alone), UNTIED_ABSENCE])
        test.lookup = kit.once(lambda answer: kit.nothing())
        assert (await test.ask("a")).outcome.kind is OutcomeKind.NOT_FOUND
        assert (await test.ask("b")).outcome.code == "answer.untied"
        assert [call.alone for call in test.wire.calls] == [True, True]

    virtual(scenario)


def test_replies_broken_at_scale_open_the_breaker(virtual, bench):
    """One question after another with such a reply is a failure of the source; small broken replies are not."""

    async def scenario():
        test = bench(script=[LARGE], breaker_failures=3)
        for key in "abc":
            assert (await test.ask(key)).outcome.kind is OutcomeKind.INVALID
        assert test.changes == [("test", "open")]
        assert len(test.wire.calls) == 3

    virtual(scenario)


def test_answers_that_no_other_would_better_open_the_breaker(virtual, bench):
    """An invalid answer that says for how long to leave the source alone counts, whoever asked."""

    async def scenario():
        test = bench(script=[UNTRUSTED], breaker_failures=3, breaker_open=30)
        for _ in range(3):
            assert (await test.ask("a")).outcome.kind is OutcomeKind.INVALID
        assert test.changes == [("test", "open")]
        assert (await test.ask("b")).outcome.retry_after == pytest.approx(300)
        await asyncio.sleep(301)
        for _ in range(3):
            await test.ask("a")
        assert len(test.wire.calls) == 4

    virtual(scenario)


def test_one_odd_record_never_opens_the_breaker(virtual, bench):
    """However often one question brings such a reply, it says nothing about the source; nor do few among good ones."""

    async def scenario():
        test = bench(script=[LARGE] * 50 + [0.0, LARGE, LARGE, 0.0, LARGE, LARGE, 0.0], breaker_failures=3)
        for _ in range(50):
            await test.ask("a")
        for key in "bcdefgh":
            await test.ask(key)
        assert test.changes == []

    virtual(scenario)
