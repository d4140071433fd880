"""The one writer: a thread that groups what many have waiting into one transaction."""

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar, cast

import structlog
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import SQLAlchemyError

from appealbus.core.errors import CONFLICT, UNEXPECTED, UNREACHABLE, JournalError
from appealbus.core.journal import events, postgresql, state
from appealbus.core.journal.errors import Behind, OutcomeUnknown
from appealbus.core.journal.part_rows import NOTHING
from appealbus.core.journal.store import OpenedDatabase, as_journal_error
from appealbus.core.journal.writes import Write
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.process.failpoints import failpoint

Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Connection, Sequence[Item]], Sequence[Result | JournalError]]
"""A kind of write: does all items of a group in few statements. An error it returns fails that one item alone."""

log = structlog.get_logger(__name__)

_GROUP = 500
"""Writes of one transaction: past some 200 they become no cheaper, and all wait until the last is written."""
_QUEUE = 1000
"""Writes that may wait: one group to be written and one to follow. More than that waits with whoever writes it."""
_SHARES = 0.01
"""Seconds that what is only posted waits for a `submit` to share its transaction with. With less, it would need more
transactions of its own; with more, a crash would lose outcomes of before it, and sources be asked once more."""
# Where many write at once, a moment's wait makes groups larger and each write cheaper; a single one never waits.
_CROWD = 8
_LINGER = 0.002
"""Seconds of that wait: about as long as the disk takes for one transaction."""
# A database that restarts is back in seconds: till then what waits goes on waiting. Past that it fails, and so does
# at its first try what comes after, until the database is back.
_PATIENCE = 10.0
_PAUSES = (0.05, 0.2, 0.5, 1.0)
"""Seconds between tries. A conflict is over in milliseconds; a database that restarts takes seconds."""
_CONFLICTS = 3
"""Tries after a conflict: with pauses between them a fourth one in a row is hardly chance any more."""
_HOPELESS = frozenset({"busy", UNREACHABLE, "unknown", "superseded", "behind"})


class _Job(NamedTuple):
    run: Run[Any, Any]
    item: Any
    about: int | None
    future: asyncio.Future[Any] | None
    turn: int = 0


