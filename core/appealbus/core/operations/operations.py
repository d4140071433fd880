"""Operations: a selection is frozen and shown; who confirms its hash has it carried out, part after part."""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from appealbus.core.domain.feed import FeedEntry
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.operation import Frozen, Operation, OperationRow, Order, Progress
from appealbus.core.domain.selection import DeliverySelection, HistorySelection, Selection
from appealbus.core.errors import AppealBusError
from appealbus.core.journal.deliveries.deliveries import DeliveryRow
from appealbus.core.journal.journal import Journal

MOST = 1_000_000
"""Rows of one operation: more are 8 MB of ids, and hardly what somebody meant."""
SAMPLE = 10
_LOOKED_AT = 1000
"""Operations that may begin while somebody looks at a preview."""


class SelectionChanged(AppealBusError):
    """What is selected is not what was confirmed.

    Attributes:
        frozen: what is selected now.

    """

    def __init__(self, frozen: Frozen) -> None:
        super().__init__(
            "the selection is another one by now, and nothing is done: look at it again, and confirm its new hash"
        )
        self.frozen = frozen


class TooMany(AppealBusError):
    """More rows are selected than one operation takes."""

    def __init__(self) -> None:
        super().__init__(f"more than {MOST:,} rows are selected; say more of them, such as a kind or a date")


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would be about."""

    frozen: Frozen
    appeals: Sequence[AppealRow] = ()
    """Some of them, from the first to the last."""
    deliveries: Sequence[DeliveryRow] = ()
    versions: Sequence[FeedEntry] = ()
    under_way: Sequence[OperationRow] = ()
    """Operations that were begun and are not finished: somebody carries them out now, or was stopped."""
    newest: int = 0
    """The newest operation there is: what begins later is `begun` for whoever looks now."""


async def freeze(
    journal: Journal,
    order: Order,
    selection: Selection | DeliverySelection | HistorySelection,
    within: Callable[[str | None, str | None], bool] | None = None,
) -> Frozen:
    """Return what is selected now, to be looked at and to be done.

    A release is about what is held, whatever else is said.

    Args:
        journal: the journal.
        order: what is to be done.
        selection: to what.
        within: says of the place and the kind of an appeal whether it may be meant. None: all may.

    Raises:
        TooMany: it is more than one operation takes.
        CursorRefused: nobody can go on from the place in the log without missing anything.

    """
    if isinstance(selection, HistorySelection):
        ids = await journal.versions_for(selection.receiver, selection.after, MOST)
    elif isinstance(selection, DeliverySelection):
        ids = await journal.selected_deliveries(selection, MOST)
    else:
        if order.operation is Operation.RELEASE and selection.state is None:
            selection = replace(selection, state=AppealState.HELD)
        ids = await journal.selected(selection, MOST, within)
    if len(ids) > MOST:
        raise TooMany
    return Frozen(order, ids, selection.told() | ({} if within is None else {"within": "own scopes"}))


async def preview(journal: Journal, frozen: Frozen) -> Preview:
    """Return some of what was frozen."""
    last = await journal.newest_operations(limit=1)
    some, under_way, newest = _sample(frozen.ids), await journal.operations(), last[0].id if last else 0
    found = Preview(frozen, under_way=under_way, newest=newest)
    if frozen.order.operation is Operation.RESEND:
        return replace(found, deliveries=await journal.deliveries_by_id(some))
    if frozen.order.operation is Operation.HISTORY:
        return replace(found, versions=await journal.versions_at(some))
    return replace(found, appeals=await journal.appeals_by_id(some))


async def begin(
    journal: Journal, frozen: Frozen, confirmed: str, *, reason: str, purpose: str = "", newest: int | None = None
) -> Progress:
    """Begin what was confirmed; it is on record, and nothing is done yet.

    Args:
        journal: the journal; the person is who writes.
        frozen: what is selected now.
        confirmed: the hash that the person has seen.
        reason: why.
        purpose: why somebody is looked for; empty where nobody is.
        newest: of the preview: what has begun since with the same hash is the same, and is not begun again.

    Raises:
        SelectionChanged: the hash that was confirmed is not that of what is selected now.

    """
    if confirmed != frozen.hash:
        raise SelectionChanged(frozen)
    return await journal.begin_operation(frozen, reason=reason, purpose=purpose, newest=newest)


async def begun(journal: Journal, confirmed: str, newest: int) -> OperationRow | None:
    """Return the operation with this hash that somebody has begun since a preview; None where nobody has.

    Whoever confirms twice is led to it, though what is selected is something else by now.
    """
    since = [row for row in await journal.newest_operations(limit=_LOOKED_AT) if row.id > newest]
    return next((row for row in reversed(since) if row.hash == confirmed), None)


async def carry_out(journal: Journal, mark: str) -> AsyncGenerator[Progress, None]:
    """Carry out what has begun, and yield how far it is after each part.

    Who is cancelled leaves a whole number of parts done, of which all have been yielded but perhaps the last one; the
    same call goes on with the rest, in whatever process.

    Raises:
        JournalError: with the code `unknown_operation` where no such operation is under way.

    """
    finished = False
    while not finished:
        part = asyncio.ensure_future(journal.go_on(mark))
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
