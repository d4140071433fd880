"""Safe facts about an exception: its type, our own code, and the place. Never its text or locals."""

import sys
import sysconfig
from types import TracebackType
from typing import Any

from appealbus.core.errors import ConfigError

_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
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
        ours = "appealbus" in code.co_filename or not code.co_filename.startswith(_LIBRARIES)
        if ours or traceback.tb_next is None:
            module = traceback.tb_frame.f_globals.get("__name__", "?")
            frames.append(f"{module}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return frames[-_FRAMES:]
