"""The bucket, the memory of answers and the latency ring by themselves."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbus.core import clocks, found, invalid, not_found, unavailable
from appealbus.core.domain.document import fact_document
from appealbus.core.guards.bucket import Bucket
from appealbus.core.guards.defects import checked
from appealbus.core.guards.question import Ended
from appealbus.core.guards.single_flight import Freshness
from appealbus.core.guards.slots import Latency
from appealbus.schemas.record import OtherRecord, record_to_json
from tests.services.forms import form

AT = datetime(2026, 11, 24, tzinfo=UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_bucket_keeps_burst_then_rate(virtual):
    """A burst leaves at once, the rest at the rate, first come first served."""

    async def scenario():
        bucket = Bucket(10.0, 3, clock=clocks.monotonic)
        start, order = clocks.monotonic(), []

        async def take(number):
            assert await bucket.take(start + 60)
            order.append((number, round(clocks.monotonic() - start, 6)))

        await asyncio.gather(*[take(number) for number in range(6)])
        assert order == [(0, 0), (1, 0), (2, 0), (3, 0.1), (4, 0.2), (5, 0.3)]
        assert len(bucket) == 0

    virtual(scenario)


def test_bucket_refuses_at_once_what_cannot_come_in_time(virtual):
    """Who cannot have a token before the deadline does not stand in the queue for it."""

    async def scenario():
        bucket = Bucket(1.0, 1, clock=clocks.monotonic)
        start = clocks.monotonic()
        assert await bucket.take(start + 5)
        waiting = [asyncio.ensure_future(bucket.take(start + 5)) for _ in range(10_000)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(bucket) == 5
        assert clocks.monotonic() == start
        assert sum(await asyncio.gather(*waiting)) == 5
        assert clocks.monotonic() == pytest.approx(start + 5)

    virtual(scenario)


@settings(max_examples=form(30, 500), deadline=None)
@given(st.data())
def test_bucket_loses_no_token_and_never_exceeds_the_rate(virtual, data):
    """However takers come and give up, no window has more than its tokens and nobody is left standing."""
    takers = data.draw(st.lists(st.tuples(st.floats(0, 3), st.none() | st.floats(0, 3)), max_size=25))

    async def scenario():
        bucket = Bucket(5.0, 2, clock=clocks.monotonic)
        start, taken = clocks.monotonic(), []

        async def taker(come, give_up):
            await asyncio.sleep(come)
            try:
                async with asyncio.timeout(give_up):
                    assert await bucket.take(start + 100)
                    taken.append(clocks.monotonic() - start)
            except TimeoutError:
                pass

        await asyncio.gather(*[taker(*times) for times in takers])
        patient = sum(give_up is None for _, give_up in takers)
        assert len(taken) >= patient
        for first, begin in enumerate(taken):
            for last in range(first, len(taken)):
                assert last - first + 1 <= 2 + 5.0 * (taken[last] - begin) + 1e-6
        await asyncio.sleep(1.0)
        assert len(bucket) == 0
        now = clocks.monotonic()
        assert [await bucket.take(now), await bucket.take(now), await bucket.take(now)] == [True, True, False]

    virtual(scenario)


def test_bucket_passes_on_the_token_of_a_cancelled_taker(virtual):
    """A thousand who gave up do not make the next one wait for a thousand tokens."""

    async def scenario():
        bucket = Bucket(1.0, 1, clock=clocks.monotonic)
        start = clocks.monotonic()
        await bucket.take(start)
        crowd = [asyncio.create_task(bucket.take(start + 2000)) for _ in range(1000)]
        await asyncio.sleep(0)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        assert await bucket.take(start + 1.5)
        assert clocks.monotonic() == pytest.approx(start + 1)

    virtual(scenario)


def test_nobody_overtakes_at_the_bucket(virtual):
    """Who comes just as a token falls due still stands behind those who wait for it."""

    async def scenario():
        clock, order = Clock(), []
        bucket = Bucket(1.0, 1, clock=clock)

        async def take(name):
            await bucket.take(clock.now + 100)
            order.append(name)

        await take("first")
        waiting = asyncio.create_task(take("waiting"))
        await asyncio.sleep(0)
        clock.now += 1
        late = asyncio.create_task(take("late"))
        await asyncio.sleep(1.5)
        assert order == ["first", "waiting"]
        clock.now += 1
        await asyncio.gather(waiting, late)
        assert order == ["first", "waiting", "late"]

    virtual(scenario)


def test_bucket_returns_a_token_that_comes_with_the_cancellation(virtual):
    """A token handed to a taker who is cancelled before it can go on is not lost."""

    async def scenario():
        bucket = Bucket(1.0, 1, clock=clocks.monotonic)
        start = clocks.monotonic()
        await bucket.take(start)
        unlucky = asyncio.create_task(bucket.take(start + 10))
        await asyncio.sleep(0)
        served = bucket._serve

        def serve():
            served()
            unlucky.cancel()

        bucket._timer.cancel()
        asyncio.get_running_loop().call_later(1.0, serve)
        await asyncio.wait([unlucky])
        assert unlucky.cancelled()
        assert await bucket.take(clocks.monotonic())

    virtual(scenario)


def test_freshness_keeps_answers_of_the_register_only(kit):
    """Found and not found serve again; failures and broken replies never do."""
    fresh = Freshness(10.0, 100, clock=Clock())
    for key, outcome in {
        "found": found(kit.thing()),
        "not_found": not_found(),
        "unavailable": unavailable("http.503", "down"),
        "invalid": invalid("xml.malformed", "broken"),
    }.items():
        fresh.put(key, Ended(outcome, AT))
    assert fresh.get("found") is not None
    assert fresh.get("not_found") is not None
    assert fresh.get("unavailable") is None
    assert fresh.get("invalid") is None


def test_freshness_ends_by_the_monotonic_clock():
    """An answer serves until its time is up and is gone then, not just hidden."""
    clock = Clock()
    fresh = Freshness(10.0, 100, clock=clock)
    fresh.put("a", Ended(not_found(), AT))
    clock.now += 9.9
    assert fresh.get("a") is not None
    clock.now += 0.1
    assert fresh.get("a") is None
    assert len(fresh) == 0


def test_freshness_is_bounded_and_drops_the_least_used():
    """A full memory drops what nobody asked for longest; stale answers go when new ones come."""
    clock = Clock()
    fresh = Freshness(10.0, 3, clock=clock)
    for key in "abc":
        fresh.put(key, Ended(not_found(), AT))
    fresh.get("a")
    fresh.put("d", Ended(not_found(), AT))
    assert [key for key in "abcd" if fresh.get(key)] == ["a", "c", "d"]
    clock.now += 10
    fresh.put("e", Ended(not_found(), AT))
    assert len(fresh) == 1


def test_freshness_of_no_time_keeps_nothing():
    """A ttl of 0 turns it off."""
    fresh = Freshness(0.0, 3, clock=Clock())
    fresh.put("a", Ended(not_found(), AT))
    assert fresh.get("a") is None
    assert len(fresh) == 0


def test_latency_rate_looks_back_a_minute():
    """The rate counts the calls of the last minute, and of less where the source has been asked for less."""
    clock = Clock()
    latency = Latency(clock=clock)
    assert latency.rate() == 0.0
    for _ in range(10):
        latency.left()
    assert latency.rate() == 10.0
    clock.now += 5
    assert latency.rate() == 2.0
    clock.now += 54
    latency.left()
    assert latency.rate() == pytest.approx(11 / 59)
    clock.now += 1
    assert latency.rate() == pytest.approx(1 / 60)
    clock.now += 600
    assert latency.rate() == 0.0


def test_latency_quantiles_follow_the_newest_calls():
    """Quantiles come from the last 1,024 calls, however many there were before."""
    latency = Latency(clock=Clock())
    assert latency.quantiles(0.5, 0.95) == [None, None]
    for number in range(5000):
        latency.took(1.0 if number < 3000 else (number % 100) / 100)
    p50, p95 = latency.quantiles(0.5, 0.95)
    assert p50 == pytest.approx(0.5, abs=0.03)
    assert p95 == pytest.approx(0.95, abs=0.03)


def test_a_record_is_kept_as_it_was_checked():
    """What is looked at before anybody relies on a record is, byte for byte, what its document holds."""
    record = OtherRecord.model_validate({"type": "vendor.Odd", "none": None, "deep": {"list": [1, None]}})
    outcome, written = checked(found(record))
    assert outcome.record is record
    assert written == record_to_json(record, exclude_none=True)
    assert fact_document(record, None, written) == fact_document(record, None)
    assert checked(not_found("nobody")) == (not_found("nobody"), None)
