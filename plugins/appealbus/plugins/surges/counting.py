"""Counts what is new in the journal: each appeal once, in the week in which it was accepted."""

from typing import Protocol

from appealbus.core import WeekCounts
from appealbus.plugins.surges.store import Counted, Store
from appealbus.plugins.surges.threads import in_thread


class Countable(Protocol):
    """What of the journal is needed."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals behind an id."""


async def count_new(journal: Countable, journal_id: str, store: Store) -> None:
    """Count what has come since the last time.

    What was counted stays as it was: a change that moves an appeal to another category or place later moves no count,
    and what the journal deletes for its age stays counted. After a restore of the journal the ids of lost appeals are
    given anew, so all that it still holds is counted again, and no count gets smaller: which of the others were deleted
    for their age, and which were lost, nobody knows.
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
