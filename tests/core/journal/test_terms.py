"""Terms that move while nothing else of an appeal does."""

from datetime import date, timedelta

from appealbus.core.domain.counts import DueMoved
from appealbus.core.journal import log, terms
from appealbus.core.journal.appeals import lists

DAY = date(2026, 12, 1)


async def test_a_term_moves_from_the_day_that_was_seen_alone(journal, make):
    """What a change or a run has moved meanwhile stays; the log says who moved it, and nothing else is another."""
    accepted = await journal.accept(make.new("m1", due_on=DAY))
    before = await journal.ask(lists.appeal_row, accepted.receipt.number)
    later = DAY + timedelta(days=3)
    assert await journal.do(terms.Moving([DueMoved(accepted.appeal_id, DAY + timedelta(days=1), later)])) == 0
    assert await journal.do(terms.Moving([DueMoved(accepted.appeal_id, DAY, later)])) == 1
    after = await journal.ask(lists.appeal_row, accepted.receipt.number)
    assert (before.due_on, after.due_on, after.state) == (DAY, later, before.state)
    entries = await journal.ask(log.history, accepted.receipt.number)
    assert [(each.what, dict(each.detail)) for each in entries][1:] == [("term_moved", {"urgency": later.toordinal()})]


async def test_a_term_that_nobody_counts_any_more_is_none(journal, make):
    """And what has none can get one."""
    accepted = await journal.accept(make.new("m1", due_on=DAY))
    assert await journal.do(terms.Moving([DueMoved(accepted.appeal_id, DAY, None)])) == 1
    assert (await journal.ask(lists.appeal_row, accepted.receipt.number)).due_on is None
    assert await journal.do(terms.Moving([DueMoved(accepted.appeal_id, None, DAY)])) == 1
    assert (await journal.ask(lists.appeal_row, accepted.receipt.number)).due_on == DAY
