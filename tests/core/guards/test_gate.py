"""The gate before a source: windows, pauses that come meanwhile, quotas, and old answers that serve."""

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from appealbus.core import OutcomeKind
from appealbus.core.clocks import day_of
from appealbus.core.domain.pauses import Pause, Period, QuotaAnswer, QuotaUse
from appealbus.core.guards.settings import Calendar, GuardSettings
from tests.core.guards.conftest import Book


def at(text):
    return datetime.fromisoformat(f"{text}+05:00")


@pytest.mark.parametrize(
    ("windows", "now", "until"),
    [
        (["Sun 02:00-06:00"], "2026-11-29T02:00", "2026-11-29T06:00"),
        (["Sun 02:00-06:00"], "2026-11-29T06:00", None),
        (["Sun 02:00-06:00"], "2026-11-28T03:00", None),
        (["daily 23:30-00:30"], "2026-11-29T23:45", "2026-11-30T00:30"),
        (["daily 23:30-00:30"], "2026-11-30T00:29", "2026-11-30T00:30"),
        (["Sun 22:00-24:00", "Mon 00:00-01:00"], "2026-11-29T23:00", "2026-11-30T01:00"),
        (["Sat 00:00-24:00", "Sun 00:00-24:00"], "2026-11-28T12:00", "2026-11-30T00:00"),
    ],
)
def test_windows_of_the_week(windows, now, until):
    """They begin and end to the minute, run past midnight and the end of the week, and join where they touch."""
    assert Calendar(windows).closed_until(at(now)) == (until and at(until))


@pytest.mark.parametrize(
    "windows",
    [["Sunday 02:00-06:00"], ["Sun 25:00-26:00"], ["Sun 02:00"], ["Sun 02:00-02:00"], ["daily 00:00-24:00"]],
)
def test_what_is_no_window_is_refused(windows):
    """A source that would never be open, too."""
    with pytest.raises(ValidationError):
        GuardSettings(closed=windows)


def paused(test, seconds=3600.0):
    now = test.guard.context.now()
    return Pause("test", now, now + timedelta(seconds=seconds), "they mend it", "olga")


def test_a_pause_holds_back_what_waits_and_what_would_be_asked_again(virtual, bench):
    """No call leaves after it came, and the breaker hears nothing of it."""

    async def scenario():
        test = bench(script=[5.0], concurrency=1, timeout=10.0)
        first, second = test.start("a"), test.start("b")
        await asyncio.sleep(1)
        test.guard.gate.pause = order = paused(test)
        assert (await first).outcome.kind is OutcomeKind.FOUND
        ended = await second
        assert (ended.outcome.code, ended.outcome.not_before, ended.attempts) == ("source.paused", order.until, 0)
        assert (await test.ask("c")).outcome.code == "source.paused"
        assert len(test.wire.calls) == 1
        assert len(test.access.rows) == 1
        assert (test.changes, test.idle()) == ([], True)
        await asyncio.sleep(3600)
        assert (await test.ask("c")).outcome.kind is OutcomeKind.FOUND

    virtual(scenario)


def test_who_cannot_know_of_pauses_lets_nothing_leave(virtual, bench):
    """A worker that has not heard from its journal asks it, and lets the call go only where it answers."""

    async def scenario():
        test = bench()
        gate = test.guard.gate
        gate.known_until = test.time() - 1

        async def silent():
            await asyncio.sleep(60)

        gate.look = silent
        assert (await test.ask("a")).outcome.code == "source.unsure"

        async def answers():
            gate.learn(None, (), test.time())

        gate.look = answers
        assert (await test.ask("a")).outcome.kind is OutcomeKind.FOUND
        assert len(test.wire.calls) == 1

    virtual(scenario)


def test_old_answers_serve_while_the_source_cannot_be_asked(virtual, bench):
    """Marked as stale, as long as the setting says, and the question stays open until the pause ends."""

    async def scenario():
        test = bench(stale=100.0)
        await test.ask("a")
        assert (await test.ask("a")).provenance.connector == "scripted"  # not fresh: asked anew
        test.guard.gate.pause = order = paused(test)
        ended = await test.ask("a", number="N-2")
        assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.FOUND, "source.stale")
        assert ended.provenance.connector == "stale:scripted"
        assert ended.stale.not_before == order.until
        assert (await test.ask("b")).outcome.code == "source.paused"
        await asyncio.sleep(101)
        assert (await test.ask("a")).outcome.code == "source.paused"
        assert len(test.wire.calls) == 2

    virtual(scenario)


