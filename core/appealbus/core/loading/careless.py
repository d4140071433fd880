"""Common oversights of plugin authors, which Python reports late or unclearly."""

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any

from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.readings.declare import Origin, class_line

_ABSTRACT = re.compile(r"Can't instantiate abstract class (\w+) .*abstract methods? (.+)")
_SHADOWS = re.compile(r'Field name "(\w+)" in "(.+)" shadows an attribute')
_WORD = re.compile(r"\w+")
_AWAITABLE = re.compile(r"Awaitable|Coroutine|Future|Task")


def slip(part: object, interface: type) -> str:
    """Describe an oversight in a plugin's part, with remedy, file and line; empty if there is none."""
    kind = type(part)
    for name, _ in inspect.getmembers(interface, inspect.iscoroutinefunction):
        function = inspect.unwrap(getattr(kind, name, None))  # type: ignore[arg-type]
        if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
            continue
        # What hands the call on needs no `async` where it says what it returns.
        if not _AWAITABLE.search(str(function.__annotations__.get("return"))):
            place = Origin(function.__code__.co_filename, function.__code__.co_firstlineno)
            without = ", without yield" if inspect.isasyncgenfunction(function) else ""
            return f"{kind.__name__}.{name} is awaited; write async def {name}{without} ({place})"
    if isinstance(part, Lookup):
        purpose = getattr(part, "purpose", None)
        if not (isinstance(purpose, str) and purpose.strip()):
            wanted = 'purpose = "…"'
            return f"{kind.__name__} has no purpose; write why the state may look: {wanted} ({class_line(kind)})"
    for name, specified in inspect.getmembers(interface, inspect.isfunction):
        method = None if name.startswith("_") else inspect.getattr_static(part, name)
        if isinstance(method, FunctionType | staticmethod | classmethod) and (
            wrong := _uncallable(kind, name, getattr(part, name), specified)
        ):
            return wrong
    if isinstance(part, Assessor):
        reads: Any = part.reads
        if reads is not None and not (isinstance(reads, tuple | list) and all(isinstance(read, str) for read in reads)):
            return f"{kind.__name__}.reads is no list of paths; write reads = ({reads!r},) ({class_line(kind)})"
    return ""


def _uncallable(kind: type, name: str, method: Callable[..., Any], specified: Callable[..., Any]) -> str:
    """Return why a call of this method would do nothing or fail; empty if it works."""
    code = getattr(inspect.unwrap(method), "__code__", None)
    if code is None:
        return ""
    place = Origin(code.co_filename, code.co_firstlineno)
    later = inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
    if later and not inspect.iscoroutinefunction(specified) and not inspect.isasyncgenfunction(specified):
        return f"{kind.__name__}.{name} is called and not awaited; write it without async ({place})"
    wanted = [parameter for parameter in inspect.signature(specified).parameters.values() if parameter.name != "self"]
    wanted = [
        parameter
        for parameter in wanted
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    try:
        inspect.signature(method).bind(*wanted)
    except TypeError:
        names = ", ".join(["self", *(parameter.name for parameter in wanted)])
        return f"{kind.__name__}.{name} takes other arguments; write {name}({names}) ({place})"
    return ""


def unusable(hook: str, function: Callable[..., Any], specified: Callable[..., Any]) -> str:
    """Return why a call of this hook implementation would do nothing or fail; empty if it works."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"{hook} is called and not awaited; write it without async"
    if inspect.isgeneratorfunction(function):
        return f"{hook} is called once, and would not reach its yield; write return"
    known = [name for name in inspect.signature(specified).parameters if name != "self"]
    for name, wanted in inspect.signature(function).parameters.items():
        if wanted.kind in (wanted.VAR_POSITIONAL, wanted.VAR_KEYWORD):
            continue
        if wanted.kind is wanted.POSITIONAL_ONLY:
            return f"{hook}: arguments come by their names; take the / out of its signature"
        if name not in known and wanted.default is wanted.empty:
            return f"{hook}: there is no argument {name!r}; it may take {', '.join(known) or 'none'}"
    return ""


def lacking(error: BaseException, make: Callable[..., Any] | None = None) -> str:
    """Return the abstract methods that a class lacks, if the error says so; with the place of `make`, if given."""
    match = _ABSTRACT.match(str(error)) if isinstance(error, TypeError) else None
    if match is None:
        return ""
    text = f"{match[1]} has no {' and no '.join(re.findall(_WORD, match[2]))}; write it in that class"
    while isinstance(make, partial):
        make = make.func
    if isinstance(make, type):
        return f"{text} ({class_line(make)})"
    code = getattr(make, "__code__", None)
    return text if code is None else f"{text} ({code.co_filename}:{code.co_firstlineno})"


@contextmanager
def shadows(told: list[str]) -> Iterator[None]:
    """Collect fields that shadow a model's attributes, instead of pydantic's warnings."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", _SHADOWS.pattern, UserWarning)
        shown = warnings.showwarning

        def show(message: Any, category: Any, filename: str, lineno: int, *more: Any) -> None:
            match = _SHADOWS.match(str(message))
            if match is None:
                shown(message, category, filename, lineno, *more)
            else:
                hides = f"the field {match[1]} of {match[2]} hides what every model has by that name"
                told.append(f"{Origin(filename, lineno)}: {hides}; call it {match[1]}_")

        warnings.showwarning = show  # type: ignore[assignment]
        yield
