"""Operations on selections: freeze and preview, confirm by hash, carry out in parts."""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from appealbus.core.domain.event import FeedEntry
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.operation import Frozen, ItemResult, NotDone, Operation, OperationRow, Order, Progress
from appealbus.core.domain.selection import DeliverySelection, HistorySelection, Selection
from appealbus.core.errors import AppealBusError
from appealbus.core.journal import feed, operations
from appealbus.core.journal.appeals import lists, selecting
from appealbus.core.journal.deliveries import deliveries as journal_deliveries
from appealbus.core.journal.deliveries.deliveries import DeliveryRow
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.operations import Switch, newest, not_done, one, under_way

__all__ = ["Frozen", "NotDone", "Operation", "OperationRow", "Order", "Preview", "SelectionChanged", "Switch"]
__all__ += ["ItemResult", "TooMany"]
__all__ += ["begin", "begun", "carry_out", "freeze", "newest", "not_done", "one", "preview", "under_way"]

MOST = 1_000_000
"""Rows of one operation: more are 8 MB of ids, and probably a mistake."""
SAMPLE = 10
_LOOKED_AT = 1000


class SelectionChanged(AppealBusError):
    """The selection differs from the confirmed one; `frozen` is the current selection."""

    def __init__(self, frozen: Frozen) -> None:
        super().__init__(
            "the selection is another one by now, and nothing is done: look at it again, and confirm its new hash"
        )
        self.frozen = frozen


class TooMany(AppealBusError):
    """The selection exceeds the limit, `most`."""

    most = MOST

    def __init__(self) -> None:
        super().__init__(f"more than {MOST:,} rows are selected; say more of them, such as a kind or a date")


@dataclass(frozen=True, slots=True)
class Preview:
    frozen: Frozen
    appeals: Sequence[AppealRow] = ()
    """A sample, first to last."""
    deliveries: Sequence[DeliveryRow] = ()
    versions: Sequence[FeedEntry] = ()
    under_way: Sequence[OperationRow] = ()
    """Unfinished operations, running or stopped."""
    newest: int = 0
    """Newest operation at the time of the preview; see `begun`."""


async def freeze(
    journal: Journal,
    order: Order,
    selection: Selection | DeliverySelection | HistorySelection,
    within: Callable[[str | None, str | None], bool] | None = None,
) -> Frozen:
    """Return the current selection with its hash. A release always selects held appeals only.

    `within` decides by place and kind whether an appeal may be selected. Raises TooMany, or CursorRefused if log
    entries after the cursor are missing.
    """
    if isinstance(selection, HistorySelection):
        ids = await journal.versions_for(selection.receiver, selection.after, MOST)
    elif isinstance(selection, DeliverySelection):
        ids = await journal.ask(journal_deliveries.confirmed_ids, selection, MOST)
    else:
        if order.operation is Operation.RELEASE and selection.state is None:
            selection = replace(selection, state=AppealState.HELD)
        ids = await journal.ask(selecting.selected, selection, MOST, within)
    if len(ids) > MOST:
        raise TooMany
    return Frozen(order, ids, selection.told() | ({} if within is None else {"within": "own scopes"}))


async def preview(journal: Journal, frozen: Frozen) -> Preview:
    last = await journal.ask(operations.newest, limit=1)
    some, under_way, newest = _sample(frozen.ids), await journal.ask(operations.under_way), last[0].id if last else 0
    base = Preview(frozen, under_way=under_way, newest=newest)
    if frozen.order.operation is Operation.RESEND:
        return replace(base, deliveries=await journal.ask(journal_deliveries.by_id, some))
    if frozen.order.operation is Operation.HISTORY:
        return replace(base, versions=await journal.ask(feed.at, some))
    return replace(base, appeals=await journal.ask(lists.rows_of, some))


async def begin(
    journal: Journal, frozen: Frozen, confirmed: str, *, reason: str, purpose: str = "", newest: int | None = None
) -> Progress:
    """Record a confirmed operation; nothing is carried out yet.

    Args:
        confirmed: the hash seen by the person.
        purpose: of a search for a person; empty without one.
        newest: of the preview; a later operation with the same hash is returned instead of a second one.

    Raises:
        SelectionChanged: the hash does not match the current selection.
    """
    if confirmed != frozen.hash:
        raise SelectionChanged(frozen)
    return await journal.do(operations.Begin(frozen, reason=reason, purpose=purpose, newest=newest))


async def begun(journal: Journal, confirmed: str, newest: int) -> OperationRow | None:
    """Return the operation with this hash begun since a preview, if any, even if the selection has changed."""
    since = [row for row in await journal.ask(operations.newest, limit=_LOOKED_AT) if row.id > newest]
    return next((row for row in reversed(since) if row.hash == confirmed), None)


async def carry_out(journal: Journal, mark: str) -> AsyncGenerator[Progress, None]:
    """Carry out an operation, and yield the progress after each part.

    After cancellation all parts are either complete or untouched; the same call resumes in any process. JournalError
    `unknown_operation` if there is no such unfinished operation.
    """
    finished = False
    while not finished:
        part = asyncio.ensure_future(journal.do(operations.Go(mark)))
        try:
            progress = await asyncio.shield(part)
        except asyncio.CancelledError:
            await asyncio.wait([part])  # it is in the writer's hands, and its end is a moment away
            raise
        yield progress
        finished = progress.finished


def _sample(ids: "array[int]") -> list[int]:
    step = max(1, len(ids) // SAMPLE)
    return ids[::step][:SAMPLE].tolist()
