"""The journal, as the rest of the bus sees it: two doors, and what takes more than a question or a write."""

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from sqlalchemy import Engine

from appealbus.core.config.types import Secret
from appealbus.core.domain.event import BUS
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal import limits, named_views, operations, pauses, state, store
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.accepting import Accepted, Arriving, NewAppeal
from appealbus.core.journal.appeals.concluding import Concluding, Conclusion
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.clock import Clock
from appealbus.core.journal.errors import ReadOnly, Superseded
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.mark import JournalState, Mark, Memory
from appealbus.core.journal.part_rows import NOTHING, Keeper
from appealbus.core.journal.reader import JournalReader
from appealbus.core.journal.schema import How, Tell
from appealbus.core.journal.writer import Writer
from appealbus.core.journal.writes import Posted, Write

R = TypeVar("R")

_SUBJECTS = (limits, named_views, operations, pauses)
"""Imported for their tables: whoever imports this module has all in `tables.metadata`."""
_ENDING = 3.0
"""Seconds that the threads of a journal behind a line have for their end before it is cut."""
_LEAVING = 3.0
"""Seconds that whoever has migrated the journal has to let others in."""

log = structlog.get_logger(__name__)


class Journal(JournalReader):
    """The durable record of everything. One object for each process; all methods are safe to call concurrently.

    What a method has returned is on disk, `post` excepted. Every method raises JournalError where the disk or the
    database fails; then nothing of that one request is there.
    """

    def __init__(
        self, readers: Engine, opened: store.OpenedDatabase, writer: Writer | None, number_prefix: str
    ) -> None:
        super().__init__(readers, opened.key)
        self._opened = opened
        self._writer = writer
        self.number_prefix = number_prefix
        """What the numbers begin with that the journal gives."""
        self.actor = BUS
        """Who writes, in the words of the log, where nobody else is known to."""
        self.keeper = Keeper()
        self.checkpoint: Checkpoint | None = None
        """What knows outside the journal how far it was; None: nothing does on this machine."""
        self._lanes: dict[str, Writer] = {}
        self._clock = Clock()
        self._run_lock: RunLock | None = None
        self.lacks_after = ""
        """Behind which combination of what is lacking the next claim looks; empty: all were looked at."""

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
        parts: Sequence[JournalPart] | None = (),
    ) -> Self:
        """Open the journal at an SQLAlchemy URL, create and migrate it where needed.

        Args:
            url: `sqlite:///journal.db` or `postgresql://user@host/database`.
            password: of the role in PostgreSQL.
            key: the file of its key; None: beside an SQLite journal.
            number_prefix: what the numbers begin with that the journal gives.
            read_only: nothing is created, migrated or written.
            tell: told how far a long migration is.
            ends_workers: whether workers of earlier releases end where it has to be migrated; else that is an error.
            parts: those of plugins, whose tables are created and migrated with it. None: nobody knows them; a journal
                that has to be created or migrated raises NoJournalYet.

        Raises:
            ConfigError: the URL or the password is wrong, the file or the database is missing, the role lacks a
                right, a newer version wrote the journal, or its key is missing, wrong or open to others.
            JournalError: the file is no database, is damaged or cannot be opened; the database cannot be reached;
                somebody works the journal that has to be migrated.

        """
        secret = None if password is None else password.get
        opened = await asyncio.to_thread(
            store.open_store, url, secret, key=key, read_only=read_only, how=How(tell, ends_workers, parts)
        )
        writer = None if opened.writing is None else Writer(opened)
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
                self.opened_in(standing)
                return

    def opened_in(self, standing: JournalState) -> None:
        """Show the epoch of this state with each write from now on."""
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
            all_ = (*self._lanes.values(), self._writer)
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
        suspects.tell(await self.do(suspects.Burial(None)))

    async def do(self, item: Write[R], *, about: int | None = None) -> R:
        """Write an item, for example `do(leases.Release("me"))`; return its result once it is on disk.

        `about` an appeal it fails where what was posted about that could not be written.
        """
        writer = self._write
        if item.lane and self.shared:
            writer = self._lanes.get(item.lane) or self._lanes.setdefault(item.lane, Writer(self._opened))
        result: R = await writer.submit(type(item).run, item.filled_by(self), about, item.turn)
        return result

    async def post(self, item: Posted[Any]) -> None:
        """Queue a write; return before it is on disk, but wait while the queue is full, or for a large item.

        It is on disk before any later `conclude` of the appeal; if it cannot be written, that `conclude` raises.
        """
        if item.is_large:
            await self.do(item)
        else:
            await self._write.post(type(item).run, item.filled_by(self), about=item.appeal_id)

    def forget(self, appeal_ids: Sequence[int]) -> None:
        """Forget what was posted about these appeals and could not be written, as others work them from now on."""
        self._write.forget(appeal_ids)

    def acting(self, actor: str) -> Self:
        """Return the same journal with another actor, for one request of theirs."""
        other = copy.copy(self)
        other.actor = actor
        return other

    def now(self) -> datetime:
        """Return the moment by the journal's clock, which what is due and what is old are counted by.

        It never follows a jump of the machine's clock before that is accepted. On PostgreSQL it is the database's.
        """
        return self._clock.now()

    @property
    def skew(self) -> float:
        return self._clock.skew

    @property
    def epoch(self) -> int:
        """The epoch in which things are numbered now."""
        return 1 if self._clock.last is None else self._clock.last.standing.epoch

    @property
    def doubt(self) -> JournalState | None:
        """The state of the journal while its clock is in doubt: then nothing expires or is given up."""
        last = self._clock.last
        return None if last is None or last.standing.doubt is None else last.standing

    @property
    def identity(self) -> str:
        """Tells this journal from others; a copy has its original's. Empty before the first look."""
        last = self._clock.last
        return "" if last is None else last.standing.journal

    @property
    def memory(self) -> Memory:
        """What this process knows of the journal, and whether it has turned out to be another one."""
        return self._opened.memory

    async def look(self) -> JournalState:
        """Look at the clock and write a sign of life; return the state."""
        before = self.memory.mark
        looked = await self._write.submit(state.look, self._clock.last)
        seen = looked or self._clock.last
        if seen is None:
            raise AssertionError("the first look waits for others")
        if looked is not None:
            self.memory.learn(before, Mark.of(looked.standing))
        self._clock.update(seen)
        return seen.standing

    async def trust_clock(self) -> JournalState:
        """Set the journal's clock to the machine's, whatever was doubted; return the state before."""
        was = await self.do(state.Trust())
        await self.look()
        return was

    @property
    def key(self) -> JournalKey:
        """Makes marks of people and things, and keys of questions."""
        if isinstance(self._key, JournalKey):
            return self._key
        raise ReadOnly

    @property
    def shared(self) -> bool:
        """Whether several processes may work this journal at the same time."""
        return self._opened.path is None

    @property
    def waiting_writes(self) -> int:
        return 0 if self._writer is None else self._writer.waiting

    @property
    def failed_writes(self) -> int:
        return 0 if self._writer is None else self._writer.failed

    @property
    def silent_for(self) -> float:
        """Seconds that the write under way has waited for the database; 0.0 if there is none."""
        return 0.0 if self._writer is None else self._writer.silent_for

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise ReadOnly
        return self._writer

    async def accept(self, new: NewAppeal, *, owner: str | None = None, lease_seconds: float = 60.0) -> Accepted:
        """Write an appeal down, give it a number if it has none, and make it ready for work.

        The same message (channel and message id) again gets its first receipt, with `new=False`; another message with a
        known id raises MessageDiffers. A number that another message has is kept as written, and the appeal gets one of
        ours. With `owner` a new appeal is leased at once: its acceptor may work on it without a claim. The lease counts
        from `accepted_at`; on PostgreSQL, here and in `claim` and `renew`, from the database's time, as clocks differ.
        """
        # The one process of an SQLite journal claims by the journal's clock, so what it accepts is leased by that too.
        lease = lease_seconds if self.shared else lease_seconds + self._clock.skew
        return await self.do(await self.arriving(new, owner, lease))

    async def arriving(self, new: NewAppeal, owner: str | None = None, lease: float = 0.0) -> Arriving:
        kept = await self.keeper.kept(new.appeal, self.key)
        return Arriving.of(new, self.number_prefix, self.epoch, self.key, owner=owner, seconds=lease, kept=kept)

    async def conclude(self, conclusion: Conclusion) -> bool:
        """End a run in one transaction: the dossier's new version, a delivery for each receiver, the appeal's state.

        Returns whether an answer or a change came that the run has not seen: then the appeal is ready at once, whatever
        `due_at` says. Raises VersionConflict if the version does not follow the newest one, LeaseLost if the owner has
        lost the appeal.
        """
        form = conclusion.form
        kept = NOTHING if form is None else await self.keeper.kept(form.appeal, self.key)
        return await self.do(Concluding(conclusion, kept), about=conclusion.appeal_id)

    async def listen(self, on_news: Callable[[], None]) -> None:
        """Call `on_news` whenever another worker has something to deliver, until cancelled.

        Where the journal is not shared there is no other worker, and it returns at once.
        """
        if self._opened.listen is not None:
            await self._opened.listen(on_news)
