"""Reports of plugin defects: a place in the code, never a value."""

import sys
from pathlib import Path
from traceback import walk_tb
from typing import Any

import structlog

from appealbus.core.errors import AppealBusError
from appealbus.core.guards.record_check import Misfit
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.outcomes import invalid
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Request, Wire
from appealbus.core.readings.origins import class_line
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)


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
