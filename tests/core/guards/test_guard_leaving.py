"""What must be there before a question leaves, and what is said of one that does not."""

import asyncio
import warnings
from itertools import pairwise
from typing import Any, Literal

import orjson
import pytest

from appealbus.core import CallFailed, Outcome, OutcomeKind, found, refused
from appealbus.core.journal.workers import SOURCE
from appealbus.schemas import Record

DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "down")


def test_what_never_left_has_no_row(virtual, bench):
    """Neither the wait for a slot nor an open breaker is a look at somebody's data."""

    async def scenario():
        test = bench(script=[3.0, 3.0, DOWN], attempts=1, concurrency=1, breaker_failures=1)
        tasks = [test.start(key, budget) for key, budget in (("a", 60), ("b", 2), ("c", 60), ("d", 60), ("e", 60))]
        ended = await asyncio.gather(*tasks)
        assert [each.outcome.code for each in ended] == ["", "source.busy", "", "http.503", "breaker.open"]
        assert [row.subject for row in test.access.rows] == ["a", "c", "d"]
        assert test.idle()

    virtual(scenario)


def test_who_cannot_have_a_turn_in_time_is_told_when_it_comes(virtual, bench):
    """A crowd before a slow source leaves within seconds, with turns one after the other at the source's own pace."""

    async def scenario():
        test = bench(script=[20.0], concurrency=8, timeout=60, attempts=1)
        begin = test.time()
        tasks = [test.start(str(number), 20) for number in range(200)]
        await asyncio.sleep(3.0)
        assert sum(not task.done() for task in tasks) < 8 + 60
        ended = [task.result() for task in tasks if task.done()]
        assert {(each.outcome.code, each.attempts) for each in ended} == {("source.busy", 0)}
        late = await test.ask("late", 5)
        assert test.time() == begin + 3.0
        turns = [each.outcome.retry_after for each in [*ended, late]]
        assert all(1.0 <= turn <= 300.0 for turn in turns)
        assert len(set(turns)) > 20
        await asyncio.wait(tasks)
        await asyncio.sleep(2.0)  # what is called off has a moment to end in
        assert test.idle()

    virtual(scenario)


def test_a_journal_that_stood_still_does_not_break_the_rate(virtual, bench):
    """What waited for its row leaves one by one, though all rows are there at once."""

    async def scenario():
        test = bench(script=[0.1], rate=2.0, burst=1, timeout=60)
        opens = asyncio.Event()

        async def stuck(rows):
            await opens.wait()
            test.access.durable.update((row.question_id, row) for row in rows)

        test.guard.context.access = stuck
        asked = [test.start(str(number)) for number in range(10)]
        await asyncio.sleep(10)
        opens.set()
        await asyncio.gather(*asked)
        left = test.wire.left_at
        assert all(after - before >= 0.5 - 0.1 for before, after in pairwise(left))

    virtual(scenario)


@pytest.mark.parametrize("mine", [True, False])
def test_what_must_not_leave_twice_is_noted_first(virtual, bench, kit, mine):
    """The note is on disk before the row and the call; where the appeal is another's, nothing leaves."""

    async def scenario():
        test = bench(script=[1.0])
        test.lookup = kit.once()
        noted = []

        async def leaving():
            await asyncio.sleep(2.0)
            assert test.access.rows == test.wire.calls == []
            noted.append(True)
            return mine

        ended = await test.ask(leaving=leaving)
        assert noted == [True]
        assert (ended.outcome.code, len(test.wire.calls), len(test.access.rows)) == (
            ("", 1, 1) if mine else ("lease.lost", 0, 0)
        )
        assert test.idle()

    virtual(scenario)


class Odd(Record):
    """A record that takes anything."""

    type: Literal["guards.Odd"] = "guards.Odd"
    value: Any = None
    number: float = 0.0


@pytest.mark.parametrize(
    "outcome",
    [
        lambda: found(Odd(value="\ud800")),
        lambda: found(Odd(value="a\x00b")),
        lambda: found(Odd(value=object())),
        lambda: found(Odd(value=float("nan"))),
        lambda: found(Odd(number=float("inf"))),
        lambda: found(Odd.model_construct(type="guards.Odd", value=None, number="850101300001")),
        lambda: found(Odd(value="x" * 5_000_000)),
        lambda: found(Odd(value=orjson.loads("[" * 196 + "]" * 196))),
        lambda: found(Odd(value=10**400)),
        lambda: found(Odd.model_construct(type=None, value=1)),
        lambda: found(Odd.model_construct(type="Address", value=1)),
        lambda: refused(None, "no code"),
        lambda: refused("a.code", 7),
        lambda: Outcome(OutcomeKind.SKIPPED),
    ],
    ids=[
        *("surrogate", "nul", "foreign", "nan", "inf", "constructed", "gigantic", "deep", "huge", "untyped", "alias"),
        *("code", "reason", "skipped"),
    ],
)
def test_what_cannot_be_kept_is_a_defect_of_its_lookup(virtual, bench, kit, outcome):
    """It ends the question in `invalid` before anybody relies on it, and is told without a value."""

    async def scenario():
        test = bench(fresh=60)
        test.lookup = kit.lookup(lambda reply: outcome())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ended = await test.ask()
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "plugin.error")
        assert ended.provenance.question_id == test.wire.calls[0].question_id
        assert "850101300001" not in ended.outcome.reason
        assert len(test.guard.context.fresh) == 0

    virtual(scenario)


def test_a_code_that_nothing_can_carry_does_not_silence_the_worker(virtual, bench):
    """How the source stands is written each second with the worker's own sign of life: it must be possible."""

    async def scenario():
        test = bench(script=[CallFailed(OutcomeKind.UNAVAILABLE, "a.\ud800", "down\x00 \udfff")], attempts=1)
        ended = await test.ask()
        assert (ended.outcome.code, ended.outcome.reason) == ("a.\ufffd", "down\ufffd \ufffd")
        assert SOURCE.read(SOURCE.write(test.guard.state())).last_error == "a.\ufffd: down\ufffd \ufffd"

    virtual(scenario)
