"""The journal, as the rest of the bus sees it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from appealbus.core.journal import store
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.reading import Reading
from appealbus.core.journal.rows import (
    Accepted,
    AccessRow,
    Case,
    LookupState,
    NewAppeal,
    NewQuarantine,
    SourceState,
)
from appealbus.core.journal.writer import Item, Run, Writer
from appealbus.core.journal.writes import accepting, delivering, keeping, pruning, working
from appealbus.schemas.dossier import Completeness

_UNREADABLE = timedelta(hours=1)
_CLAIMS = 10


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
        self._run_lock: RunLock | None = None

    @classmethod
    async def open(cls, url: str, *, number_prefix: str = "AB", read_only: bool = False) -> Self:
        """Open the journal at an SQLAlchemy URL (`sqlite:///journal.db`), create and migrate it where needed.

        With `read_only` nothing is created, migrated or written.

        Raises:
            ConfigError: the URL is wrong, the file is missing (read only), or a newer version wrote the journal.
            JournalError: the file is no database, is damaged or cannot be opened.

        """
        opened = await asyncio.to_thread(store.open_store, url, read_only=read_only)
        writer = None if opened.writing is None else Writer(opened.writing, opened.lock)
        return cls(opened.reading, opened, writer, number_prefix)

    async def close(self) -> None:
        """Write what is queued and let go of everything. Idempotent."""
        self._open = False
        # The readers first: the last connection to go moves the WAL into the file, and that must be the writer's.
        self._readers.dispose()
        if self._writer is not None:
            await self._writer.close()
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
        a new appeal is leased at once, from `accepted_at` on: its acceptor may work on it without a claim.

        Raises:
            NumberTaken: it came with a number that another message has.

        """
        until = None if owner is None else new.accepted_at + timedelta(seconds=lease_seconds)
        return await self._write.submit(accepting.accept, accepting.Accept(new, self._prefix, owner, until))

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

    async def keep(self, appeal_id: int, state: LookupState) -> None:
        """Queue how a question stands; returns before it is on disk, but waits while the queue is full.

        It is on disk before any later `conclude` of the appeal; if it cannot be, that `conclude` raises instead.
        """
        await self._write.post(keeping.keep, keeping.Keep(appeal_id, state), about=appeal_id)

    async def claim(self, owner: str, now: datetime, limit: int, lease_seconds: float) -> list[Case]:
        """Lease up to `limit` appeals that are ready or due again, most urgent first, and return them.

        One that cannot be read is put off by an hour, so that it neither comes at once again nor takes a place.
        """
        until = now + timedelta(seconds=lease_seconds)
        cases: list[Case] = []
        for _ in range(_CLAIMS):
            claim = working.Claim(owner, now, until, limit - len(cases))
            ids = await self._write.submit(working.claim, claim)
            readable = await self.cases(ids)
            cases += readable
            unreadable = set(ids).difference(case.appeal_id for case in readable)
            if not unreadable:
                break
            put_off = working.Release(owner, tuple(unreadable), now + _UNREADABLE)
            await self._write.submit(working.release, put_off)
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
    ) -> None:
        """End a run in one transaction: the dossier's new version, a delivery for each receiver, the appeal's state.

        Args:
            appeal_id: the appeal; its lease ends.
            dossier: the new version as JSON, or None where nothing new is to be told; then there are no deliveries.
            version: of the dossier, exactly one more than the newest; the newest itself where `dossier` is None.
            completeness: of the dossier.
            receivers: names of the deliveries that get this version.
            due_at: when to work on it again (it is parked till then), or None (it is idle).

        Raises:
            VersionConflict: the version does not follow.

        """
        conclusion = working.Conclusion(
            appeal_id, dossier, version, completeness, tuple(dict.fromkeys(receivers)), due_at, _now()
        )
        await self._write.submit(working.conclude, conclusion, about=appeal_id)

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
        return await self._drain(pruning.drop_deliveries, receiver)

    # Upkeep

    async def put_source_states(self, rows: Sequence[SourceState]) -> None:
        """Write down how the sources stand, for other processes to read."""
        if rows:
            await self._write.submit(keeping.put_source_states, rows)

    async def prune(self, before: datetime, *, access_before: datetime | None = None) -> dict[str, int]:
        """Delete appeals that have been idle and fully delivered since `before`, and replayed messages as old.

        The access log stays, unless `access_before` is given. Works in small transactions: others go on meanwhile.
        A message that is sent again after its appeal was pruned is a new appeal.

        Returns:
            How many `appeals`, `quarantine` and `access` rows are gone.

        """
        return {
            "appeals": await self._drain(pruning.prune_appeals, before),
            "quarantine": await self._drain(pruning.prune_quarantine, before),
            "access": 0 if access_before is None else await self._drain(pruning.prune_access, access_before),
        }

    async def _drain(self, run: Run[Item, int], item: Item) -> int:
        total = 0
        while gone := await self._write.submit(run, item):
            total += gone
        return total

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise JournalError("this journal was opened for reading only", "read_only")
        return self._writer


def _now() -> datetime:
    return datetime.now(UTC)
