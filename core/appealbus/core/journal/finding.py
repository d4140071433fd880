"""The part of the journal that finds what a selection means."""

from array import array
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from appealbus.core.domain.event import Cursor
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import NOWHERE, Found, Place, Selection
from appealbus.core.journal import codec, feed, figures
from appealbus.core.journal.appeals import lists, selecting
from appealbus.core.journal.appeals.candidates import Search, by_id
from appealbus.core.journal.asking import asks
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries import receivers as receiver_reads
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.deliveries.receivers import DeliveryOfAppeal
from appealbus.core.journal.deliveries.receivers import Page as DeliveryPage
from appealbus.core.journal.reader import JournalReader

_IDS = 2**63
"""Behind all ids that a database has."""
_SIFTED = 1000
"""Appeals that are read at once where only some are seen: with fewer, a page that others fill takes many reads."""


class Finder(JournalReader):
    async def find(
        self,
        selection: Selection,
        after: Place = NOWHERE,
        limit: int = 100,
        *,
        steps: int | None = None,
        sees: Callable[[AppealRow], bool] | None = None,
    ) -> Found:
        """Return a page of the appeals that are selected, by id.

        Of a source or a date the most urgent come first, of a receiver what waits longest, of what is parked what is
        due next.

        Args:
            selection: which appeals.
            after: the place behind which the page begins, as a page before has told it.
            limit: the most appeals; there are fewer on the last page alone.
            steps: of some thousand appeals each, the most that are looked through; then the page comes short. None:
                as many as it takes.
            sees: whether an appeal is one that whoever asks may see. Others count nowhere: else a page that comes
                short, or a next one, would tell that there are some. None: all are.

        Raises:
            ValueError: the place is one of a list in another order.
            ConfigError: somebody is named, and the journal's key is not there, or not its own.
            Outlived: somebody is named, and the journal gets another key, or has another one than this process.

        """
        if after != NOWHERE and (after.first is None) != by_id(selection):
            raise ValueError("it comes from a list in another order")
        found: list[tuple[AppealRow, Place]] = []
        at: Place | None = after
        taken = 0
        # Not in one read: each step is short, and a reader that stands still for seconds would hold up the others.
        # Of some one more than there is room for: by that alone a next page may follow.
        most = limit if sees is None else limit + 1
        while at is not None and len(found) < most and (steps is None or taken < steps):
            taken += 1
            size = limit - len(found) if sees is None else _SIFTED
            rows, at = await self._read(partial(self._step, selection, at, size))
            found += [each for each in rows if sees is None or sees(each[0])]
        if len(found) > limit:
            del found[limit:]
            at = found[-1][1]
        return Found([row for row, _ in found], [place for _, place in found], at)

    async def selected(
        self, selection: Selection, most: int, within: Callable[[str | None, str | None], bool] | None = None
    ) -> "array[int]":
        """Return the ids of all that is selected, in their order: up to one more than `most`.

        With `within` only those of which it says so, by their place and kind.
        """

        def read(connection: Connection) -> "array[int]":
            search = Search.of(connection, selection, self._marks(connection, selection))
            return selecting.ids_of(search, most, within)

        return await self._read(read)

    appeals_by_id = asks(lists.rows_of)
    confirmed = asks(deliveries.confirmed)
    selected_deliveries = asks(deliveries.confirmed_ids)
    deliveries_by_id = asks(deliveries.by_id)
    receivers = asks(receiver_reads.receivers)

    async def deliveries_to(
        self, receiver: str, state: DeliveryState, after: Place = NOWHERE, limit: int = 100
    ) -> DeliveryPage:
        """Return a page of what waits for a receiver, of what it refused, or of what it confirmed last.

        Raises ValueError if the place comes from a list in another order.
        """
        fits = (after.first is None) == (state is DeliveryState.ALONE) and after.id < _IDS
        if after != NOWHERE and not fits:
            raise ValueError("it comes from a list in another order")
        return await self._read(lambda connection: receiver_reads.page(connection, receiver, state, after, limit))

    async def delivery(self, delivery_id: int) -> DeliveryOfAppeal | None:
        found = await self._read(lambda connection: receiver_reads.of_appeals(connection, [delivery_id]))
        return found[0] if found else None

    past_handovers = asks(figures.past_handovers)

    async def versions_for(self, receiver: str, after: Cursor | None, most: int) -> "array[int]":
        """Return the positions of the versions that a receiver can still get: up to some more than `most`.

        It can get a version where it has none that is as new, on its way or delivered.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything.

        """
        found = array("q")
        left = True
        while left and len(found) <= most:
            read = partial(feed.lacked, receiver=receiver, after=after)
            positions, after, left = await self._read(read)  # not all in one read, which others would wait for
            found.extend(positions)
        return found

    versions_at = asks(feed.at)

    def _step(
        self, selection: Selection, after: Place, limit: int, connection: Connection
    ) -> tuple[list[tuple[AppealRow, Place]], Place | None]:
        search = Search.of(connection, selection, self._marks(connection, selection), after)
        rows, at = selecting.appeals(search, limit)
        return [(codec.appeal_from_row(row), selecting.place(selection, row)) for row in rows], at

    def _marks(self, connection: Connection, selection: Selection) -> list[bytes]:
        if not selection.named:
            return []
        key = self._key_now(connection)
        return [key.mark(kind, identifier) for kind, identifier in selection.named]
