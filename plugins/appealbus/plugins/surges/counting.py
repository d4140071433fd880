"""Counts what is new in the journal: each appeal once, in the week in which it was accepted."""

from dataclasses import replace
from typing import Protocol

from appealbus.core import WeekCounts
from appealbus.plugins.surges.store import Counted, Store


class Countable(Protocol):
    """What of the journal is needed."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals behind an id."""


async def count_new(journal: Countable, journal_id: str, store: Store) -> None:
    """Count what has come since the last time.

    What was counted stays as it was: a change that moves an appeal to another category or place later moves no count,
    and what the journal deletes for its age stays counted. After a restore of the journal the ids of lost appeals are
    given anew, so all that it still holds is counted again, but for its oldest week, of which a part may be deleted.
    """
    done = store.counted(journal_id)
    while True:
        page = await journal.week_counts(done.upto)
        if done.epoch not in (0, page.epoch):
            oldest = (await journal.week_counts(0, 1)).rows
            store.begin_again(journal_id, Counted(page.epoch, 0, oldest[0].monday if oldest else None))
        else:
            store.count(journal_id, done, replace(done, epoch=page.epoch, upto=page.upto), page.rows)
        done = store.counted(journal_id)  # a command and the service may count at the same time
        if done.epoch == page.epoch and done.upto >= page.last:
            return
