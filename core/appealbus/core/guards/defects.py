"""What plugins return is checked, and their defects are reported: a place in the code, never a value."""

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json

from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.lookup import Lookup, invalid, models_of
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Request, Wire
from appealbus.core.readings.declare import class_line
from appealbus.schemas.base import printable
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record, record_from_json, record_to_json

log = structlog.get_logger(__name__)

_LARGEST = 4 * 1024 * 1024
"""Bytes of a record as JSON: the limit of an appeal. Usual answers have some thousands."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # not where the backslash is itself a character of the text
_NAIVE = re.compile(rb'"\d{4}-\d\d-\d\dT[\d:.]{5,15}"')
_FLAT = 100
"""Number of brackets that cannot nest too deep: JSON is read to a depth of 200."""
_ROUND = 10
"""Depth of a record in its dossier, with a margin."""
_CODE, _REASON = 100, 1000
"""Characters of a code and of a reason: ours have a tenth of that."""


class NotStorable(AppealBusError, TypeError):
    """A lookup returned something that cannot be serialized. The text quotes no value."""


class Misfit(AppealBusError, TypeError):
    """A lookup returned an undeclared record type, or a moment without a zone. The text quotes no value."""


_declared = lru_cache(maxsize=1024)(models_of)


def fitting(lookup: Lookup[Any, Any], record: Record, written: bytes) -> None:
    """Raise Misfit if a record is not of its lookup's type, or holds a moment without a zone."""
    models = _declared(type(lookup))
    if models is not None and not isinstance(record, models[1]):
        returned = f"found a {type(record).__name__} and declares {models[1].__name__}"
        raise Misfit(f"{returned}: return what it declares, or declare what it returns")
    if _NAIVE.search(written) and (path := _without_zone(record)):
        raise Misfit(f"found a record in which {path} is a moment without a zone: give it tzinfo, the source's own")


def _without_zone(value: Any, path: str = "") -> str:
    """Return the path of the first moment without a zone; empty if there is none."""
    if isinstance(value, datetime):
        return path if value.utcoffset() is None else ""
    inside: Iterable[tuple[str, Any]] = ()
    if isinstance(value, BaseModel):
        inside = ((f"{path}.{name}".removeprefix("."), item) for name, item in value)
    elif isinstance(value, list | tuple | set | frozenset):
        inside = ((f"{path}[*]", item) for item in value)
    elif isinstance(value, dict):
        inside = ((f"{path}.*", item) for item in value.values())
    return next(filter(None, (_without_zone(item, where) for where, item in inside)), "")


def checked(outcome: Outcome[Any]) -> tuple[Outcome[Record], bytes | None]:
    """Return the outcome with printable code and reason, and its serialized record. Raises NotStorable."""
    if not isinstance(outcome.kind, OutcomeKind) or outcome.kind is OutcomeKind.SKIPPED:
        raise NotStorable("its kind is none that a question ends in")
    if not isinstance(outcome.code, str) or not isinstance(outcome.reason, str):
        raise NotStorable("code and reason are texts")
    if outcome.not_before is not None and not isinstance(outcome.not_before, datetime):
        raise NotStorable("not_before is a moment")
    written = None if outcome.record is None else _written(outcome.record)
    # They go into the status, the log and two databases, which do not all take the same characters.
    code, reason = printable(outcome.code[:_CODE]), printable(outcome.reason[:_REASON])
    if (code, reason) == (outcome.code, outcome.reason):
        return outcome, written
    return replace(outcome, code=code, reason=reason), written


def _has_brackets(raw: bytes, most: int) -> bool:
    """Whether there are more than `most`. Repeated `find` is ten times as fast as `count`, and most have few."""
    for bracket in (b"{", b"["):
        at = raw.find(bracket)
        while at >= 0:
            most -= 1
            if most < 0:
                return True
            at = raw.find(bracket, at + 1)
    return False


def _written(record: Record) -> bytes:
    try:
        raw = record_to_json(record, exclude_none=True, strict=True)
    except (PydanticSerializationError, UnicodeError, ValueError, RecursionError, AttributeError):
        raise NotStorable("the record holds what cannot be written as JSON") from None
    if len(raw) > _LARGEST:
        raise NotStorable("the record is too large")
    if b"\\u0000" in raw and _NUL.search(raw):
        raise NotStorable("the record holds a NUL character")
    # NaN, a number past all bounds, a type that is another record's: written, but the case could not be read again.
    is_its_own = Record.known.get(getattr(record, "type", "")) is type(record)
    try:
        orjson.loads(raw) if is_its_own else record_from_json(record_to_json(record))
        if _has_brackets(raw, _FLAT):
            from_json(b"[" * _ROUND + raw + b"]" * _ROUND)
    except (ValueError, RecursionError):
        raise NotStorable("the record could not be read again") from None
    return raw


class NotAnOutcome(AppealBusError, TypeError):
    """A lookup returned something else."""


def of_wire(error: BaseException) -> bool:
    """Whether the error came from the wire, after a correct call by the lookup."""
    return any(
        frame.f_code is Source.call.__code__ and isinstance(frame.f_locals.get("request"), Request)
        for frame, _ in walk_tb(error.__traceback__)
    )


def defect(lookup: Lookup[Any, Record], error: BaseException, wire: Wire) -> Outcome[Record]:
    """Log an error of the lookup or its wire, and return the outcome. The error's own text may hold personal data."""
    kind = type(error).__name__
    if of_wire(error):
        place = where(wire, error)
        log.error("wire.raised", lookup=lookup.name, source=lookup.source, error=kind, at=place)
        return invalid("plugin.error", f"the wire raised {kind} at {place}")
    place = where(lookup, error)
    if isinstance(error, Misfit):
        log.error("lookup.misfit", lookup=lookup.name, at=place)
        return invalid("plugin.error", f"the lookup {lookup.name} {error} ({place})")
    log.error("lookup.raised", lookup=lookup.name, error=kind, at=place)
    return invalid("plugin.error", f"the lookup raised {kind} at {place}")


def where(part: object, error: BaseException) -> str:
    """Return `folder/file.py:line` of the deepest frame in the part's own package, else of its class."""
    module = type(part).__module__
    package = getattr(sys.modules.get(module), "__package__", None) or module
    declared = class_line(type(part))
    file, line = declared.file, declared.line
    for frame, at in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name in (module, package) or name.startswith(f"{package}."):
            file, line = frame.f_code.co_filename, at
    return _told(file, line)


def line_of(lookup: Lookup[Any, Record], field: str) -> str:
    """Return `folder/file.py:line` of the declaration of a field of a lookup's record, else of the lookup."""
    name, origin = field.partition(".")[0].partition("[")[0], class_line(type(lookup))
    reading = getattr(getattr(lookup, "take", None), "reading", None)
    if reading is not None and (declared := reading.fields.get(name)) is not None:
        first = declared[0] if isinstance(declared, tuple) else declared
        origin = reading.origin.of(first, name) if isinstance(first, str) else first.origin
    return _told(origin.file, origin.line)


def _told(file: str, line: int) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"
