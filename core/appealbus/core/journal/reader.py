"""The part of the journal that reads: in threads of its own, so that nothing blocks the event loop or the writer."""

import asyncio
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from appealbus.core.domain.document import Version
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import NOWHERE, AppealsFound, ListPosition, Selection
from appealbus.core.errors import JournalError
from appealbus.core.fair_share import FairShare, requester
from appealbus.core.journal import documents, feed
from appealbus.core.journal.appeals import selecting
from appealbus.core.journal.appeals.candidates import by_id
from appealbus.core.journal.deliveries import receivers
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.deliveries.receivers import Page as DeliveryPage
from appealbus.core.journal.key import KEY, JournalKey, KeyFile, key_of
from appealbus.core.journal.store import READERS, as_journal_error
from appealbus.core.packing import unpack

P = ParamSpec("P")
T = TypeVar("T")

_IDS = 2**63
"""Behind all ids that a database has."""
_SIFTED = 1000
"""Appeals that are read at once where only some are seen: with fewer, a page that others fill takes many reads."""


class JournalReader:
    """What can be asked of a journal."""

    def __init__(self, readers: Engine, key: KeyFile | JournalKey) -> None:
        self._key = key
        self._readers = readers.execution_options(**{KEY: self._key_of})
        # On PostgreSQL a transaction costs as much as two small questions.
        shared = readers.dialect.name == "postgresql"
        self._unbound = self._readers.execution_options(isolation_level="AUTOCOMMIT") if shared else self._readers
        # Threads of their own: where the database is slow to answer, all else that needs a thread goes on.
        self._threads = ThreadPoolExecutor(READERS, "journal-reader")
        self._share = FairShare(READERS, spread=READERS - 1)
        self._open = True

    async def ask(self, question: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the journal, for example `ask(lists.appeals, after=5)`.

        A question sees the journal at one moment, unless it is `single`. Lists are paged by key: pass the last id that
        you got as `after`.
        """
        if not self._open:
            raise JournalError("the journal is closed", "closed")
        engine, who = self._unbound if hasattr(question, "single") else self._readers, requester.get()
        await self._share.wait(who)
        try:
            asked = self._threads.submit(self._query, engine, lambda reading: question(reading, *args, **kwargs))
        except BaseException:  # it was closed meanwhile
            self._share.give_back(who)
            raise
        try:
            return await asyncio.wrap_future(asked)
        finally:
            if asked.done():
                self._share.give_back(who)
            else:  # nobody waits for it any more, and its thread goes on
                asked.add_done_callback(partial(self._ended, asyncio.get_running_loop(), who))

    def _ended(self, loop: asyncio.AbstractEventLoop, who: str, asked: object) -> None:
        with suppress(RuntimeError):  # the loop may be closed
            loop.call_soon_threadsafe(self._share.give_back, who)

    def _query(self, engine: Engine, query: Callable[[Connection], T], tries: int = 2) -> T:
        driver = engine.dialect.loaded_dbapi.Error
        try:
            with engine.connect() as connection:
                try:
                    return query(connection)
                except driver as error:  # of a statement that went past SQLAlchemy (`direct`)
                    lost = engine.dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
                    if lost:
                        connection.invalidate()
                    if not lost or tries <= 1:
                        raise as_journal_error(error) from None
            return self._query(engine, query, tries - 1)
        except SQLAlchemyError as error:
            # That a connection was lost since it was last used is only learnt by using it.
            if tries > 1 and isinstance(error, DBAPIError) and error.connection_invalidated:
                return self._query(engine, query, tries - 1)
            raise as_journal_error(error) from None
        except ValueError:
            raise JournalError("the journal failed: what is kept there is damaged", "unreadable") from None

    def _key_of(self, connection: Connection) -> JournalKey:
        """Return the journal's key, which is read when it is first needed."""
        if isinstance(self._key, KeyFile):
            self._key = self._key.of_journal(connection)
        return self._key

    async def keyed(self) -> JournalKey:
        """Return the journal's key. Raises ConfigError if it is missing or wrong."""
        return await self.ask(key_of)

    async def version(self, appeal_id: int, version: int) -> Version | None:
        """Return a version without its documents; None if there is none. ValueError: it is damaged."""
        kept = await self.ask(documents.version, appeal_id, version)
        # Not in the read, which would fail as the journal does: a case fails alone.
        return None if kept is None else replace(kept, skeleton=unpack(kept.skeleton))

    async def find(
        self,
        selection: Selection,
        after: ListPosition = NOWHERE,
        limit: int = 100,
        *,
        steps: int | None = None,
        sees: Callable[[AppealRow], bool] | None = None,
    ) -> AppealsFound:
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
        entries: list[tuple[AppealRow, ListPosition]] = []
        at: ListPosition | None = after
        taken = 0
        # Not in one read: each step is short, and a reader that stands still for seconds would hold up the others.
        # Of some one more than there is room for: by that alone a next page may follow.
        most = limit if sees is None else limit + 1
        while at is not None and len(entries) < most and (steps is None or taken < steps):
            taken += 1
            size = limit - len(entries) if sees is None else _SIFTED
            rows, at = await self.ask(selecting.step, selection, at, size)
            entries += [entry for entry in rows if sees is None or sees(entry[0])]
        if len(entries) > limit:
            del entries[limit:]
            at = entries[-1][1]
        return AppealsFound([row for row, _ in entries], [place for _, place in entries], at)

    async def deliveries_to(
        self, receiver: str, state: DeliveryState, after: ListPosition = NOWHERE, limit: int = 100
    ) -> DeliveryPage:
        """Return a page of what waits for a receiver, of what it refused, or of what it confirmed last.

        Raises ValueError if the place comes from a list in another order.
        """
        fits = (after.first is None) == (state is DeliveryState.ALONE) and after.id < _IDS
        if after != NOWHERE and not fits:
            raise ValueError("it comes from a list in another order")
        return await self.ask(receivers.page, receiver, state, after, limit)

    async def versions_for(self, receiver: str, after: Cursor | None, most: int) -> "array[int]":
        """Return the positions of the versions that a receiver can still get: up to some more than `most`.

        It can get a version where it has none that is as new, on its way or delivered.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything.

        """
        versions = array("q")
        left = True
        while left and len(versions) <= most:
            # Not all in one read, which others would wait for.
            positions, after, left = await self.ask(feed.lacked, receiver, after)
            versions.extend(positions)
        return versions
