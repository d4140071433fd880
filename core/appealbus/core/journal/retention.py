"""Deleting what is past its time: in small transactions, so that others go on meanwhile."""

from datetime import UTC, datetime

from appealbus.core.journal.writer import Item, Run, Writer
from appealbus.core.journal.writes import pruning

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def prune(writer: Writer, before: datetime, access_before: datetime | None, by: str) -> dict[str, int]:
    """Delete appeals and replayed messages that are past it, and access rows if a time is given; say how many."""
    return {
        "appeals": await _appeals(writer, before, by),
        "quarantine": await all_of(writer, pruning.prune_quarantine, pruning.Old(before, by)),
        "access": 0
        if access_before is None
        else await all_of(writer, pruning.prune_access, pruning.Old(access_before, by)),
    }


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
