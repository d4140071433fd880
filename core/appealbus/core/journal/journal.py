"""The journal, as the rest of the bus sees it."""

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from appealbus.core.config.types import Secret
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.journal import retention, store
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.reading import Reading
from appealbus.core.journal.rows import (
    Accepted,
    AccessRow,
    AwaitedRow,
    Case,
    LookupState,
    NewAppeal,
    NewQuarantine,
    SourceState,
    WorkerState,
)
from appealbus.core.journal.shares import Report, Standing
from appealbus.core.journal.writer import Writer
from appealbus.core.journal.writes import accepting, awaiting, delivering, keeping, limiting, presence, pruning, working
from appealbus.core.journal.writes.clock import shared_now
from appealbus.schemas.dossier import Completeness

_UNREADABLE = timedelta(hours=1)
_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_CLAIMS = 10
_ENDING = 3.0
"""Seconds that the threads of a journal behind a line have for their end before it is cut."""

log = structlog.get_logger(__name__)


class Journal(Reading):
    """The durable record of everything. One object for each process; all methods are safe to call concurrently.

    What a method has returned is on disk, `keep` excepted. Every method raises JournalError where the disk or the
    database fails; then nothing of that one request is there. Reads are inherited from Reading.
    """

    def __init__(self, readers: Engine, opened: store.Opened, writer: Writer | None, number_prefix: str) -> None:
        super().__init__(readers)
        self._opened = opened
        self._writer = writer
        self._prefix = number_prefix
        self._limiter: Writer | None = None
        self._run_lock: RunLock | None = None

    @classmethod
    async def open(
        cls, url: str, password: Secret | None = None, *, number_prefix: str = "AB", read_only: bool = False
    ) -> Self:
        """Open the journal at an SQLAlchemy URL, create and migrate it where needed.

        With `read_only` nothing is created, migrated or written.

        Args:
            url: `sqlite:///journal.db` or `postgresql://user@host/database`.
            password: of the role in PostgreSQL.
            number_prefix: what the numbers begin with that the journal gives.
            read_only: whether to read alone.

        Raises:
            ConfigError: the URL or the password is wrong, the file or the database is missing, the role lacks a
                right, or a newer version wrote the journal.
            JournalError: the file is no database, is damaged or cannot be opened; the database cannot be reached.

        """
        secret = None if password is None else password.get
        opened = await asyncio.to_thread(store.open_store, url, secret, read_only=read_only)
        last = (working.conclude, accepting.accept)
        writer = None if opened.writing is None else Writer(opened.writing, opened.lock, last=last)
        return cls(opened.reading, opened, writer, number_prefix)

    async def close(self) -> None:
        """Write what is queued and let go of everything. Idempotent.

        A database that does not answer is not waited for: after a few seconds the lines to it are cut.
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
            writers = [writer.close() for writer in (self._limiter, self._writer) if writer is not None]
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
        """Become the one process that works this journal, until closed; frees what a dead one had leased.

        Raises AlreadyRunning where another process holds it. On PostgreSQL many may work: nothing happens.
        """
        if self._opened.path is None or self._run_lock is not None:
            return
        self._run_lock = RunLock(self._opened.path)
        await self._write.submit(working.release, working.Release(owner=None, ids=None))

    # Appeals in

    async def accept(self, new: NewAppeal, *, owner: str | None = None, lease_seconds: float = 60.0) -> Accepted:
        """Write an appeal down, give it a number if it has none, and make it ready for work.

        The same message (channel and message id) again gets the receipt it got then, with `new=False`. With `owner`
        a new appeal is leased at once: its acceptor may work on it without a claim. The lease counts from
        `accepted_at`; on PostgreSQL, here and in `claim` and `renew`, from the database's time, as clocks differ.

        Raises:
            NumberTaken: it came with a number that another message has.

        """
        return await self._write.submit(accepting.accept, accepting.Accept(new, self._prefix, owner, lease_seconds))

    async def quarantine(self, new: NewQuarantine) -> int:
        """Keep a message that could not be taken; return its id."""
        return await self._write.submit(keeping.quarantine, new)

    async def replayed(self, quarantine_id: int, number: str) -> bool:
        """Note that a message has left quarantine as the appeal with this number; False if it is not in there."""
        return await self._write.submit(keeping.replayed, keeping.Replayed(quarantine_id, number, _now()))

    # Work

    async def access(self, rows: Sequence[AccessRow]) -> None:
        """Write down who looks at whose data. On disk when this returns."""
        if rows:
            await self._write.submit(keeping.access, rows)

    async def keep(self, appeal_id: int, state: LookupState, *, owner: str | None = None) -> None:
        """Queue how a question stands; returns before it is on disk, but waits while the queue is full.

        It is on disk before any later `conclude` of the appeal; if it cannot be, that `conclude` raises instead. With
        `owner` it is dropped where the appeal is another's by then.
        """
        await self._write.post(keeping.keep, keeping.Keep(appeal_id, state, owner), about=appeal_id)

    async def await_answer(self, row: AwaitedRow) -> None:
        """Write down who looks at whose data, and that the answer comes by itself. On disk when this returns."""
        await self._write.submit(awaiting.expect, row)

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep an answer that came by itself until its lookup has read it, and have its appeal worked on next."""
        if not _ID.fullmatch(answer.question_id):  # nothing of ours, and no database takes every text
            return Kept.UNKNOWN
        return await self._write.submit(awaiting.answered, awaiting.Answered(source, answer, _now()))

    async def keep_read(
        self, appeal_id: int, state: LookupState, question_id: str, *, owner: str | None = None
    ) -> None:
        """Queue how a question stands after the answer to `question_id` was read; that answer goes in the same step.

        Otherwise as `keep`.
        """
        await self._write.post(awaiting.keep_read, awaiting.Read(appeal_id, state, question_id, owner), about=appeal_id)

    async def claim(self, owner: str, now: datetime, limit: int, lease_seconds: float) -> list[Case]:
        """Lease up to `limit` appeals that are ready or due again, most urgent first, and return them.

        One that cannot be read is put off by an hour, so that it neither comes at once again nor takes a place.
        """
        cases: list[Case] = []
        leased: list[int] = []
        try:
            for _ in range(_CLAIMS):
                claim = working.Claim(owner, now, lease_seconds, limit - len(cases))
                ids = await self._write.submit(working.claim, claim)
                leased += ids
                self._write.forget(ids)
                readable = await self.cases(ids)
                cases += readable
                unreadable = set(ids).difference(case.appeal_id for case in readable)
                if not unreadable:
                    break
                put_off = working.Release(owner, tuple(unreadable), now + _UNREADABLE)
                await self._write.submit(working.release, put_off)
        except JournalError:
            if leased:  # or nobody would work them until the leases are over
                with suppress(JournalError):
                    await self.release(owner, leased)
            raise
        return cases

    async def release(self, owner: str, ids: Sequence[int] | None = None) -> None:
        """Give appeals back unfinished, those named or all of the owner's: whoever claims next gets them."""
        await self._write.submit(working.release, working.Release(owner, ids))

    async def conclude(
        self,
        appeal_id: int,
        *,
        dossier: bytes | None,
        version: int,
        completeness: Completeness,
        receivers: Sequence[str],
        due_at: datetime | None,
        region: str = "",
        heard: Collection[str] | None = None,
        owner: str | None = None,
    ) -> bool:
        """End a run in one transaction: the dossier's new version, a delivery for each receiver, the appeal's state.

        Args:
            appeal_id: the appeal; its lease ends.
            dossier: the new version as JSON, or None where nothing new is to be told; then there are no deliveries.
            version: of the dossier, exactly one more than the newest; the newest itself where `dossier` is None.
            completeness: of the dossier.
            receivers: names of the deliveries that get this version.
            due_at: when to work on it again (it is parked till then), or None (it is idle).
            region: that the dossier belongs to; receivers are told.
            owner: who works the appeal; None leaves unchecked whose it is.
            heard: ids of the questions whose late answers the run knew; None where none of its sources answers later.

        Returns:
            Whether another answer has come meanwhile: then the appeal is ready at once, whatever `due_at` says.

        Raises:
            VersionConflict: the version does not follow.
            LeaseLost: the appeal is not the owner's any more.

        """
        conclusion = working.Conclusion(
            appeal_id,
            dossier,
            version,
            completeness,
            tuple(dict.fromkeys(receivers)),
            due_at,
            _now(),
            region,
            None if heard is None else frozenset(heard),
            owner,
        )
        return await self._write.submit(working.conclude, conclusion, about=appeal_id)

    async def renew(self, owner: str, ids: Sequence[int], now: datetime, lease_seconds: float) -> set[int]:
        """Make the owner's leases of these appeals last so long from now; return of which. The others are lost."""
        if not ids:
            return set()
        return await self._write.submit(working.renew, working.Renewal(owner, ids, now, lease_seconds))

    async def retry(self, number: str, *, everything: bool = False) -> int | None:
        """Have an appeal worked again at once, and all its open questions asked, those given up too.

        Args:
            number: the appeal's.
            everything: ask also what was refused or not found; how it ended is forgotten.

        Returns:
            How many questions that are; None if there is no such appeal.

        Raises:
            JournalError: with the code `in_work` while somebody works on the appeal; nothing is changed then.

        """
        return await self._write.submit(working.retry, working.Retry(number, _now(), everything))

    # Dossiers out

    async def delivered(self, delivery_ids: Sequence[int]) -> None:
        """Note that receivers have confirmed these."""
        if delivery_ids:
            await self._write.submit(delivering.delivered, delivering.Delivered(delivery_ids, _now()))

    async def deliveries_failed(self, rows: Sequence[tuple[int, str, datetime]]) -> None:
        """Note which deliveries failed: the id, a code and when to try again. Later versions wait till then too.

        The code is ours, never the receiver's text; of a longer one 200 characters are kept.
        """
        if rows:
            failed = [delivering.Failed(delivery_id, code, at) for delivery_id, code, at in rows]
            await self._write.submit(delivering.failed, failed)

    async def drop_deliveries(self, receiver: str) -> int:
        """Delete what waits for a receiver that is gone for good; returns how many versions that were."""
        return await retention.all_of(self._write, pruning.drop_deliveries, receiver)

    async def hear(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever a worker has something to deliver, until cancelled. At once over where there is one."""
        if self._opened.hear is not None:
            await self._opened.hear(heard)

    # Upkeep

    @property
    def shared(self) -> bool:
        """Whether several processes may work this journal at the same time."""
        return self._opened.path is None

    async def beat(self, worker: WorkerState, sources: Sequence[SourceState], seconds: float) -> None:
        """Say that a worker is alive for so many seconds more, and how sources stand there; forget the dead."""
        await self._write.submit(presence.beat, presence.Beat(worker, sources, seconds))

    async def hold(self, name: str, owner: str, seconds: float) -> bool:
        """Be the one who does something for all, for so many seconds from now; False while another one is.

        Held again before the time is over it goes on. On SQLite there is one process: nothing is written.
        """
        if not self.shared:
            return True
        return await self._write.submit(presence.hold, presence.Hold(name, owner, seconds))

    async def let_go(self, owner: str) -> None:
        """Let others do what the owner has held."""
        if self.shared:
            await self._write.submit(presence.let_go, owner)

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Standing]:
        """Take a worker's reports on its sources; return for each what it may use from now on, until its lease ends."""
        return await self._limits.submit(limiting.share, limiting.Reports(worker, reports))

    async def leave_limits(self, worker: str) -> None:
        """Let others use what this worker might, which has nothing in flight any more."""
        await self._limits.submit(limiting.leave, limiting.Leave(worker))

    async def probe(self) -> None:
        """Prove that the journal can be written: returns once something was, and leaves nothing behind."""
        await self._write.submit(keeping.probe, f"probe.{uuid4().hex}")

    @property
    def waiting_writes(self) -> int:
        """How many writes wait for the writer now."""
        return 0 if self._writer is None else self._writer.waiting

    @property
    def failed_writes(self) -> int:
        """How many writes have failed since the journal was opened."""
        return 0 if self._writer is None else self._writer.failed

    @property
    def silent_for(self) -> float:
        """For how many seconds the write now under way has been waiting for the database; 0.0 where none is."""
        return 0.0 if self._writer is None else self._writer.silent_for

    async def prune(self, before: datetime, *, access_before: datetime | None = None) -> dict[str, int]:
        """Delete appeals that have been idle and fully delivered since `before`, and replayed messages as old.

        The access log stays, unless `access_before` is given. Works in small transactions: others go on meanwhile.
        A message that is sent again after its appeal was pruned is a new appeal.

        On PostgreSQL a machine whose clock is ahead of the database's deletes nothing for that: it is allowed for.

        Returns:
            How many `appeals`, `quarantine` and `access` rows are gone.

        """
        shared = await self._read(shared_now)
        ahead = max(timedelta(), _now() - shared)
        access_before = None if access_before is None else access_before - ahead
        return await retention.prune(self._write, before - ahead, access_before)

    @property
    def _limits(self) -> Writer:
        """On PostgreSQL a connection of its own: the lock that it waits for must not hold up what others write."""
        if not self.shared or self._opened.writing is None:
            return self._write
        if self._limiter is None:
            self._limiter = Writer(self._opened.writing, self._opened.lock)
        return self._limiter

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise JournalError("this journal was opened for reading only", "read_only")
        return self._writer


def _now() -> datetime:
    return datetime.now(UTC)