def test_it_is_the_country_s_time():
    """Two in the night there is nine in the evening of the day before by UTC."""
    assert Calendar(["Sun 02:00-06:00"]).closed_until(datetime(2026, 11, 28, 21, 30, tzinfo=UTC)) is not None


def test_an_urgent_appeal_that_joins_a_question_has_it_put_by_the_reserve(virtual, bench):
    """What is kept for urgent appeals is for theirs, though the same question waits already for one that is not."""

    async def scenario():
        urgent = []

        async def only_reserve(wish):
            urgent.append(wish.urgent)
            return QuotaAnswer() if wish.urgent else QuotaAnswer(wish.now + timedelta(hours=9), "day", {"day": 1})

        test = bench(script=[5.0], quota=only_reserve, concurrency=1, quota_day=10, quota_reserve=0.5)
        busy = test.start("b", due_on=day_of(test.guard.context.now()))
        await asyncio.sleep(1)
        first = test.start("a")
        await asyncio.sleep(1)
        second = test.start("a", due_on=day_of(test.guard.context.now()))
        assert [(await each).outcome.kind for each in (busy, first, second)] == [OutcomeKind.FOUND] * 3
        assert urgent == [True, True]
        assert (await test.ask("c")).outcome.code == "source.quota"

    virtual(scenario)


def test_more_questions_than_the_quota_has_calls_use_it_up(virtual, bench):
    """Who has a call may leave, though another has just been refused one."""

    async def scenario():
        left = iter(range(3))

        async def three(wish):
            await asyncio.sleep(0.1)
            spent = next(left, None) is None
            return QuotaAnswer(wish.now + timedelta(hours=9), "day") if spent else QuotaAnswer()

        test = bench(quota=three, concurrency=10, quota_day=3)
        ended = await asyncio.gather(*(test.ask(f"{n}") for n in range(10)))
        assert [each.outcome.code for each in ended].count("source.quota") == 7
        assert len(test.wire.calls) == 3

    virtual(scenario)


def test_what_returns_comes_back_one_after_the_other(virtual, bench):
    """As calls come free that are kept for first versions, and at last when the period ends; those go on meanwhile."""

    async def scenario():
        now = test.guard.context.now()
        free, pace, ends = now + timedelta(hours=1), timedelta(minutes=10), now + timedelta(hours=1.6)

        async def take(wish):
            return QuotaAnswer() if wish.first else QuotaAnswer(free, "day", {}, pace, ends)

        test.guard.gate._book = Book(take)
        turns = [(await test.ask(f"{n}", first=False)).outcome for n in range(6)]
        assert {each.code for each in turns} == {"source.quota"}
        assert "first versions" in turns[0].reason
        assert [each.not_before - now for each in turns] == [timedelta(minutes=m) for m in (60, 70, 80, 90, 96, 96)]
        assert (await test.ask("new")).outcome.kind is OutcomeKind.FOUND
        test.guard.gate.shut_to_returning  # noqa: B018 - looking takes no turn
        assert test.guard.takes_now == 0

    async def made():
        nonlocal test
        test = bench(concurrency=1, quota_day=10)
        await scenario()

    test = None
    virtual(made)


def test_a_first_version_that_joins_a_question_has_it_put_by_its_part(virtual, bench):
    """The same question waits already for an appeal that returns."""

    async def scenario():
        first = []

        async def take(wish):
            first.append(wish.first)
            return QuotaAnswer()

        test = bench(script=[5.0], quota=take, concurrency=1, quota_day=10)
        busy = test.start("b", first=False)
        await asyncio.sleep(1)
        both = test.start("a", first=False), test.start("a")
        for each in (busy, *both):
            assert (await each).outcome.kind is OutcomeKind.FOUND
        assert first == [False, True]

    virtual(scenario)


DAY = {"day": datetime(2026, 11, 23, 19, tzinfo=UTC)}


