"""Reads the log and sends its spans, without any work where appeals are processed."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import structlog

from appealbus.core import ConfigError, Cursor, CursorRefused, JournalError, LogEntry, RunningBus, Service
from appealbus.core.backoff import doubled
from appealbus.core.serving import LogThrottle
from appealbus.plugins.traces.settings import TracesSettings

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import ReadableSpan

    from appealbus.plugins.traces.spans import Spans

log = structlog.get_logger(__name__)

_PAGE = 500
"""Log entries in one batch: some 300 kB."""
_POLL = 1.0
"""Seconds between two reads without new entries."""
_LONGEST = 60.0
"""Longest pause in seconds while the collector rejects data."""


class Traces(Service):
    """Follows the log and exports spans, at least once and in order, at the collector's pace.

    Among several workers only the first does; spans that are sent twice have the same ids.
    """

    name: ClassVar[str] = "traces"

    def __init__(self, settings: TracesSettings) -> None:
        try:
            from appealbus.plugins.traces.spans import Spans
        except ImportError:
            raise ConfigError("traces need more packages: pip install '.[traces]' in a checkout of the bus") from None
        self._settings = settings
        self._make = Spans
        self._file = _CursorFile(settings.cursor)
        self._trouble = LogThrottle()

    async def run(self, bus: RunningBus) -> None:
        if bus.worker_number != 0:
            await asyncio.Event().wait()
        exporter = self._exporter()
        try:
            spans = self._make(bus.journal_id, "appealbus")
            cursor = self._file.read() or (await bus.journal.log(None, 1)).head
            self._file.write(cursor)
            while True:
                cursor = await self._next(bus, spans, exporter, cursor)
        finally:
            exporter.shutdown()  # type: ignore[no-untyped-call]

    async def _next(self, bus: RunningBus, spans: "Spans", exporter: "OTLPSpanExporter", cursor: Cursor) -> Cursor:
        try:
            page = await bus.journal.log(cursor, _PAGE)
        except CursorRefused as refused:
            log.warning("traces.began_again", reason=refused.code)
            return refused.restart
        except JournalError:
            await asyncio.sleep(_POLL)
            return cursor
        if page.next == cursor:
            await asyncio.sleep(_POLL)
            return cursor
        made = [span for entry in page.entries for span in self._spans_of(entry, spans)]
        tries = 0
        while made and (await asyncio.to_thread(exporter.export, made)).value:
            if self._trouble.is_news():
                log.warning("traces.not_taken", count=len(made))
            await asyncio.sleep(doubled(_POLL, _LONGEST, tries))
            tries += 1
        self._trouble.over()
        self._file.write(page.next)
        return page.next

    def _spans_of(self, entry: LogEntry, spans: "Spans") -> "list[ReadableSpan]":
        """Return the spans of an entry; none if an entry of another release cannot be read."""
        try:
            return list(spans.of(entry))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            log.warning("traces.unreadable", error=type(error).__name__)
            return []

    def _exporter(self) -> "OTLPSpanExporter":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        secret = self._settings.authorization
        headers = {} if secret is None else {"Authorization": secret.get()}
        return OTLPSpanExporter(self._settings.endpoint, headers=headers, timeout=int(self._settings.timeout) or 1)


class _CursorFile:
    """Stores the cursor. If the file fails, spans are sent twice, or past ones not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Cursor | None:
        try:
            return Cursor.parse(self._path.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("traces.cursor_lost", error=type(error).__name__)
            return None

    def write(self, cursor: Cursor) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.write_text(f"{cursor}\n", encoding="ascii")
            os.replace(beside, self._path)
        except OSError as error:
            log.warning("traces.cursor_lost", error=type(error).__name__)
