"""The journal, as the rest of the bus sees it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from appealbus.core.config.types import Secret
from appealbus.core.journal import store
from appealbus.core.journal.clients import Clients
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.key import KeyFile
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.named_views import NamedViews
from appealbus.core.journal.operating import Operating
from appealbus.core.journal.outgoing import Delivering
from appealbus.core.journal.renewing import Renewing
from appealbus.core.journal.rows import JournalState
from appealbus.core.journal.schema import Tell
from appealbus.core.journal.sketching import Sketching
from appealbus.core.journal.taking import Taking
from appealbus.core.journal.upkeep import Upkeep
from appealbus.core.journal.working import Working
from appealbus.core.journal.writer import Writer
from appealbus.core.journal.writes import accepting, changing, concluding, journal_state, leaving

_ENDING = 3.0
"""Seconds that the threads of a journal behind a line have for their end before it is cut."""

_LEAVING = 3.0
"""Seconds that whoever has migrated the journal has to let others in."""

log = structlog.get_logger(__name__)


class Journal(Taking, Working, Delivering, Operating, Upkeep, Renewing, Sketching, Clients, NamedViews):
    """The durable record of everything. One object for each process; all methods are safe to call concurrently.

    What a method has returned is on disk, `keep` excepted. Every method raises JournalError where the disk or the
    database fails; then nothing of that one request is there. Reads are inherited from Reading.
    """

    _run_lock: RunLock | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        password: Secret | None = None,
        *,
        key: Path | KeyFile | None = None,
        number_prefix: str = "AB",
        read_only: bool = False,
        tell: Tell | None = None,
        ends_workers: bool = False,
    ) -> Self:
        """Open the journal at an SQLAlchemy URL, create and migrate it where needed.

        With `read_only` nothing is created, migrated or written.

        Args:
            url: `sqlite:///journal.db` or `postgresql://user@host/database`.
            password: of the role in PostgreSQL.
            key: the file of its key; None: beside an SQLite journal.
            number_prefix: what the numbers begin with that the journal gives.
            read_only: whether to read alone.
            tell: told how far a long migration is.
            ends_workers: whether workers of earlier releases end where it has to be migrated; else that is an error.

        Raises:
            ConfigError: the URL or the password is wrong, the file or the database is missing, the role lacks a
                right, a newer version wrote the journal, or its key is missing, wrong or open to others.
            JournalError: the file is no database, is damaged or cannot be opened; the database cannot be reached;
                somebody works the journal that has to be migrated.

        """
        secret = None if password is None else password.get
        opened = await asyncio.to_thread(
            store.open_store, url, secret, key=key, read_only=read_only, tell=tell, ends_workers=ends_workers
        )
        last = (concluding.conclude, changing.change, leaving.leave, accepting.accept)
        writer = None if opened.writing is None else Writer(opened, last)
        journal = cls(opened.reading, opened, writer, number_prefix)
        if writer is not None:
            try:
                await journal._first_look()
            except BaseException:
                await journal.close()
                raise
        return journal

    async def _first_look(self) -> None:
        """Look at the clock; whoever has just migrated the journal to our tables is about to leave."""
        ends = time.monotonic() + _LEAVING
        while True:
            try:
                standing = await self.look()
            except Superseded as error:
                if error.done or time.monotonic() > ends:
                    raise
                await asyncio.sleep(_LEAVING / 20)
            else:
                self._opened_in(standing)
                return

    def _opened_in(self, standing: JournalState) -> None:
        if self._opened.generation is not None:
            self._opened.generation.epoch = standing.epoch

    async def close(self) -> None:
        """Write what is queued and let go of everything. Idempotent.

        A database that does not answer is not waited for: after a few seconds the connections to it are cut.
        """
        self._open = False
        readers = asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        if self._opened.cut is None:
            # The readers first: the last connection to go moves the WAL into the file, and that must be the writer's.
            await readers
            self._readers.dispose()
            if self._writer is not None:
                await self._writer.close()
        else:
            all_ = (self._limiter, self._placer, self._writer)
            writers = [writer.close() for writer in all_ if writer is not None]
            ending = asyncio.gather(readers, *writers)
            if not (await asyncio.wait([ending], timeout=max(0.0, _ENDING - self.silent_for)))[0]:
                log.warning("journal.cut_off", writes=self.waiting_writes)
                self._opened.cut()
            await ending
        self._opened.close()
        if self._run_lock is not None:
            self._run_lock.release()
            self._run_lock = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def hold_run_lock(self) -> None:
        """Become the one process that works this journal, until closed; what a dead one had in work is suspect.

        Raises AlreadyRunning where another process holds it. On PostgreSQL many may work: nothing happens.
        """
        if self._opened.path is None or self._run_lock is not None:
            return
        self._run_lock = RunLock(self._opened.path)
        await self.bury(None)

    async def begin_epoch(
        self, epoch: int, beat: int, note: Callable[[JournalState], object] | None = None
    ) -> JournalState:
        """Begin an epoch later than this one and than the one given; nothing numbered from now on was ever so before.

        Args:
            epoch: the last one that anybody knows of.
            beat: the last sign of life that anybody knows of, of this journal before it was restored.
            note: told how the journal stands then, before anybody sees it and while nobody writes.

        """
        new = journal_state.Restored(epoch, beat, self.actor, note)
        begun = await self._write.submit(journal_state.begin_epoch, new)
        self._opened_in(begun)
        return await self.look()
