"""Logging setup, once, at the start of the program."""

import contextlib
import logging
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog

from appealbus.core.logs import redact
from appealbus.core.logs.choices import LogFormat, LogLevel
from appealbus.core.logs.errors import exc_info, summary
from appealbus.core.process.worker import Worker

# Libraries that say too much, each with the least important level that is still heard.
_LIBRARIES = {
    "aiohttp.access": logging.CRITICAL,
    "aiohttp": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "pika": logging.CRITICAL,  # what it says of connections, we say in words
    "sqlalchemy": logging.WARNING,
    "zeep": logging.ERROR,
}


def configure(level: LogLevel, form: LogFormat, stream: TextIO | None = None, *, member: Worker | None = None) -> None:
    """Make structlog and the standard library's logging write redacted lines to stderr, or to the stream.

    With several workers each line names its worker.
    """
    out = stream or sys.stderr
    json = form is LogFormat.JSON or (form is LogFormat.AUTO and not out.isatty())
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _Line(json=json, colors=out.isatty(), member=member)],
        wrapper_class=structlog.make_filtering_bound_logger(level.value),
        logger_factory=lambda *_: _Writer(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign()], level=level.value.upper(), force=True)
    logging.captureWarnings(True)  # they may quote values; Python itself would print them as they are
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(least)
    # Python's own hooks print the text of exceptions. Another program's hooks, such as pytest's, are left alone.
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _crashed
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda args: _crashed(args.exc_type, args.exc_value, args.exc_traceback)


class _Line:
    """The last processor: turns an event into a line. It always returns a line and never raises."""

    def __init__(self, *, json: bool, colors: bool, member: Worker | None = None) -> None:
        self._json = json
        self._always = {} if member is None else {"worker": member.number}
        self._console = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=32, sort_keys=False)

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"timestamp": moment, "level": "error" if method == "exception" else method, **self._always}
        try:
            error = exc_info(event.pop("exc_info", None))
            event.pop("stack_info", None)
            out = redact.line({**event, **(summary(error) if error else {}), **head})
            return orjson.dumps(out).decode() if self._json else str(self._console(None, method, out))
        except Exception:
            return orjson.dumps({**head, "event": "log.failed"}).decode()


class _Writer:
    """Writes lines, and ignores errors of a closed or broken stream: a log must not stop the bus."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            stream = self._stream or sys.stderr
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    log = debug = info = warning = error = critical = exception = fatal = warn = msg


class _Foreign(logging.Handler):
    """Handles log records of libraries. Their texts may hold anything, so only origin and error type remain."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):  # a log must not stop the bus
            structlog.get_logger().log(
                min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL),
                "library.message",
                module=record.name,
                place=f"{record.module}:{record.lineno}",
                exc_info=record.exc_info,
            )


def _crashed(kind: type[BaseException], error: BaseException | None, traceback: Any) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt):
        structlog.get_logger().critical("program.crashed", exc_info=error)
