"""Whose clock counts where several machines work one journal: the database's alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from appealbus.core import clocks
from appealbus.core.errors import JournalError
from appealbus.core.journal import access, retention, workers
from appealbus.core.journal.appeals import cases, claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.dossier import Completeness
from tests.core.journal.replaying import replayed

WRONG = [timedelta(minutes=-10), timedelta(minutes=10)]


@pytest.fixture
def given_time():
    """Leases count by the clock that they count by in earnest."""


@pytest.fixture
def url(journal_database):
    return journal_database


def ends_in(url):
    """Seconds by the database's clock until each lease ends."""
    asked = "SELECT message_id, lease_until / 1e6 - extract(epoch FROM clock_timestamp()) FROM appeal"
    with psycopg.connect(url) as connection:
        return {name: float(seconds) for name, seconds in connection.execute(asked)}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_clock_takes_no_live_appeal(journal, make, url, wrong):
    """However wrong a worker's clock is, it gets what is free, for as long as it says, and nothing of the others'."""
    now = datetime.now(UTC)
    await journal.accept(make.new("accepted", at=now + wrong), owner="a", lease_seconds=60)
    await journal.accept(make.new("free", at=now), owner=None)

    assert [
        case.appeal.message_id for case in await claiming.claim(journal, claiming.Claim("b", now + wrong, 10, 120))
    ] == ["free"]
    assert await claiming.claim(journal, claiming.Claim("c", now - wrong, 10, 60)) == []
    left = ends_in(url)
    assert 0 < left["accepted"] <= 60 < left["free"] <= 120

    ids = [row.appeal_id for row in await journal.ask(cases.cases, [1, 2])]
    assert len(await journal.do(leases.Renewal("a", ids, now + wrong, 300))) == 1
    assert 200 < ends_in(url)["accepted"] <= 300


async def test_a_retry_looks_at_the_same_clock(journal, make, monkeypatch):
    """A person's machine whose clock is ahead does not free what somebody works on."""
    accepted = await journal.accept(make.new(at=datetime.now(UTC)), owner="a", lease_seconds=60)
    monkeypatch.setattr(clocks, "wall", lambda: datetime.now(UTC) + WRONG[1])
    with pytest.raises(JournalError, match="being worked on"):
        await journal.do(leases.Retry(accepted.receipt.number))


async def test_a_clock_that_is_ahead_deletes_nothing_young(journal, make, url, monkeypatch):
    """Retention counts by the database's clock; what is old by that one goes."""
    await journal.accept(make.new("young", at=datetime.now(UTC)))
    old = await journal.accept(make.new("old", at=datetime.now(UTC)))
    ended = {"version": 1, "dossier": b"{}", "completeness": Completeness.COMPLETE, "receivers": (), "due_at": None}
    await journal.conclude(Conclusion(old.appeal_id, **ended))
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE appeal SET changed_at = changed_at - 60 * 86400 * 1000000::bigint")
    await journal.conclude(Conclusion(old.appeal_id - 1, **ended))
    await replayed(journal, await journal.do(make.quarantine()), "N")
    await journal.do(access.Asking([replace(make.access("N"), at=datetime.now(UTC))]))

    ahead = datetime.now(UTC) + timedelta(days=400)
    monkeypatch.setattr(clocks, "wall", lambda: ahead)
    async with await Journal.open(url) as other:
        assert other.doubt.doubt == "apart"
        with pytest.raises(JournalError, match="in doubt"):
            await retention.prune(other, retention.Ages(other.now() - timedelta(days=30)))
        await other.trust_clock()
        before = other.now() - timedelta(days=30)
    monkeypatch.undo()
    assert await retention.prune(journal, retention.Ages(before, access=before)) == {
        "appeals": 1,
        "quarantine": 0,
        "replies": 0,
        "access": 0,
    }
    assert [row.message_id for row in await journal.ask(lists.appeals)] == ["young"]


class Wrong(datetime):
    """A clock ten minutes behind."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(minutes=10)


async def test_a_worker_with_a_wrong_clock_is_seen_alive(journal, monkeypatch):
    """It lives as long as it says, by the database's clock, whoever looks."""
    monkeypatch.setattr(clocks, "wall", lambda: Wrong.now(UTC))
    await journal.do(workers.Beat(WorkerState("late", "host", 1, datetime.now(UTC)), [], 60))
    assert [one.name for one in await journal.ask(workers.workers)] == ["late"]
    await journal.do(workers.Beat(WorkerState("gone", "host", 1, datetime.now(UTC)), [], 0))
    assert [one.name for one in await journal.ask(workers.workers)] == ["late"]
