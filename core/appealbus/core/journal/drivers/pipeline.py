"""The driver's connection to PostgreSQL, where what nobody waits for is sent together with what comes next.

Whatever is sent ends with a Sync, in the same breath: a process that stands still after it has left the database in a
transaction that stands idle, and that is ended; without a Sync its locks would be held for ever. So there is one
wherever the driver's library may send before all is said.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any, cast

import psycopg
from psycopg import pq, waiting
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from appealbus.core.journal.drivers.encoding import Command

_BEGIN, _COMMIT, _FORGET = Command(b"BEGIN"), Command(b"COMMIT"), Command(b"DEALLOCATE ALL")
_DONE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.PIPELINE_SYNC})
_LOST = "08"
"""The class of errors of the line itself."""
_DROPS = re.compile("(?:DROP|ALTER|ROLLBACK|DISCARD ALL|DEALLOCATE ALL)\\b").match
"""After these the driver forgets what it has prepared."""
_READS, _BOTH = waiting.Wait.R, waiting.Wait.RW
_HELD_BACK = 6144
"""Bytes of texts and values that wait for a Sync: libpq sends by itself once it has 8192, with what frames them."""


class _Cursor(psycopg.Cursor[Any]):
    """SQLAlchemy's cursor: what is queued goes before it."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        connection = cast("PipelinedConnection", self.connection)
        connection.send_queued()
        super().execute(*args, **kwargs)
        if _DROPS(self.statusmessage or ""):
            connection.forget()
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        cast("PipelinedConnection", self.connection).send_queued()
        super().executemany(*args, **kwargs)


class PipelinedConnection(psycopg.Connection[Any]):
    """A connection that queues commands until something is asked or the transaction ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = _Cursor
        self._queued: list[Command] = []
        self._names: dict[bytes, bytes] = {}
        """Of the statements that are prepared."""
        self._named = 0

    def queue(self, command: Command) -> None:
        """Queue a command without a result; its error comes at the next wait."""
        self._queued.append(command)

    def ask(self, *commands: Command) -> list[list[tuple[Any, ...]]]:
        """Do what is queued and then these, all with one wait; return the rows of each of these.

        Raises the error of the first that failed. Its `undone` says that no COMMIT was reached.
        """
        begins = self.pgconn.transaction_status == pq.TransactionStatus.IDLE and not self.autocommit
        sent = [*self._queued, *commands]
        self._queued.clear()
        if begins and sum(map(_size, sent)) > _HELD_BACK:
            self._exchange([_BEGIN])  # alone: if it failed, what comes after another Sync would be done for good
        elif begins:
            sent.insert(0, _BEGIN)
        results = self._exchange(sent)
        return [self._rows(result) for result in results[len(sent) - len(commands) :]]

    def _rows(self, result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
        if not result.ntuples:
            return []
        values = Transformer(self)
        values.set_pgresult(result, format=pq.Format.BINARY)
        return values.load_rows(0, result.ntuples, tuple)

    def send_queued(self) -> None:
        if self._queued:
            self.ask()

    def commit(self) -> None:
        """Send what is queued and commit, with one wait; roll back if that fails."""
        if not self._queued:
            super().commit()
            return
        try:
            self.ask(_COMMIT)
        except psycopg.Error:
            with suppress(psycopg.Error):
                self.rollback()
            raise

    def rollback(self) -> None:
        """Roll back, and drop what is queued."""
        self._queued.clear()
        if self.closed or self.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            return
        super().rollback()
        self.forget()

    def forget(self) -> None:
        """Forget prepared statements, ours and the driver's, since tables may have changed."""
        if self._names:
            self._exchange([_FORGET])
            self._names.clear()

    def _exchange(self, commands: Sequence[Command]) -> list[pq.abc.PGresult]:
        line = self.pgconn
        syncs = _Syncs(line)
        news: list[Command | None] = []
        """For each result that comes the command which is prepared with it."""
        try:
            line.consume_input()  # raises where the line was lost before
            line.enter_pipeline_mode()
            for command in commands:
                name = self._names.get(command.text)
                if name is None:
                    self._named += 1
                    name = self._names[command.text] = b"ours%d" % self._named
                    syncs.before(len(command.text))
                    line.send_prepare(name, command.text)
                    news.append(command)
                syncs.before(_size(command))
                line.send_query_prepared(name, command.values or None, command.formats or None, result_format=1)
                news.append(None)
        except psycopg.OperationalError as error:
            raise _undone(error) from None  # the last command, which may be COMMIT, was not sent whole
        syncs.add()
        results: list[pq.abc.PGresult] = []
        try:
            self.wait(_receive(line, results, syncs.count))
            line.exit_pipeline_mode()
        finally:
            self._check(commands, news, results)
        return [result for new, result in zip(news, results, strict=True) if new is None]

    def _check(self, commands: Sequence[Command], news: Sequence[Command | None], results: Sequence[Any]) -> None:
        """Raise the first error, even if the line was lost after it."""
        failed = next((at for at, result in enumerate(results) if result.status not in _DONE), None)
        if failed is None:
            return
        for new in news[failed:]:
            if new is not None:
                del self._names[new.text]
        error = error_from_result(results[failed], self.info.encoding)
        if error.sqlstate is None:  # libpq's own, which makes nothing of what has come
            error = psycopg.OperationalError("the line is lost")
        # Who is between us and the database tells of a line that is lost in place of any answer.
        reached = failed >= len(news) - 1 or (error.sqlstate or _LOST).startswith(_LOST)
        raise (error if commands[-1] is _COMMIT and reached else _undone(error)) from None


class _Syncs:
    """Puts a Sync before whatever would make the library send something without one."""

    def __init__(self, line: pq.abc.PGconn) -> None:
        self._line = line
        self._held = 0
        self.count = 0

    def before(self, size: int) -> None:
        if self._held and self._held + size > _HELD_BACK:
            self.add()
        self._held += size

    def add(self) -> None:
        """Send what is held back, with a Sync."""
        self._line.pipeline_sync()
        self._held = 0
        self.count += 1


def _size(command: Command) -> int:
    return len(command.text) + sum(len(value) for value in command.values if value is not None)


def _undone(error: psycopg.Error) -> psycopg.Error:
    """Mark an error after which certainly nothing is committed."""
    error.undone = True  # type: ignore[attr-defined]
    return error


def _receive(line: pq.abc.PGconn, results: list[pq.abc.PGresult], syncs: int) -> Generator[Any, Any, None]:
    """Take results until so many Syncs are answered."""
    while line.flush():
        if (yield _BOTH) & _READS:
            line.consume_input()
    while syncs:
        while line.is_busy():
            if (yield _READS):
                line.consume_input()
        result = line.get_result()
        if result is None:
            if line.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError("the line is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            syncs -= 1
        else:
            results.append(result)
