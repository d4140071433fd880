"""Deleting what is past its time: in small transactions, so that others go on meanwhile."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Connection

from appealbus.core.journal import expired, replies
from appealbus.core.journal.expired import Ages
from appealbus.core.journal.writer import Item, Run, Writer
from appealbus.core.journal.writes import pruning, superseding

Read: TypeAlias = Callable[[Callable[[Connection], Any]], Awaitable[Any]]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def prune(writer: Writer, read: Read, ages: Ages, now: datetime, by: str) -> dict[str, int]:
    """Delete what is past its time; return how much, by what it is.

    Args:
        writer: of the journal.
        read: asks something of the journal.
        ages: what is past its time.
        now: by the journal's clock.
        by: who deletes, for the log.

    """
    gone = {
        "appeals": await _appeals(writer, ages.done, by),
        "quarantine": await all_of(writer, pruning.prune_quarantine, pruning.Old(ages.done, by)),
        "replies": await all_of(writer, replies.prune, replies.Old(now, ages.replies, by)),
    }
    if ages.access is not None:
        gone["access"] = await all_of(writer, pruning.prune_access, pruning.Old(ages.access, by))
    if ages.versions is not None:
        gone["versions"] = await _versions(writer, read, ages.versions, by)
    if ages.log is not None:
        gone["log"] = await prune_log(writer, ages.log, by)
    return gone


async def _versions(writer: Writer, read: Read, before: datetime, by: str) -> int:
    """Delete superseded versions. They are looked for beside the writer: most that were found once are gone."""
    total, after = 0, None
    while page := await read(partial(expired.superseding, before=before, after=after)):
        after = page[-1][2], page[-1][0]
        found = await read(partial(expired.with_older, versions=page))
        if found:
            total += await writer.submit(superseding.prune_versions, superseding.Superseded(found, before, by))
    return total


async def _appeals(writer: Writer, before: datetime, by: str) -> int:
    """Delete appeals that have been idle and fully delivered since; each batch goes on where the last one ended."""
    total, last = 0, _BEGINNING
    while True:
        pruned = await writer.submit(pruning.prune_appeals, pruning.Idle(before, last, by))
        if not pruned.count:
            return total
        total, last = total + pruned.count, pruned.last


async def prune_log(writer: Writer, before: datetime, by: str) -> int:
    """Delete the beginning of the log, batch after batch; what is noted of that is not looked at any more."""
    total, gone = 0, pruning.ENTRIES
    while gone == pruning.ENTRIES:
        gone = await writer.submit(pruning.prune_log, pruning.Old(before, by))
        total += gone
    return total


async def all_of(writer: Writer, run: Run[Item, int], item: Item) -> int:
    """Delete batch after batch, until nothing is left; return how much that was."""
    total = 0
    while gone := await writer.submit(run, item):
        total += gone
    return total
