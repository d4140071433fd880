"""Counts what is new in the journal: each appeal once, in the week in which it was accepted."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from appealbus.core import WeekCounts
from appealbus.plugins.surges.store import Counted, Store


class Countable(Protocol):
    """What of the journal is needed."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals behind an id."""


async def count_new(
    journal: Countable, journal_id: str, store: Store, tell: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Count what has come since the last time.

    What was counted stays as it was: a change that moves an appeal to another category or place later moves no count,
    and what the journal deletes for its age stays counted. After a restore of the journal the ids of lost appeals are
    given anew, so all that it still holds is counted again, but for its oldest week, of which a part may be deleted.

    Args:
        journal: the journal.
        journal_id: tells it from others.
        store: where counts are kept.
        tell: is told the last id counted, and the newest there is.

    """
    done = store.counted(journal_id)
    skipped: date | None = None
    while True:
        page = await journal.week_counts(done.upto)
        if done.epoch not in (0, page.epoch):
            done = Counted(page.epoch)
            oldest = await journal.week_counts(0, 1)
            skipped = oldest.rows[0].monday if oldest.rows else None
            store.begin_again(journal_id, done, skipped)
            continue
        done = Counted(page.epoch, page.upto)
        store.count(journal_id, done, tuple(row for row in page.rows if skipped is None or row.monday > skipped))
        tell(page.upto, page.last)
        if page.upto >= page.last:
            return
