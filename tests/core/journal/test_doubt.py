"""The journal's clock: it follows no jump, doubts, and is trusted again; what waits comes due all the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core import clocks
from appealbus.core.bus.intake.quarantine import trim_quarantine
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.journal import clock, figures, keeping, retention, state
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness
from tests.services.forms import form


class Machine:
    """Clocks of a machine that a test moves: the steady one always goes on, the wall is set as well."""

    def __init__(self, monkeypatch):
        self.real, self.ahead, self.passed = datetime.now(UTC), timedelta(), 0.0
        monkeypatch.setattr(clocks, "wall", lambda: self.real + timedelta(seconds=self.passed) + self.ahead)
        monkeypatch.setattr(clocks, "steady", lambda: self.passed)
        # Its database's clock, where there is one, is set with it.
        monkeypatch.setattr(state, "shared_now", lambda _: clocks.wall())
        monkeypatch.setattr(clock, "leased_at", lambda _, given: given)
        monkeypatch.setattr(clock, "asked", lambda _: [])

    def set(self, **by):
        self.ahead += timedelta(**by)


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


async def test_a_clock_that_jumps_deletes_nothing(url, make, machine):
    """400 days ahead in the midst of work: nothing is old, until a person says that the clock is right."""
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new(at=clocks.wall()))
        await end(journal, one)
        machine.set(days=400)
        machine.passed += 1
        assert (await journal.look()).doubt == "jumped"
        with pytest.raises(JournalError, match="clock accept"):
            await retention.prune(journal, retention.Ages(journal.now() - timedelta(days=30)))
        assert abs(journal.now() - machine.real) < timedelta(seconds=5)
    async with await Journal.open(url) as journal:  # the doubt outlives the process
        assert journal.doubt.doubt == "jumped"
        assert len(await journal.ask(lists.appeals)) == 1
        assert (await journal.trust_clock()).doubt == "jumped"
        assert journal.doubt is None
        assert (await retention.prune(journal, retention.Ages(journal.now() - timedelta(days=30))))["appeals"] == 1


async def test_a_clock_that_jumps_empties_no_quarantine(url, make, machine):
    """A flood has the bounds looked at in the midst of doubt: by count they hold, by age nobody knows."""
    settings = BusSettings(quarantine_messages=3)
    async with await Journal.open(url) as journal:
        for _ in range(5):
            await journal.do(replace(make.quarantine(), at=clocks.wall()))
        machine.set(days=400)
        machine.passed += 1
        await journal.look()
        assert await trim_quarantine(journal, settings) == 2
        assert (await journal.ask(figures.counts)).quarantine == 3
        await journal.trust_clock()
        assert await trim_quarantine(journal, settings) == 3


async def test_what_ended_while_the_clock_was_behind_is_kept_its_time(url, make, machine):
    """A machine without a battery starts in another year until NTP answers: what ends meanwhile is not old."""
    async with await Journal.open(url) as journal:
        machine.passed += 1
        await journal.look()
    machine.set(days=-400)
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new(at=clocks.wall()))
        await end(journal, one)
        machine.set(days=400)
        machine.passed += 1
        await journal.look()
        await journal.trust_clock()
        assert (await retention.prune(journal, retention.Ages(journal.now() - timedelta(days=30))))["appeals"] == 0


@pytest.mark.parametrize(
    ("by", "doubt"),
    [
        ({"days": 400}, "ahead"),
        ({"hours": 49}, "ahead"),
        ({"hours": 47}, None),
        ({"seconds": -30}, None),
        ({"days": -1}, "went_back"),
    ],
)
async def test_a_clock_is_compared_with_the_journal_at_the_start(url, machine, by, doubt):
    """Two days ahead of all that it has seen, or behind it: doubted, and the journal's clock goes on where it stood."""
    async with await Journal.open(url) as journal:
        machine.passed += 1
        stood = (await journal.look()).clock
    machine.set(**by)
    async with await Journal.open(url) as journal:
        assert (journal.doubt.doubt if journal.doubt else None) == doubt
        if doubt:
            assert abs(journal.now() - stood) < timedelta(seconds=1)


async def test_small_steps_and_time_that_passes_are_no_doubt(url, machine):
    """NTP moves a clock by some seconds, and a machine that sleeps is not one whose clock jumps."""
    async with await Journal.open(url) as journal:
        for seconds, passed in ((4, 1), (-4, 1), (0, 86_400 * 3)):
            machine.set(seconds=seconds)
            machine.passed += passed
            assert (await journal.look()).doubt is None


