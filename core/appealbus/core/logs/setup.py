"""Logging setup, once, at the start of the program; of an exception only type, code and place are logged."""

import contextlib
import logging
import sys
import sysconfig
import threading
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, TextIO

import orjson
import structlog

from appealbus.core.errors import ConfigError
from appealbus.core.logs import redact
from appealbus.core.process.worker import Worker


class LogLevel(StrEnum):
    """How much the log says."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    AUTO = "auto"
    """`console` on a terminal, else `json`."""
    JSON = "json"
    CONSOLE = "console"


_AGAIN = 60.0
"""Seconds: often enough to show that the failure lasts, seldom enough for a readable log."""


class LogThrottle:
    """Decides for one kind of failure whether to log it."""

    def __init__(self) -> None:
        self._told = float("-inf")

    def is_news(self) -> bool:
        """Return whether to log this failure: the first one, and then one each minute."""
        now = time.monotonic()
        if now - self._told < _AGAIN:
            return False
        self._told = now
        return True

    def over(self) -> None:
        """Record a success: the next failure is logged."""
        self._told = float("-inf")


_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_FRAMES = 20
"""The innermost frames show the place; an endless recursion would have a thousand."""
_CAUSES = 5
"""Causes of an error: seldom more than two; the limit bounds what a plugin can chain together."""


def summary(error: BaseException) -> dict[str, Any]:
    """Return the keys of an exception: error, frames, cause, and code or reason if they are ours."""
    fields: dict[str, Any] = {"error": _name(error), "frames": _frames(error.__traceback__)}
    if isinstance(error, ConfigError):
        fields["reason"] = str(error)
    elif type(error).__module__.startswith("appealbus.") and isinstance(code := getattr(error, "code", None), str):
        fields["code"] = code
    if causes := _causes(error):
        fields["cause"] = causes
    return fields


def exc_info(given: Any) -> BaseException | None:
    """Return the exception for a caller's `exc_info` argument."""
    match given:
        case BaseException():
            return given
        case (_, BaseException() as error, _):
            return error
    return sys.exc_info()[1] if given else None


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _causes(error: BaseException) -> list[str]:
    names = []
    if isinstance(error, BaseExceptionGroup):
        names = [_name(exception) for exception in error.exceptions[:_CAUSES]]
    current: BaseException | None = error
    while current and len(names) < _CAUSES:
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current:
            names.append(_name(current))
    return names


def _frames(traceback: TracebackType | None) -> list[str]:
    """List the frames outside the standard library and installed packages, and always the innermost one."""
    frames = []
    while traceback:
        code = traceback.tb_frame.f_code
        ours = "appealbus" in code.co_filename or not code.co_filename.startswith(_INSTALLED)
        if ours or traceback.tb_next is None:
            module = traceback.tb_frame.f_globals.get("__name__", "?")
            frames.append(f"{module}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return frames[-_FRAMES:]


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
