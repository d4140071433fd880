"""What a plugin's defect looks like from outside: a place in the code, never a value."""

import sys
from pathlib import Path
from traceback import walk_tb
from typing import Any

import structlog

from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.outcomes import invalid
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)


class NotAnOutcome(AppealBusError, TypeError):
    """A lookup returned something else."""


def defect(lookup: Lookup[Any, Record], error: BaseException) -> Outcome[Record]:
    """Log that the lookup raised, and return the outcome. The error's own text may hold personal data."""
    kind, place = type(error).__name__, where(lookup, error)
    log.error("lookup.raised", lookup=lookup.name, error=kind, at=place)
    return invalid("plugin.error", f"the lookup raised {kind}{f' at {place}' if place else ''}")


def where(lookup: Lookup[Any, Record], error: BaseException) -> str:
    """Return `folder/file.py:line` of the deepest step inside the lookup's own package; empty if there is none."""
    module = type(lookup).__module__
    package = getattr(sys.modules.get(module), "__package__", None) or module
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name in (module, package) or name.startswith(f"{package}."):
            place = f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line}"
    return place