@pytest.mark.proof
async def test_a_day_without_a_jump_ends_the_doubt(url, machine, monkeypatch):
    """Counted while somebody looks; another jump begins it anew; what nobody saw does not count.

    In the short form the day has twenty minutes.
    """
    assert state._STEADY == 86_400
    day = form(1200, 86_400)
    monkeypatch.setattr(state, "_STEADY", day)
    async with await Journal.open(url) as journal:
        machine.set(days=1)
        machine.passed += 1
        left = (await journal.look()).doubt_left
        for _ in range(10):
            machine.passed += 60
            standing_ = await journal.look()
        assert standing_.doubt_left == pytest.approx(left - 600)
        machine.set(days=-1)
        machine.passed += 1
        assert (await journal.look()).doubt_left == left
        machine.passed += 7200
        assert (await journal.look()).doubt_left == pytest.approx(left - 60)
        for _ in range(day // 60):
            machine.passed += 60
            standing_ = await journal.look()
        assert (standing_.doubt, standing_.era) == (None, 1)


async def test_what_was_stamped_in_the_future_does_not_wait_for_it(url, make, machine):
    """A clock a day ahead is put right: parked lookups and dossiers come due after their own pause, not after a day."""
    machine.set(days=1)
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new(at=clocks.wall()), owner="me")
        await journal.look()
        soon = journal.now() + timedelta(seconds=60)
        await journal.post(keeping.Keep(one.appeal_id, make.state(), owner="me"))
        await end(journal, one, receivers=["out"], due_at=soon)
        machine.set(days=-1)
        machine.passed += 10
        assert (await journal.look()).doubt == "jumped"
        assert len(await journal.ask(deliveries.undelivered, "out", journal.now(), 10)) == 1
        assert await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60)) == []
    async with await Journal.open(url) as journal:
        await journal.trust_clock()
        assert abs(journal.now() - clocks.wall()) < timedelta(seconds=1)
        assert len(await journal.ask(deliveries.undelivered, "out", journal.now(), 10)) == 1
        assert await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60)) == []
        machine.passed += 60
        assert [
            case.appeal_id for case in await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60))
        ] == [one.appeal_id]


async def test_what_dead_workers_had_is_worked_whatever_the_clock_says(url, make, machine):
    """A bus that dies and starts again under a clock that is ahead takes its suspects at once, not in 400 days."""
    async with await Journal.open(url) as journal:
        await journal.accept(make.new("a", at=clocks.wall()), owner="dead")
        await journal.accept(make.new("b", at=clocks.wall()), owner="dead")
        await journal.look()
    machine.set(days=400)
    async with await Journal.open(url) as journal:
        await claiming.bury(journal, "dead")
        (case,) = await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60))
        machine.set(days=-400)
        machine.passed += 1
        await journal.look()
        await journal.trust_clock()
        await journal.do(leases.Release("me"))
        assert await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60)) == [case]


async def test_a_suspect_that_waits_by_a_clock_that_was_ahead_is_due_earlier(url, make, machine):
    """Its pause is some seconds, whatever is done to the clock meanwhile."""
    machine.set(days=1)
    async with await Journal.open(url) as journal:
        await journal.accept(make.new("a", at=clocks.wall()), owner="dead")
        await journal.look()
        await claiming.bury(journal, "dead")
        await claiming.claim(journal, claiming.Claim("dead", journal.now(), 10, 60))
        await claiming.bury(journal, "dead")
        assert await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60)) == []
        machine.set(days=-1)
        machine.passed += 1
        await journal.look()
        await journal.trust_clock()
        machine.passed += 30
        assert len(await claiming.claim(journal, claiming.Claim("me", journal.now(), 10, 60))) == 1


async def test_what_is_resent_or_follows_one_that_waits_alone_goes_out(url, make, machine):
    """A person's word and a receiver's refusal count from the journal's clock, as all that is due does."""
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new(at=clocks.wall()))
        await end(journal, one, receivers=["out"], due_at=journal.now())
        await end(journal, one, receivers=["out"], version=2)
        machine.set(days=400)
        machine.passed += 1
        await journal.look()
        (first,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        await journal.do(delivering.GivenUp([(first.delivery_id, "refused")]))
        assert [row.version for row in await journal.ask(deliveries.undelivered, "out", journal.now(), 10)] == [2]
        await journal.do(delivering.Resend(one.receipt.number))
        assert [row.version for row in await journal.ask(deliveries.undelivered, "out", journal.now(), 10)] == [1]


async def test_another_process_hears_that_the_clock_was_accepted(url, machine):
    """The bus goes on by the machine's clock, and does not take that for another jump."""
    async with await Journal.open(url) as bus, await Journal.open(url) as command:
        machine.set(days=400)
        machine.passed += 1
        assert (await bus.look()).doubt == "jumped"
        await command.trust_clock()
        machine.passed += 1
        assert (await bus.look()).doubt is None
        assert abs(bus.now() - clocks.wall()) < timedelta(seconds=1)


async def test_all_workers_see_one_jump_of_the_database(url, machine):
    """Each notices it, and the journal's clock is held back once."""
    async with await Journal.open(url) as one, await Journal.open(url) as other:
        machine.set(hours=3)
        machine.passed += 1
        for journal in (one, other, one):
            assert (await journal.look()).behind == pytest.approx(3 * 3600, abs=1)


async def end(journal, accepted, receivers=(), due_at=None, version=1):
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=version,
            completeness=Completeness.PARTIAL if due_at else Completeness.COMPLETE,
            receivers=receivers,
            due_at=due_at,
        )
    )
