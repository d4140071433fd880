"""The journal, as the rest of the bus sees it."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from appealbus.core import clocks
from appealbus.core.config.types import Secret
from appealbus.core.domain.client import Client, Credential
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.named_view import NamedView
from appealbus.core.domain.operation import Frozen, Progress
from appealbus.core.journal import clients, leaving, named_views, state, store
from appealbus.core.journal import operations as operating
from appealbus.core.journal.appeals import accepting, concluding
from appealbus.core.journal.changes import changing
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.key import KeyFile
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.renewing import Renewing
from appealbus.core.journal.schema import Tell
from appealbus.core.journal.taking import Delivering, Taking
from appealbus.core.journal.upkeep import Sketching, Upkeep
from appealbus.core.journal.working import Working
from appealbus.core.journal.writer import Writer
from appealbus.core.journal.writing import Writing


class NamedViews(Writing):
    async def keep_view(self, name: str, query: str) -> None:
        """Keep a view under a name. Raises JournalError: `view.known` or `view.too_many`."""
        view = NamedView(name, query, self.actor, self.now())
        await self._write.submit(named_views.keep, view)

    async def drop_view(self, name: str) -> bool:
        """Delete a view; False where there is none."""
        return await self._write.submit(named_views.drop, named_views.Dropping(name, self.actor))


class Operating(Writing):
    async def begin_operation(
        self, frozen: Frozen, *, reason: str, purpose: str = "", newest: int | None = None
    ) -> Progress:
        """Write down what a person has decided; nothing is done yet. One that was stopped goes on as it was.

        Args:
            frozen: what is to be done.
            reason: why.
            purpose: why somebody is looked for; empty where nobody is.
            newest: the newest operation that the person saw: the same one begun since is theirs, whoever began it,
                ended or not. None: only an unfinished one is.
        """
        item = operating.Begin(frozen, self.actor, reason, purpose, self.now(), newest)
        return await self._write.submit(operating.begin, item)

    async def go_on(self, mark: str) -> Progress:
        """Do the next part of an operation, in one transaction; it is on disk when this returns.

        Raises JournalError: `unknown_operation`, or `operation_stopped` by a person.
        """
        return await self._write.submit(operating.go, operating.Go(mark, self.actor, self.now(), clocks.wall()))

    async def stop_operation(self, mark: str, *, reason: str) -> bool:
        """Stop an operation before its next part; False if none is under way or it is stopped."""
        return await self._write.submit(operating.switch, operating.Switch(mark, False, self.actor, reason))

    async def resume_operation(self, mark: str, *, reason: str) -> bool:
        """Resume an operation that was stopped or abandoned; False if none is under way."""
        return await self._write.submit(operating.switch, operating.Switch(mark, True, self.actor, reason))


class Clients(Writing):
    async def add_client(self, client: Client, credential: Credential, digest: bytes) -> None:
        """Add a client with its first credential; `digest` is the SHA-256 of its token or certificate.

        Raises JournalError: `client.known` or `client.credential_known`, if the name or credential was ever in use.
        """
        await self._write.submit(clients.add, clients.NewClient(client, credential, digest, self.actor))

    async def add_person(self, client: Client) -> None:
        """Add a client that has shown elsewhere who it is, without a credential.

        Raises JournalError: `client.known`, if the name was ever in use.
        """
        await self._write.submit(clients.add, clients.NewClient(client, None, b"", self.actor))

    async def add_credential(
        self, name: str, credential: Credential, digest: bytes, old_until: datetime | None
    ) -> None:
        """Add a credential; the others end at `old_until` at the latest. None: they stay.

        Raises JournalError: `client.unknown`, `client.revoked` or `client.credential_known`.
        """
        item = clients.NewCredential(name, credential, digest, old_until, self.actor)
        await self._write.submit(clients.add_credential, item)

    async def revoke_client(self, name: str) -> bool:
        """Revoke a client with all its credentials for good; False if it is unknown or revoked."""
        return await self._write.submit(clients.revoke, clients.Revoking(name, None, self.now(), self.actor))

    async def revoke_credential(self, name: str, id: str) -> bool:
        """Revoke one credential of a client; False if it is unknown or revoked."""
        return await self._write.submit(clients.revoke, clients.Revoking(name, id, self.now(), self.actor))

    async def renew_credential(self, name: str, id: str, until: datetime) -> None:
        """Extend a valid credential. Not logged: each use of a session does this."""
        await self._write.submit(clients.renew, clients.Renewing(name, id, until))

    async def take_requests(self, client: str, minute: int, wanted: int, limit: int) -> int:
        """Take up to `wanted` requests of a client's `limit` in a minute since 1970; return how many it gets.

        All processes share the limit.
        """
        return await self._limits.submit(clients.take, clients.Wish(client, minute, wanted, limit))

    async def note_read(self, client: str, cursor: Cursor) -> None:
        """Note how far a client has read the feed; a cursor behind the noted one changes nothing."""
        await self._write.submit(clients.note_read, clients.Read(client, cursor, self.now()))


_ENDING = 3.0
"""Seconds that the threads of a journal behind a line have for their end before it is cut."""

_LEAVING = 3.0
"""Seconds that whoever has migrated the journal has to let others in."""

log = structlog.get_logger(__name__)


class Journal(Taking, Working, Delivering, Operating, Upkeep, Renewing, Sketching, Clients, NamedViews):
    """The durable record of everything. One object for each process; all methods are safe to call concurrently.

    What a method has returned is on disk, `keep` excepted. Every method raises JournalError where the disk or the
    database fails; then nothing of that one request is there. Reads are inherited from JournalReader.
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
        """Look at the clock; a process that has just migrated the journal is about to leave."""
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

        `epoch` and `beat` are the last known of this journal before it was restored. `note` gets the new state before
        anybody sees it and while nobody writes.
        """
        new = state.Restored(epoch, beat, self.actor, note)
        begun = await self._write.submit(state.begin_epoch, new)
        self._opened_in(begun)
        return await self.look()