class Writer:
    """Owns the only writing connection.

    What is submitted in one turn of the event loop goes to the thread at once, and all that waits there goes into one
    transaction, items of a kind together. If the group fails, it is rolled back and each
    job is tried alone, in order, so that a bad one fails alone. Where the database is away, or others write the same,
    and it is certain that nothing is written, the group is tried again for a while first.

    Args:
        opened: gives the connection, a lost one anew; what each transaction shows; the lock held around it. Once its
            memory knows of another journal, nothing is committed, and nobody is told that something was.

    """

    def __init__(self, opened: OpenedDatabase) -> None:
        if opened.writing is None or opened.generation is None:
            raise AssertionError
        self._engine, self._generation = opened.writing, opened.generation
        self._lock, self._memory = opened.lock, opened.memory
        self._away = False
        self._trouble = LogThrottle()
        self._defects: defaultdict[Run[Any, Any], LogThrottle] = defaultdict(LogThrottle)
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(_QUEUE)
        self._pending: list[_Job] = []
        self._hand_over_soon: asyncio.Handle | None = None
        self._hand_over_late: asyncio.TimerHandle | None = None
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        # Each is counted by one thread alone.
        self._given = self._taken = 0
        self._lost: dict[int, JournalError] = {}
        self._asked_at: float | None = None
        self._closed = False
        self.failed = 0
        """Writes that failed since the start."""
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._main, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return self._given - self._taken

    @property
    def silent_for(self) -> float:
        """Seconds since the write under way last heard of the database; 0.0 if there is none."""
        since = self._asked_at
        return 0.0 if since is None else time.monotonic() - since

    async def submit(self, run: Run[Item, Result], item: Item, about: int | None = None, turn: int = 0) -> Result:
        """Write an item; return its result once it is on disk."""
        future = self._loop.create_future()
        await self._put(_Job(run, item, about, future, turn))
        if self._hand_over_soon is None:
            self._hand_over_soon = self._loop.call_soon(self._hand_over)
        return cast("Result", await future)

    async def post(self, run: Run[Item, Result], item: Item, about: int) -> None:
        """Have an item written without waiting: with the next `submit`, or some milliseconds later.

        If that fails, the next `submit` about the same appeal fails.
        """
        await self._put(_Job(run, item, about, None))
        if self._hand_over_late is None:
            self._hand_over_late = self._loop.call_later(_SHARES, self._hand_over)

    def forget(self, about: Sequence[int]) -> None:
        """Forget failures of what was posted so far about these."""
        for appeal_id in about:
            self._lost.pop(appeal_id, None)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _put(self, job: _Job) -> None:
        (self._memory.check if job.run is state.look else self._memory.check_told)()
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise JournalError("the journal is closed", "closed")
        self._given += 1
        self._pending.append(job)

    def _hand_over(self) -> None:
        for handle in (self._hand_over_soon, self._hand_over_late):
            if handle is not None:
                handle.cancel()
        self._hand_over_soon = self._hand_over_late = None
        if self._pending:
            self._queue.put(self._pending)
            self._pending = []

    def _main(self) -> None:
        going, crowded, waiting = True, False, list[_Job]()
        while going or waiting:
            if crowded:
                time.sleep(_LINGER)
            going = going and self._take(waiting)
            crowded = len(waiting) >= _CROWD
            group, waiting = waiting[:_GROUP], waiting[_GROUP:]
            self._taken += len(group)
            if group:
                self._asked_at = time.monotonic()
                results = self._work(group)
                self._asked_at = None
                try:
                    self._loop.call_soon_threadsafe(self._settle, group, results)
                except RuntimeError:
                    log.warning("journal.loop_closed", writes=len(group))
        self._leave()

    def _take(self, waiting: list[_Job]) -> bool:
        """Take what waits, up to a group; wait if there is nothing. False: it is over."""
        while len(waiting) < _GROUP:
            try:
                given = self._queue.get(block=not waiting)
            except Empty:
                break
            if given is None:
                return False
            waiting += given
        return True

    def _leave(self) -> None:
        """Close the connection, under the lock, as SQLite then moves the WAL into the file."""
        try:
            with self._lock:
                if self._connection is not None:
                    # Out of the pool first: another writer may have disposed of that, and nobody would close this.
                    self._connection.detach()
                    self._connection.close()
                self._engine.dispose()
        except (JournalError, SQLAlchemyError, OSError) as error:
            log.warning("journal.close_failed", code=as_journal_error(error).code)

    def _settle(self, group: list[_Job], results: list[Any]) -> None:
        for job, result in zip(group, results, strict=True):
            self._room.release()
            if job.future is None or job.future.done():
                continue
            if self._memory.lost is not None:
                job.future.set_exception(Behind(self._memory.lost))
            elif isinstance(result, JournalError):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    def _work(self, group: list[_Job]) -> list[Any]:
        try:
            with self._lock:
                return self._together(group)
        except Exception as error:
            mine = as_journal_error(error)
            return [self._failed(job, mine) for job in group]

    def _together(self, group: list[_Job]) -> list[Any]:
        if self._lost.keys().isdisjoint(job.about for job in group):
            try:
                return self._transaction(group)
            except Exception as error:
                mine = as_journal_error(error)
                if self._trouble.is_news():
                    log.warning("journal.group_failed", writes=len(group), code=mine.code)
                if mine.code in _HOPELESS:
                    raise mine from None
        return self._one_by_one(group)

    def _one_by_one(self, group: list[_Job]) -> list[Any]:
        results: list[Any] = []
        hopeless: JournalError | None = None
        for job in group:
            if hopeless is not None:
                results.append(self._failed(job, hopeless))
            elif (lost := self._lost_before(job)) is not None:
                results.append(lost)
            else:
                try:
                    results += self._alone(job)
                except Exception as error:
                    mine = as_journal_error(error)
                    hopeless = mine if mine.code in _HOPELESS else None
                    results.append(self._failed(job, mine))
                    if mine.code == UNEXPECTED and self._defects[job.run].is_news():
                        log.exception("journal.write_raised", operation=getattr(job.run, "__name__", None))
        return results

    def _alone(self, job: _Job) -> list[Any]:
        """Do one job; where the database does not take rows of parts with it, without these."""
        try:
            return self._transaction([job])
        except Exception as error:
            bare, kept = job.item.bare() if isinstance(job.item, Write) else (job.item, NOTHING)
            mine = as_journal_error(error)
            if not kept.names or (mine.passes and mine.code != "forbidden"):
                raise
            results = self._transaction([job._replace(item=bare)])
            kept.refused(mine)
            return results

    def _lost_before(self, job: _Job) -> JournalError | None:
        """Return the error that a `submit` has to fail with for what was posted about the same appeal."""
        return None if job.future is None or job.about is None else self._lost.pop(job.about, None)

    def _failed(self, job: _Job, error: JournalError) -> JournalError:
        self.failed += 1
        if job.about is not None:
            if job.future is None:
                self._lost[job.about] = error
            else:  # whoever is told of this error need not be told of the earlier one
                self._lost.pop(job.about, None)
        return error

    def _transaction(self, group: list[_Job]) -> list[Any]:
        """Do jobs in one transaction; again where that may help and nothing was written."""
        ends = time.monotonic() + _PATIENCE
        for tried in count():
            try:
                results = self._once(group)
            except Exception as error:
                mine = as_journal_error(error)
                self._drop_connection_if_lost(mine)
                again = mine.code == CONFLICT and tried < _CONFLICTS
                if mine.code == UNREACHABLE:
                    again = not self._away and not self._closed and time.monotonic() < ends
                    self._away = not again
                if not again:
                    raise
                if not tried:
                    log.warning("journal.tried_again", writes=len(group), code=mine.code)
                time.sleep(_PAUSES[min(tried, len(_PAUSES) - 1)])
            else:
                if self._away:
                    log.info("journal.back")
                self._away = False
                self._trouble.over()
                return results
        raise AssertionError

    def _once(self, group: list[_Job]) -> list[Any]:
        kinds: dict[Run[Any, Any], list[int]] = {}
        for at, job in enumerate(group):
            kinds.setdefault(job.run, []).append(at)
        results: list[Any] = [None] * len(group)
        if self._connection is None:
            self._connection = self._engine.connect()
        transaction = self._connection.begin()
        with transaction:
            self._generation.show(self._connection)
            with events.together(self._connection):
                for run in sorted(kinds, key=lambda run: group[kinds[run][0]].turn):
                    done = run(self._connection, [group[at].item for at in kinds[run]])
                    self._asked_at = time.monotonic()
                    for at, result in zip(kinds[run], done, strict=True):
                        results[at] = result
            failpoint("journal.before_commit")
            self._commit(transaction)
        failpoint("journal.after_commit")
        return results

    def _commit(self, transaction: RootTransaction) -> None:
        self._memory.check()
        try:
            transaction.commit()
        except Exception as error:
            # A commit that failed leaves the transaction open, and no other one could begin on this connection.
            with contextlib.suppress(SQLAlchemyError):
                transaction.rollback()
            if as_journal_error(error).code == UNREACHABLE and not postgresql.was_undone(error):
                raise OutcomeUnknown from None
            raise

    def _drop_connection_if_lost(self, error: JournalError) -> None:
        connection = self._connection
        if connection is not None and (connection.invalidated or error.code in {UNREACHABLE, "unknown"}):
            self._connection = None
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()
