"""Counts new appeals of the journal, each once, in the week of its acceptance."""

from typing import Protocol

from appealbus.core import WeekCounts
from appealbus.plugins.surges.store import Counted, Store
from appealbus.plugins.surges.threads import in_thread


class Countable(Protocol):
    """The part of the journal that is read."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals after an id."""


async def count_new(journal: Countable, journal_id: str, store: Store) -> None:
    """Count new appeals.

    Old counts are final: a later change of category or place moves no count, and appeals deleted by age stay counted. A
    restored journal gives ids of lost appeals anew, so all its appeals are counted again. No count decreases, as it is
    unknown which of the others were deleted by age and which were lost.
    """
    done = await in_thread(store.counted, journal_id)
    while True:
        page = await journal.week_counts(done.upto)
        if done.epoch not in (0, page.epoch):
            await in_thread(store.begin_again, journal_id, done, page.epoch)
        else:
            again = done.again and page.upto < page.last
            await in_thread(store.count, journal_id, done, Counted(page.epoch, page.upto, again), page.rows)
        done = await in_thread(store.counted, journal_id)  # a command and the service may count at the same time
        if done.epoch == page.epoch and done.upto >= page.last and not done.again:
            return
