"""Quotas are exact over all who take, and a clock that goes back gives no second one; pauses are in the log."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core.domain.pauses import Pause, Period, Quota, QuotaCall, QuotaWish
from appealbus.core.journal import events, log, pauses, waiting
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness

NOON = datetime(2026, 11, 24, 7, tzinfo=UTC)  # noon in Kazakhstan
MIDNIGHT = datetime(2026, 11, 24, 19, tzinfo=UTC)
QUOTA = Quota({Period.DAY: 10, Period.MONTH: 15}, 0.25)


def wish(now=NOON, *, urgent=True, quota=QUOTA):
    return QuotaWish("s", quota, urgent, now)


async def taken(journal, count, now=NOON, *, urgent=True):
    answers = [await journal.do(pauses.TakeQuota(wish(now, urgent=urgent))) for _ in range(count)]
    return sum(each.again_at is None for each in answers), answers[-1]


async def test_never_more_than_the_quota_and_a_part_is_kept_for_the_urgent(journal):
    """Ten a day, of which three are kept; fifteen a month; each refusal says when it begins anew."""
    assert (await taken(journal, 9, urgent=False))[0] == 7
    count, last = await taken(journal, 5)
    assert (count, last.again_at, last.period, last.left) == (3, MIDNIGHT, "day", {"day": 0, "month": 5})
    count, last = await taken(journal, 9, MIDNIGHT)
    assert (count, last.again_at, last.period) == (5, datetime(2026, 11, 30, 19, tzinfo=UTC), "month")


async def test_a_clock_that_goes_back_gives_no_second_quota(journal):
    """What began later goes on being counted; when its time really comes, only the rest of it is there."""
    assert (await taken(journal, 10))[0] == 10
    assert (await taken(journal, 1, MIDNIGHT))[0] == 1
    count, last = await taken(journal, 12, NOON)
    assert (count, last.again_at) == (4, datetime(2026, 11, 30, 19, tzinfo=UTC))  # fifteen of the month
    assert (await taken(journal, 1, MIDNIGHT + timedelta(hours=3)))[0] == 0


async def test_a_call_that_did_not_leave_is_there_again(journal):
    """In the periods that it was counted in: what is over, or was never counted, gives nothing to later ones."""
    calls = [QuotaCall("s", (await journal.do(pauses.TakeQuota(wish()))).counted) for _ in range(10)]
    assert calls[0].counted.keys() == {"day", "month"}
    await asyncio.gather(*(journal.do(pauses.ReturnQuota(call)) for call in calls[:2]))
    assert (await taken(journal, 5))[0] == 2
    assert (await taken(journal, 1, MIDNIGHT))[0] == 1
    await journal.do(pauses.ReturnQuota(calls[2]))
    assert (await taken(journal, 9, MIDNIGHT))[0] == 5  # fifteen of the month, of which one has come back
    await journal.do(pauses.ReturnQuota(QuotaCall("other", calls[3].counted)))


async def test_two_workers_at_once_share_one_quota(journal_database):
    """Over two connections to PostgreSQL exactly as many calls are given as there are."""
    async with await Journal.open(journal_database) as one, await Journal.open(journal_database) as two:
        wishes = [each.do(pauses.TakeQuota(wish())) for _ in range(20) for each in (one, two)]
        answers = await asyncio.gather(*wishes)
    assert sum(each.again_at is None for each in answers) == 10


FIRSTS = Quota({Period.DAY: 40}, 0.0, 0.25)
MORNING = datetime(2026, 11, 23, 19, tzinfo=UTC)


async def had(journal, count, now, *, first, quota=FIRSTS, urgent=False):
    wishes = [QuotaWish("s", quota, urgent, now, first) for _ in range(count)]
    answers = [await journal.do(pauses.TakeQuota(each)) for each in wishes]
    return sum(each.again_at is None for each in answers), answers[-1]


async def test_a_quarter_is_kept_for_first_versions_and_given_free_as_the_day_passes(journal):
    """However many return; each refusal says when the next call comes free. The last ones lie idle for nobody."""
    count, last = await had(journal, 50, MORNING, first=False)
    assert (count, last.period, last.ends, last.left) == (30, "day", MIDNIGHT, {"day": 10})
    assert last.pace == timedelta(hours=21) / 10
    assert last.again_at == MORNING + last.pace
    assert (await had(journal, 9, last.again_at, first=False))[0] == 1
    assert (await had(journal, 4, last.again_at, first=True))[0] == 4
    # Thirty-five are taken: before five pauses have passed, none is free for what returns.
    assert (await had(journal, 1, MORNING + 5.9 * last.pace, first=False))[0] == 0
    assert (await had(journal, 9, MORNING + timedelta(hours=21), first=False))[0] == 5


async def test_first_versions_use_what_nobody_else_has_asked_for(journal):
    """All of it, at any time, but for what is kept for urgent ones."""
    assert (await had(journal, 50, MORNING, first=True))[0] == 40
    kept = Quota({Period.DAY: 40}, 0.5, 0.25)
    assert (await had(journal, 50, MIDNIGHT, first=False, quota=kept))[0] == 15
    assert (await had(journal, 50, MIDNIGHT, first=True, quota=kept))[0] == 5
    assert (await had(journal, 50, MIDNIGHT, first=False, urgent=True, quota=kept))[0] == 10
    assert (await had(journal, 50, MIDNIGHT, first=True, urgent=True, quota=kept))[0] == 10


@pytest.mark.parametrize("month", range(1, 13))
def test_months_follow_each_other(month):
    """A month ends where the next one begins, in December too."""
    begins = Period.MONTH.begins(datetime(2026, month, 15, tzinfo=UTC))
    ends = Period.MONTH.ends(begins)
    assert (ends.day, ends.hour, ends.month) == (1, 0, month % 12 + 1)
    assert Period.MONTH.begins(ends) == ends
    assert Period.MONTH.begins(ends - timedelta(seconds=1)) == begins


async def test_a_pause_is_kept_with_who_and_why_and_names_what_is_in_danger(journal, make):
    """Orders follow each other, end once, and are in the log; open appeals that wait for the source are listed."""
    due = NOON.date()
    for n in range(5):
        new = await journal.accept(make.new(f"m{n}", due_on=due + timedelta(n)))
        given = {"dossier": b"{}", "version": 1, "completeness": Completeness.PARTIAL, "due_at": make.later(9e6)}
        await journal.conclude(Conclusion(new.appeal_id, waits_for=("r", "s") if n else ("r",), **given))
    await journal.accept(make.new("new", due_on=due))
    found, count = await journal.ask(waiting.endangered, "s", ["complaint"], due + timedelta(2), 2)
    assert (count, [each.due_on for each in found]) == (3, [due, due + timedelta(1)])
    assert (await journal.ask(waiting.endangered, "s", [], due + timedelta(2), 9))[1] == 2

    for reason in ("first", "second"):
        await journal.do(pauses.Pausing(Pause("s", NOON, NOON + timedelta(hours=1), reason, "olga")))
    assert (await journal.ask(pauses.news)).pauses["s"].reason == "second"
    assert await journal.do(pauses.EndPauses()) == ["s"]  # its time was over long ago
    assert await journal.do(pauses.EndPauses()) == []
    assert not await journal.do(pauses.Resuming("s", by="olga"))
    assert (await journal.ask(pauses.news)).back_at.keys() == {"s"}
    await journal.do(events.Placing())
    entries = (await journal.ask(log.page, limit=100)).entries
    words = [(each.what, each.actor) for each in entries if each.about == "s"]
    assert words == [("paused", "person:olga")] * 2 + [("resumed", "bus")]
