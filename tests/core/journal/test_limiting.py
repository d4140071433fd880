"""The limits of a source in the journal: shares, tokens and the breaker, over two that write it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from appealbus.core.domain.limits import BreakerNews, Need, Probe, Report
from appealbus.core.errors import JournalError
from appealbus.core.journal import limits
from appealbus.core.journal.journal import Journal


@pytest.fixture
async def other(url: str, journal: Journal) -> AsyncIterator[Journal]:
    async with await Journal.open(url) as opened:
        yield opened


class Clock:
    """The database's, and what has been let pass on it."""

    ahead = timedelta(0)

    def let_pass(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock for the limits that need not be waited for."""
    clock = Clock()
    shared_now = limits.shared_now
    monkeypatch.setattr(limits, "shared_now", lambda connection: shared_now(connection) + clock.ahead)
    return clock


def report(source="s", *, calls=None, parts=None, rate=0.0, returned=0.0, lease=20.0, news=None, opens=30.0):
    return Report(
        source=source,
        lease=lease,
        calls=calls or Need(6, 0, 0, 0, 0.5),
        parts=parts,
        rate=rate,
        returned=returned,
        news=news or BreakerNews(),
        breaker_failures=3,
        breaker_open=opens,
    )


def calls(held, used=0, wanted=0, limit=6):
    return report(calls=Need(limit, held, used, wanted, 0.5))


async def test_a_share_passes_on_only_once_its_holder_has_let_go(journal, other):
    """The second waits until the first has said that it takes no more; then both have what is theirs."""
    (first,) = await journal.do(limits.Reports("a", [calls(0)]))
    assert (first.calls.usable, first.calls.is_new) == (6, True)
    (second,) = await other.do(limits.Reports("b", [calls(0, wanted=9)]))
    assert (second.calls.usable, second.calls.more_to_come) == (0, True)
    (first,) = await journal.do(limits.Reports("a", [calls(6, used=5, wanted=9)]))
    assert (first.calls.usable, first.calls.counted, first.calls.others_wait) == (3, 6, True)
    assert (await other.do(limits.Reports("b", [calls(0, wanted=9)])))[0].calls.usable == 0
    (first,) = await journal.do(limits.Reports("a", [calls(3, used=4, wanted=9)]))
    assert first.calls.counted == 4
    assert (await other.do(limits.Reports("b", [calls(0, wanted=9)])))[0].calls.usable == 2
    await journal.do(limits.Reports("a", [calls(3, used=3, wanted=9)]))
    (second,) = await other.do(limits.Reports("b", [calls(2, used=2, wanted=9)]))
    assert (second.calls.usable, second.calls.more_to_come, second.calls.others_wait) == (3, False, False)


async def test_who_leaves_gives_back_at_once_and_who_dies_after_the_lease(journal, other, clock):
    """A clean end frees a share at once; a death does when the lease has ended, and not before."""
    await journal.do(limits.Reports("a", [calls(0)]))
    await journal.do(limits.Leave("a"))
    assert (await other.do(limits.Reports("b", [calls(0, wanted=9)])))[0].calls.usable == 6
    await other.do(limits.Leave("b"))

    await journal.do(limits.Reports("dies", [calls(0)]))
    for _ in range(10):
        assert (await other.do(limits.Reports("b", [calls(0, wanted=9)])))[0].calls.usable == 0
        clock.let_pass(1.9)
    clock.let_pass(1.0)
    assert (await other.do(limits.Reports("b", [calls(0, wanted=9)])))[0].calls.usable == 6
    (back,) = await journal.do(limits.Reports("dies", [calls(6, used=1, wanted=1)]))
    assert (back.calls.is_new, back.calls.usable, back.calls.counted) == (True, 0, 1)


async def test_all_sources_in_one_exchange_each_for_itself(journal):
    """Sources do not share with one another, and a worker hears of them in the order of its reports."""
    names = ["c", "a", "b"]
    reports = [replace(calls(0, limit=limit), source=name) for name, limit in zip(names, (3, 4, 5), strict=True)]
    grants = await journal.do(limits.Reports("w", reports))
    assert [each.calls.usable for each in grants] == [3, 4, 5]


async def test_many_at_once_never_hold_more_than_there_is(journal, other):
    """Whoever asks when, over two connections: the sum of what is theirs stays within the limit."""
    held = dict.fromkeys("abcdef", 0)

    async def one(name, through):
        for turn in range(12):
            wanted = (turn + ord(name)) % 9
            (grant,) = await through.do(limits.Reports(name, [calls(held[name], used=0, wanted=wanted, limit=10)]))
            held[name] = grant.calls.usable
            assert sum(held.values()) <= 10

    await asyncio.gather(*(one(name, journal if name < "d" else other) for name in held))
    assert sum(held.values()) > 0


def parts(held, wanted=4, returned=0.0, rate=0.001, burst=4):
    return report(parts=Need(burst, held, 0, wanted, 60.0), rate=rate, returned=returned)


async def test_each_token_is_at_one_place(journal, other):
    """Parts move with the tokens that are in them: none is lost on a clean way, none is there twice."""
    (first,) = await journal.do(limits.Reports("a", [parts(0)]))
    assert (first.parts.usable, first.tokens) == (4, 4.0)
    (second,) = await other.do(limits.Reports("b", [parts(0)]))
    assert (second.parts.usable, second.tokens) == (0, 0.0)
    (first,) = await journal.do(limits.Reports("a", [parts(4)]))
    assert (first.parts.usable, first.tokens) == (2, 0.0)
    (first,) = await journal.do(limits.Reports("a", [parts(2, returned=1.5)]))
    assert first.parts.usable == 2
    (second,) = await other.do(limits.Reports("b", [parts(0)]))
    assert second.parts.usable == 2
    assert second.tokens == pytest.approx(1.5, abs=0.01)
    (second,) = await other.do(limits.Reports("b", [parts(2)]))
    assert second.tokens == 0.0


async def test_the_tokens_of_the_dead_are_gone(journal, other, clock):
    """Nobody knows whether they were used, so they fill up anew."""
    await journal.do(limits.Reports("dies", [parts(0)]))
    await other.do(limits.Reports("b", [parts(0)]))
    clock.let_pass(21)
    (grant,) = await other.do(limits.Reports("b", [parts(0)]))
    assert grant.parts.usable == 4
    assert grant.tokens < 0.1


async def test_what_nobody_holds_fills_by_the_database_s_clock(journal):
    """While no worker is there, the rate goes on, up to the burst."""
    await journal.do(limits.Reports("a", [parts(0, rate=40.0)]))
    await journal.do(limits.Leave("a"))
    await asyncio.sleep(0.3)
    (grant,) = await journal.do(limits.Reports("b", [parts(0, rate=40.0)]))
    assert grant.parts.usable == 4
    assert grant.tokens == 4.0


def news(**given):
    return [report(news=BreakerNews(**given), opens=30.0)]


async def test_the_breaker_is_one_for_all(journal, other, clock):
    """Failures add up over workers, an answer breaks the row, one probe at a time decides, old news counts nothing."""
    (grant,) = await journal.do(limits.Reports("a", news(failures=2)))
    assert (grant.failures, grant.opens_in) == (0, None)  # news of no era
    era = grant.era
    await journal.do(limits.Reports("a", news(era=era, failures=2)))
    (grant,) = await other.do(limits.Reports("b", news(era=era, succeeded=True)))
    assert grant.failures == 0
    await journal.do(limits.Reports("a", news(era=era, failures=2)))
    (grant,) = await other.do(limits.Reports("b", news(era=era, failures=1)))
    assert 0 < grant.opens_in <= 30
    assert grant.era == era + 1
    era += 1

    (grant,) = await journal.do(limits.Reports("a", news(era=era - 1, succeeded=True, asks=True)))
    assert (grant.era, grant.probe) == (era, Probe.NOBODY)
    clock.let_pass(31)
    (grant,) = await journal.do(limits.Reports("a", news(era=era, asks=True)))
    assert grant.probe is Probe.MINE
    assert (await other.do(limits.Reports("b", news(era=era, asks=True))))[0].probe is Probe.OTHER
    await journal.do(limits.Reports("a", news(era=era, dropped=True)))
    (grant,) = await other.do(limits.Reports("b", news(era=era, asks=True)))
    assert grant.probe is Probe.MINE

    (grant,) = await other.do(limits.Reports("b", news(era=era, failures=1)))
    assert grant.era == era + 1
    assert grant.opens_in > 0
    clock.let_pass(31)
    await other.do(limits.Reports("b", news(era=era + 1, asks=True)))
    (grant,) = await other.do(limits.Reports("b", news(era=era + 1, succeeded=True)))
    assert (grant.opens_in, grant.probe, grant.era) == (None, Probe.NOBODY, era + 2)


async def test_the_exchange_goes_on_after_the_database_was_away(postgres, journal_database):
    """Exchanges fail or wait while it restarts; afterwards all is as it was noted before."""
    async with await Journal.open(journal_database) as journal:
        await journal.do(limits.Reports("a", [calls(0)]))
        postgres.kill()
        asked = asyncio.create_task(journal.do(limits.Reports("b", [calls(0, wanted=1)])))
        await asyncio.sleep(0.2)
        postgres.start()  # not in a thread: the server ends with the one that started it
        with suppress(JournalError):
            await asked
        (grant,) = await journal.do(limits.Reports("b", [calls(0, wanted=1)]))
        assert (grant.calls.usable, grant.calls.more_to_come) == (0, True)
        await journal.do(limits.Leave("a"))
        assert (await journal.do(limits.Reports("b", [calls(0, wanted=1)])))[0].calls.usable == 6
