"""Who is alive, how sources stand over all workers, and what one worker does for all."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text

from appealbus.core import clocks
from appealbus.core.bus.duties.leader import LeaderLeases
from appealbus.core.domain.source_state import SourceState
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import workers
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
STATE = SourceState("gbdfl", "shep", "closed", 1, 2, 0.5, outcomes={"found": 3}, p50=0.1, p95=0.2, at=NOW)
OTHER = SourceState(
    "gbdfl", "shep", "half_open", 4, 0, 1.5, {"found": 1, "refused": 2}, 0.3, 0.1, "http.502", NOW, at=NOW
)


def worker(name, **given):
    return WorkerState(name, "host", 1, NOW, **given)


async def test_a_worker_is_seen_with_its_links(journal):
    """All that it tells of itself comes back; what it tells later overwrites that."""
    link = LinkState("main.consume", LinkStatus.DOWN, "cannot be reached", NOW, 2, {"published": 3})
    await journal.do(workers.Beat(worker("a", in_flight=3), [], 60))
    await journal.do(workers.Beat(worker("a", in_flight=4, links=(link,)), [STATE], 60))

    assert await journal.ask(workers.workers) == [worker("a", in_flight=4, links=(link,))]
    assert await journal.ask(workers.source_states) == [STATE]


async def test_sources_are_summed_over_workers(journal):
    """Sums of what can be summed; the worst breaker and time, the newest error."""
    egkn = replace(STATE, source="egkn", breaker="open")
    await journal.do(workers.Beat(worker("a"), [replace(STATE, differences={"a": 1, "b": 2}), egkn], 60))
    await journal.do(workers.Beat(worker("b"), [replace(OTHER, differences={"a": 4})], 60))

    assert await journal.ask(workers.source_states) == [
        egkn,
        SourceState(
            "gbdfl",
            "shep",
            "half_open",
            5,
            2,
            2.0,
            {"found": 4, "refused": 2},
            0.3,
            0.2,
            "http.502",
            NOW,
            at=NOW,
            differences={"a": 5, "b": 2},
        ),
    ]


async def test_the_dead_are_not_counted_and_then_forgotten(journal, url):
    """A worker whose time is over counts no more; the next sign of life of another one removes its rows."""
    await journal.do(workers.Beat(worker("dead"), [OTHER], 0))
    assert await journal.ask(workers.workers) == []
    assert [state.breaker for state in await journal.ask(workers.source_states)] == ["half_open"]

    await journal.do(workers.Beat(worker("alive"), [STATE], 60))
    assert [one.name for one in await journal.ask(workers.workers)] == ["alive"]
    assert await journal.ask(workers.source_states) == [STATE]
    engine = create_engine(url)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT worker FROM source_state UNION SELECT name FROM worker")).scalars().all()
    engine.dispose()
    assert left == ["alive"]


async def test_what_was_learned_of_a_source_outlives_workers_that_do_not_ask_it(journal, url):
    """Else what begins to come would be usual for the next one that asks it, and a gap in its replies be none."""
    await journal.do(workers.Beat(worker("dead"), [OTHER], 0))
    await journal.do(workers.Beat(worker("alive"), [replace(STATE, source="egkn")], 60))
    assert [state.source for state in await journal.ask(workers.source_states)] == ["egkn"]
    assert [state.source for state in await journal.ask(workers.source_states_at_last)] == ["egkn", "gbdfl"]
    await journal.do(workers.Beat(worker("next"), [STATE], 60))
    assert await journal.ask(workers.source_states_at_last) == [replace(STATE, source="egkn"), STATE]
    engine = create_engine(url)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT worker FROM source_state")).scalars().all()
    engine.dispose()
    assert sorted(left) == ["alive", "next"]


@pytest.fixture
def shared(journal_database):
    """Leader leases matter where several processes work one journal."""
    return journal_database


async def test_one_at_a_time_holds_a_duty(shared):
    """Who holds it goes on; others get it when its time is over or when it is let go. Other leases are others."""
    async with await Journal.open(shared) as a, await Journal.open(shared) as b:
        assert await a.do(workers.LeaseRequest("relay.out", "a", 60))
        assert await a.do(workers.LeaseRequest("relay.out", "a", 60))
        assert not await b.do(workers.LeaseRequest("relay.out", "b", 60))
        assert await b.do(workers.LeaseRequest("retention", "b", 60))
        await a.do(workers.LetGo("a"))
        assert await b.do(workers.LeaseRequest("relay.out", "b", 0.01))
        await asyncio.sleep(0.02)
        assert await a.do(workers.LeaseRequest("relay.out", "a", 60))


async def test_a_wrong_clock_takes_no_duty(shared, monkeypatch):
    """The time is the database's: two machines whose clocks differ by a minute do not hold a leader lease together."""
    async with await Journal.open(shared) as a, await Journal.open(shared) as b:
        assert await a.do(workers.LeaseRequest("relay.out", "a", 10))
        monkeypatch.setattr(clocks, "wall", lambda: datetime.now(UTC) + timedelta(minutes=1))
        assert not await b.do(workers.LeaseRequest("relay.out", "b", 10))


async def test_of_many_who_wish_at_once_one_gets_it(shared):
    """No two hold a leader lease, whoever comes first, over connections of their own."""
    journals = [await Journal.open(shared) for _ in range(4)]
    for round_ in range(5):
        got = await asyncio.gather(
            *(one.do(workers.LeaseRequest(f"d{round_}", str(at), 60)) for at, one in enumerate(journals))
        )
        assert sum(got) == 1
    for one in journals:
        await one.close()


async def test_on_sqlite_every_duty_is_ours(tmp_path):
    """One process works it: nothing is written, nothing is refused."""
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        assert not journal.shared
        for owner in ("a", "b"):
            duties = LeaderLeases(owner, journal)
            lease = duties.add("relay.out")
            await lease.renew()
            await duties.let_go()
            assert lease.held
        assert not await journal.ask(lambda connection: connection.execute(select(workers.lease)).all())
