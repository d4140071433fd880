"""How the journal is asked: in threads of its own, so that nothing blocks the event loop or the writer."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from appealbus.core.errors import JournalError
from appealbus.core.fair_share import FairShare, requester
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.store import READERS, as_journal_error

P = ParamSpec("P")
T = TypeVar("T")


class Asking:
    def __init__(self, readers: Engine, key: KeyFile | JournalKey) -> None:
        self._readers = readers
        # On PostgreSQL a transaction costs as much as two small questions.
        shared = readers.dialect.name == "postgresql"
        self._unbound = readers.execution_options(isolation_level="AUTOCOMMIT") if shared else readers
        self._key = key
        # Threads of their own: where the database is slow to answer, all else that needs a thread goes on.
        self._threads = ThreadPoolExecutor(READERS, "journal-reader")
        self._share = FairShare(READERS, spread=READERS - 1)
        self._open = True

    async def _read(self, query: Callable[[Connection], T], *, together: bool = True) -> T:
        """Run a query; unless `together` is False it sees the journal at one moment."""
        if not self._open:
            raise JournalError("the journal is closed", "closed")
        engine, who = self._readers if together else self._unbound, requester.get()
        await self._share.wait(who)
        try:
            asked = self._threads.submit(self._query, engine, query)
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


def asks(
    query: Callable[Concatenate[Connection, P], T], *, together: bool = True
) -> Callable[Concatenate[Asking, P], Coroutine[Any, Any, T]]:
    @wraps(query)
    async def ask(journal: Asking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await journal._read(lambda connection: query(connection, *args, **kwargs), together=together)

    return ask
