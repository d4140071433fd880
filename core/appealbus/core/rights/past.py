"""The history of an appeal, as a restricted viewer sees it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appealbus.core.domain.event import EventType, LogEntry, by_client
from appealbus.core.rights.identifiers import HIDDEN
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.viewer import Viewer

_OF_VERSIONS = frozenset(
    {EventType.DELIVERED, EventType.FAILED, EventType.SET_ASIDE, EventType.SKIPPED, EventType.RESENT, EventType.VERSION}
)
_ALWAYS = frozenset({EventType.ACCEPTED, EventType.HELD, EventType.RELEASED, EventType.READ})
"""Events unrelated to any field."""
_OF_LOOKUPS = frozenset({EventType.ASKED, EventType.ENDED, EventType.REREAD, EventType.RETRACTED})
_PEOPLE = frozenset({"person", "api"})
"""Kinds of actors that write free text; the bus writes fixed texts."""
_TOLD = frozenset(
    {
        *("version", "receivers", "id", "as", "purpose", "rows", "found", "operation", "code", "attempts"),
        *("until", "count", "role", "credential"),
    }
)
"""Details of an entry that disclose no field."""
_OF_PROCESS = frozenset(
    {
        *("kind", "runs", "asked", "ended", "next", "question", "tries", "source", "served", "due", "waits_for"),
        *("pending", "deaths", "lacks", "carried", "state", "questions", "lookup", "lookups", "owner", "reason"),
        *("completeness", "at", "ms", "quarantine", "channel", "ended_before", "connector", "plugin"),
    }
)
"""Further details on the process. Keys and hashes are never included, as they derive from hidden content."""
_IDS = frozenset({"id", "operation", "question", "credential"})
"""Ids assigned by the bus, never personal numbers."""


@dataclass(frozen=True, slots=True)
class History:
    """A page of what happened to an appeal.

    Attributes:
        entries: what is seen of it, oldest first.
        next: behind which position the next page begins; None: this is the last one.
    """

    entries: Sequence[LogEntry]
    next: int | None


def written_entry(viewer: Viewer, entry: LogEntry) -> LogEntry:
    """Return an entry without free text by others: it is about them, too."""
    if entry.actor.partition(":")[0] not in _PEOPLE:
        return entry
    reads = {"purpose": viewer.reads_purposes_of, "reason": viewer.reads_reasons_of}
    gone = {name: HIDDEN for name, may in reads.items() if entry.detail.get(name) and not may(entry.actor)}
    return replace(entry, detail={**entry.detail, **gone}) if gone else entry


def shown_entry(mask: Mask, entry: LogEntry, versions: Collection[int]) -> LogEntry | None:
    """Return the visible part of an entry about one appeal; None if it is hidden.

    `versions` are the visible dossier versions.
    """
    if not _is_shown(mask, entry, versions):
        return None
    allowed = _TOLD | _OF_PROCESS if mask.process else _TOLD
    if entry.what == EventType.VERSION and not mask.hidden(("completeness", ())):
        allowed |= {"completeness"}
    number = entry.number if entry.number is None else mask.text(entry.number)
    if mask.hides_numbers:
        number = None
    if entry.what == EventType.READ and not mask.process:
        allowed -= {"version"}  # others see versions that this viewer does not
    shown = replace(entry, number=number, detail=_told(mask, entry.detail, allowed))
    return _without_channel(shown) if mask.hidden(("appeal", ("channel",))) else shown


def _without_channel(entry: LogEntry) -> LogEntry:
    """Return an entry without the channel of a message, and thus its sender."""
    channel = entry.actor.removeprefix(by_client(""))
    if channel == entry.actor:
        return entry
    detail = {name: value for name, value in entry.detail.items() if name != "channel"}
    return replace(entry, actor="", about="" if entry.about == channel else entry.about, detail=detail)


def _is_shown(mask: Mask, entry: LogEntry, versions: Collection[int]) -> bool:
    if entry.what in _OF_LOOKUPS and not mask.shows_lookup(str(entry.detail.get("lookup", entry.about))):
        return False
    if entry.what in _OF_VERSIONS:
        return mask.process or entry.detail.get("version") in versions
    return mask.process or entry.what in _ALWAYS


def _told(mask: Mask, value: Any, allowed: Collection[str]) -> Any:
    match value:
        case str():
            return mask.text(value)
        case list() | tuple():
            return [_told(mask, item, allowed) for item in value if _names_shown(mask, item)]
        case bool() | int() | float() | None:
            return value
        case _:
            return {n: v if n in _IDS else _told(mask, v, allowed) for n, v in value.items() if n in allowed}


def _names_shown(mask: Mask, value: Any) -> bool:
    """Whether a list element names no hidden lookup."""
    return not isinstance(value, str) or "." not in value or mask.shows_lookup(value)
