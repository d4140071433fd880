"""Builds reports in a separate process, as seconds of Python would block the server."""

import asyncio
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from appealbus.core import AppealBusError, ConfigError, JournalError
from appealbus.core.management import Journal, health
from appealbus.core.serving import BusSettings, LogSettings, configure, start_child
from appealbus.plugins.report.asking import ReportOrder, counted, told
from appealbus.plugins.report.listing import Cell, listed
from appealbus.plugins.report.settings import ReportSettings

_LONGEST = 3600.0
"""Timeout in seconds: enough for the first report over a journal of some millions."""
_IDLE = 60.0
"""Seconds of idleness after which the process ends, to free some hundred megabytes."""


@dataclass(frozen=True)
class Given:
    bus: BusSettings
    log: LogSettings
    settings: ReportSettings


class ReportProcess:
    """Builds reports one at a time, in a process started on demand."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._turn = asyncio.Lock()
        self._child: SpawnProcess | None = None
        self._line: Connection | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def make(self, wanted: ReportOrder | Cell) -> bytes:
        """Build a report, or list the appeals of one of its numbers.

        Raises:
            ConfigError: its file or the journal's key is unusable, or the process died.
            JournalError: the journal does not answer.
            TimeoutError: it takes too long.
        """
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(_LONGEST):
                    answer = await asyncio.to_thread(_exchange, self._started(), wanted)
            except BaseException as error:
                self.end()  # which ends the thread, too
                if isinstance(error, EOFError | ConnectionError):
                    raise ConfigError("the process that makes reports has died") from None
                raise
            self._idle = asyncio.get_running_loop().call_later(_IDLE, self.end)
        if isinstance(answer, bytes):
            return answer
        raise answer

    def end(self) -> None:
        """Kill the process. Idempotent."""
        if self._idle is not None:
            self._idle.cancel()
        if self._child is not None:
            self._child.kill()
            self._child.join()
        self._child = self._line = None

    def _started(self) -> Connection:
        if self._child is not None and self._child.is_alive() and self._line is not None:
            return self._line
        self.end()
        context = get_context("spawn")
        line, end = context.Pipe()
        self._child = context.Process(target=_serve, args=(end, self._given), daemon=True)
        start_child(self._child)
        end.close()  # so that its death is the end of the line
        self._line = line
        return line


def _exchange(line: Connection, wanted: ReportOrder | Cell) -> bytes | AppealBusError:
    line.send(wanted)
    answer: bytes | AppealBusError = line.recv()
    return answer


def _serve(line: Connection, given: Given) -> None:
    configure(given.log.level, given.log.format)
    try:
        while True:
            line.send(_answer(given, line.recv()))
    except (EOFError, OSError):
        pass  # the server is gone


def _answer(given: Given, wanted: ReportOrder | Cell) -> bytes | AppealBusError:
    try:
        return asyncio.run(_made(given, wanted))
    except JournalError as error:
        return JournalError(str(error), error.code)
    except ConfigError as error:
        return ConfigError(str(error))


async def _made(given: Given, wanted: ReportOrder | Cell) -> bytes:
    bus = given.bus
    async with await Journal.open(bus.journal, bus.journal_password, key=bus.key_file(), read_only=True) as journal:
        journal_id = (await journal.ask(health.how_it_stands)).journal
        if isinstance(wanted, Cell):
            return await listed(journal, journal_id, given.settings, wanted)
        table = await counted(journal, journal_id, given.settings, wanted.ask)
    return told(table, wanted)
