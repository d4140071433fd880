"""Promise 3: no question leaves, and no answer is handed out, before its access row is durable."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbus.core import CallFailed, OutcomeKind
from tests.services.forms import form


def test_row_is_durable_before_the_call(virtual, bench):
    """The wire sees no call whose row is not on disk, however slow the disk is."""

    async def scenario():
        test = bench()
        test.access.delay = 3.0
        begin = test.time()
        await test.ask("850101300001", number="N-3")
        assert test.wire.left_at == [begin + 3.0]
        assert test.wire.unlogged == []
        (row,) = test.access.rows
        assert (row.actor, row.subject, row.source, row.lookup) == ("officer", "850101300001", "test", "test.thing")
        assert (row.number, row.purpose, row.legal_basis) == ("N-3", "to test", "the law")
        assert row.served.value == "source"
        assert row.at <= test.access.durable[row.question_id].at

    virtual(scenario)


@pytest.mark.parametrize(
    "error", [OSError("disk full 850101300001"), asyncio.CancelledError()], ids=["os", "cancelled"]
)
def test_nothing_leaves_where_the_log_fails(virtual, bench, error):
    """Without an access row there is no call, and the question ends so that it will be put again."""

    async def scenario():
        test = bench(fresh=60)
        test.access.error = error
        ended, shared = await asyncio.gather(test.ask(), test.ask())
        for each in (ended, shared):
            assert (each.outcome.kind, each.outcome.code) == (OutcomeKind.UNAVAILABLE, "access_log.failed")
            assert (each.attempts, each.asked_at) == (0, None)
            assert "850101300001" not in each.outcome.reason
        assert test.wire.calls == []
        assert test.guard.state().breaker == "closed"
        test.access.error = None
        await test.ask()
        test.access.error = error
        cached = await test.ask()
        assert cached.outcome.code == "access_log.failed"
        assert cached.outcome.record is None
        assert test.idle()

    virtual(scenario)


def test_hanging_log_ends_with_the_budget(virtual, bench):
    """A journal that does not answer costs the question its time, not more, and nothing leaves."""

    async def scenario():
        test = bench()
        test.access.delay = 1e9
        begin = test.time()
        ended = await asyncio.gather(test.ask(budget=5), test.ask(budget=3))
        assert [each.outcome.code for each in ended] == ["budget.spent"] * 2
        assert test.time() - begin == pytest.approx(5)
        assert test.wire.calls == []
        await asyncio.sleep(0.01)
        assert test.idle()

    virtual(scenario)


def test_every_appeal_that_asked_has_a_row(virtual, bench):
    """One call, three appeals, three rows; each dossier names its own, and the answer waits for its row."""

    async def scenario():
        test = bench(script=[1.0])
        first = test.start(number="N-1")
        await asyncio.sleep(0.5)
        test.access.delay = 4.0
        second = test.start(number="N-2", legal_basis="another law")
        third = test.start(number="N-3", actor="another")
        assert (await first).provenance.question_id == test.wire.calls[0].question_id
        begin = test.time()
        shared = [await second, await third]
        assert test.time() - begin == pytest.approx(3.5)
        assert len(test.wire.calls) == 1
        rows = {row.number: row for row in test.access.rows}
        assert [rows[number].served.value for number in ("N-1", "N-2", "N-3")] == ["source", "shared", "shared"]
        assert len({row.question_id for row in rows.values()}) == 3
        for ended, number in zip(shared, ("N-2", "N-3"), strict=True):
            assert ended.provenance.question_id == rows[number].question_id
            assert ended.provenance.legal_basis == rows[number].legal_basis
            assert ended.provenance.connector == "scripted"
            assert ended.attempts == 1

    virtual(scenario)


def test_answer_from_memory_has_a_row_and_says_so(virtual, bench):
    """A remembered answer costs no call, but the look at the data is logged and the age of the record is kept."""

    async def scenario():
        test = bench(fresh=60.0)
        asked = await test.ask(number="N-1")
        await asyncio.sleep(50)
        test.access.delay = 1.0
        begin = test.time()
        again = await test.ask(number="N-2")
        assert test.time() - begin == 1.0
        assert len(test.wire.calls) == 1
        row = test.access.rows[1]
        assert (row.served.value, row.number) == ("cache", "N-2")
        assert again.outcome is asked.outcome
        assert (again.attempts, again.asked_at) == (0, None)
        assert again.ended_at > asked.ended_at
        assert again.provenance.connector == "cache:scripted"
        assert again.provenance.question_id == row.question_id
        for name in ("observed_at", "asked_at", "fresh_until", "message_id", "raw_sha256"):
            assert getattr(again.provenance, name) == getattr(asked.provenance, name)
        await asyncio.sleep(10)
        await test.ask()
        assert len(test.wire.calls) == 2

    virtual(scenario)


def test_not_found_is_remembered_and_failures_are_not(virtual, bench, kit):
    """What the register does not know stays so for a while; what failed is worth another call."""

    async def scenario():
        test = bench(fresh=60.0)
        test.lookup = kit.lookup(lambda reply: kit.nothing())
        first, second = await test.ask("a"), await test.ask("a")
        assert first.outcome is second.outcome
        assert second.provenance.connector == "cache:scripted"
        assert second.provenance.observed_at == first.provenance.observed_at
        assert second.provenance.question_id == test.access.rows[1].question_id
        assert len(test.wire.calls) == 1
        test.wire.script = [CallFailed(OutcomeKind.INVALID, "xml.malformed", "broken")]
        await test.ask("b")
        await test.ask("b")
        assert len(test.wire.calls) == 3

    virtual(scenario)


@settings(max_examples=form(30, 500), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.floats(0, 20), st.floats(0.01, 15), st.none() | st.floats(0, 10), st.floats(0, 4)
        ),
        max_size=20,
    ),
    st.sampled_from([0.0, 5.0]),
    st.lists(st.sampled_from([0.0, 1.0, 6.0, 1e9, "down", "broken"]), min_size=1, max_size=8),
)
def test_whatever_happens_rows_come_first(virtual, bench, askers, fresh, script):
    """Under any mix of askers, cancellations, slow disks and failures: rows first, ends on time, nothing left over."""
    failures = {
        "down": CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "down"),
        "broken": CallFailed(OutcomeKind.INVALID, "xml.malformed", "broken"),
    }

    async def scenario():
        test = bench(
            [failures.get(step, step) for step in script],
            fresh=fresh,
            concurrency=2,
            rate=2.0,
            burst=1,
            timeout=4.0,
            breaker_failures=3,
            breaker_open=5.0,
        )
        answered = 0

        async def asker(number, row):
            nonlocal answered
            key, comes, budget, cancelled, disk = row
            await asyncio.sleep(comes)
            test.access.delay = disk
            begin = test.time()
            task = test.start(key, budget, number=str(number))
            if cancelled is not None:
                # An odd fraction keeps it from being cancelled in the very instant in which its time is up.
                asyncio.get_running_loop().call_later(cancelled + 0.0003, task.cancel)
            await asyncio.wait([task])
            assert test.time() - begin <= budget + 1e-6
            if task.cancelled():
                assert cancelled is not None
                return
            ended = task.result()
            answered += 1
            if ended.outcome.kind is OutcomeKind.FOUND:
                row = test.access.durable[ended.provenance.question_id]
                assert row.number == str(number)

        await asyncio.gather(*[asker(number, row) for number, row in enumerate(askers)])
        await asyncio.sleep(0.01)
        assert test.wire.unlogged == []
        assert test.wire.peak <= 2
        assert test.idle()
        assert sum(test.guard.state().outcomes.values()) == answered

    virtual(scenario)