@pytest.mark.parametrize("when", ["counting", "writing", "waiting"])
def test_a_call_that_does_not_leave_is_given_back(virtual, bench, when):
    """Whether its time ends while it is counted, or somebody pauses the source while its access row is written."""

    async def scenario():
        async def take(wish):
            await asyncio.sleep(3 if when == "counting" else 0)
            return QuotaAnswer(counted=DAY)

        test = bench(quota=take, quota_day=10)
        test.access.delay = {"writing": 2.0, "waiting": 9.0}.get(when, 0.0)
        asking = test.start("a", budget=60.0 if when == "writing" else 2.0)
        await asyncio.sleep(1)
        if when == "writing":
            test.guard.gate.pause = paused(test)
        assert (await asking).outcome.kind is OutcomeKind.UNAVAILABLE or when != "writing"
        await asyncio.sleep(20)
        assert test.wire.calls == []
        assert [call.counted for call in test.guard.gate._book.back] == [DAY]
        assert [row.served.value for row in test.access.rows] == ([] if when == "counting" else ["source", "nothing"])
        assert (test.guard.gate.settling, test.idle()) == (set(), True)

    virtual(scenario)


def test_a_call_that_was_counted_before_midnight_does_not_leave_after_it(virtual, bench):
    """Its period's calls are over, and those of the next one are counted by themselves: the question takes one."""

    async def scenario():
        begins = []

        async def take(wish):
            begins.append(Period.DAY.begins(wish.now))
            return QuotaAnswer(counted={"day": begins[-1]})

        test = bench(quota=take, concurrency=1, quota_day=10)
        now = test.guard.context.now
        test.access.delay = 0.5
        await asyncio.sleep((Period.DAY.ends(Period.DAY.begins(now())) - now()).total_seconds() - 0.1)
        outcome = (await test.ask("a")).outcome
        assert (outcome.code, test.wire.calls) == ("source.quota", [])
        assert outcome.not_before <= now()
        await asyncio.sleep(1)
        assert [call.counted["day"] for call in test.guard.gate._book.back] == begins
        assert (await test.ask("a")).outcome.kind is OutcomeKind.FOUND
        assert begins[1] - begins[0] == timedelta(days=1)

    virtual(scenario)


def test_a_call_that_comes_back_between_two_looks_is_missed_by_nobody(virtual, bench):
    """It was taken, refused to another question and given back: at both looks there was one."""

    async def scenario():
        test, left = bench(concurrency=1, quota_day=10), iter([True, False, True])
        gate = test.guard.gate

        async def take(wish):
            later = test.guard.context.now() + timedelta(hours=9)
            return QuotaAnswer(counted=DAY) if next(left) else QuotaAnswer(later, "day")

        gate._book = Book(take)
        used = QuotaUse("test", "day", DAY["day"], 9)
        assert gate.learn(None, [used], math.inf)
        call = await gate.take(None, first=True)
        assert (await test.ask("a")).outcome.code == "source.quota"
        await gate.give_back(call)
        assert gate.learn(None, [used], math.inf)
        assert not gate.learn(None, [used], math.inf)
        assert (await test.ask("a")).outcome.kind is OutcomeKind.FOUND

    virtual(scenario)


def test_a_look_that_began_before_a_refusal_says_nothing_of_it(virtual, bench):
    """The calls had not been counted when the journal was asked: nobody is told that there are calls again."""

    async def scenario():
        async def take(wish):
            return QuotaAnswer(test.guard.context.now() + timedelta(hours=9), "day")

        test = bench(concurrency=1, quota_day=10)
        test.guard.gate._book = Book(take)
        begun = test.time()
        await asyncio.sleep(0.1)
        assert (await test.ask("a")).outcome.code == "source.quota"
        assert not test.guard.gate.learn(None, [], begun)
        assert test.guard.gate.shut(None, first=True).code == "source.quota"
        assert test.guard.gate.learn(None, [], test.time())

    virtual(scenario)


def test_calls_that_come_back_end_the_wait_for_the_next_period(virtual, bench):
    """Another worker has given one back: who was refused may have it now, and whoever watches is told once."""

    async def scenario():
        now = test.guard.context.now()
        left = iter([False, True])

        async def take(wish):
            return QuotaAnswer(counted=DAY) if next(left) else QuotaAnswer(now + timedelta(hours=9), "day")

        test.guard.gate._book = Book(take)
        used = QuotaUse("test", "day", DAY["day"], 10)
        assert not test.guard.gate.learn(None, [used], math.inf)
        assert (await test.ask("a")).outcome.code == "source.quota"
        assert (await test.ask("a")).outcome.code == "source.quota"
        assert test.guard.gate.learn(None, [replace(used, used=9)], math.inf)
        assert not test.guard.gate.learn(None, [replace(used, used=9)], math.inf)
        assert (await test.ask("a")).outcome.kind is OutcomeKind.FOUND

    async def made():
        nonlocal test
        test = bench(concurrency=1, quota_day=10)
        await scenario()

    test = None
    virtual(made)
