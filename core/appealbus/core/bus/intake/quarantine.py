"""Bounds of quarantine, and corrected copies of its messages, whose replay would create a second appeal."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from xml.sax.saxutils import unescape

import structlog

from appealbus.core.bus.intake.decoding import Unacceptable
from appealbus.core.config.models import BusSettings
from appealbus.core.journal import quarantine, retention
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import Named, QuarantineBounds, QuarantineRow
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change

log = structlog.get_logger(__name__)

BEGINNING = 16 * 1024
"""Bytes of a message in which its identifiers are searched: senders write them first."""
_IN_JSON = r'"{name}"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){{1,400}}")'
_IN_XML = r"<(?:[\w.-]+:)?{name}(?:\s[^<>]*)?>([^<]{{1,400}})</"
_PATTERNS = {
    name: (re.compile(_IN_JSON.format(name=name)), re.compile(_IN_XML.format(name=name)))
    for name in ("message_id", "number")
}
_CHANGE = re.compile(r'"type"\s*:\s*"change"|<(?:[\w.-]+:)?change[\s>]')


class CameMeanwhile(Unacceptable):
    """A copy was taken under another message id; `number` is its appeal. A person may accept the message anyway."""

    def __init__(self, number: str, quarantine_id: int) -> None:
        super().__init__(
            f"an appeal with its number is here, corrected perhaps: {number}. Compare both; then "
            f"`appealbus quarantine close {quarantine_id} --reason …`, or take it as an appeal of its own by "
            f"`appealbus quarantine replay {quarantine_id} --anyway`",
            "message.came_meanwhile",
        )
        self.number = number


async def copy_of(journal: Journal, read: Appeal | Change) -> str | None:
    """Return the appeal number given by a message if an appeal from another message has it."""
    if isinstance(read, Change):
        return None
    return (await journal.ask(quarantine.copies, [Named(read.channel, None, read.message_id, read.number)]))[0]


async def copies(journal: Journal, rows: Sequence[QuarantineRow]) -> dict[int, str]:
    """Map ids of quarantined messages to the numbers of appeals that may be their copies.

    Most of these messages cannot be parsed, so identifiers are searched in the first bytes.
    """
    waiting = [row for row in rows if row.replayed_at is None and row.closed_at is None]
    heads = await journal.ask(quarantine.beginnings, [row.id for row in waiting], BEGINNING) if waiting else {}
    named = [_named(row, heads.get(row.id, b"")) for row in waiting]
    numbers = await journal.ask(quarantine.copies, named) if named else []
    return {row.id: number for row, number in zip(waiting, numbers, strict=True) if number is not None}


def _named(row: QuarantineRow, head: bytes) -> Named:
    text = head.decode("utf-8", "replace")
    number = None if _CHANGE.search(text) else _first(text, "number")
    return Named(row.channel, row.at, _first(text, "message_id"), number)


def _first(text: str, name: str) -> str | None:
    in_json, in_xml = _PATTERNS[name]
    if match := in_json.search(text):
        try:
            name = str(json.loads(match[1]))
        except ValueError:
            return None
        return name if name.isprintable() else None  # of an appeal that was taken it always is
    if match := in_xml.search(text):
        name = unescape(match[1], {"&quot;": '"', "&apos;": "'"}).strip()
        return name if name.isprintable() else None
    return None


EVERY = 64
"""New quarantined messages between checks, and so the most that may exceed the bounds."""


async def trim_quarantine(journal: Journal, settings: BusSettings) -> int:
    """Drop messages beyond the bounds; return how many. Age does not count while the clock is in doubt."""
    dropped = await retention.all_of(
        journal,
        QuarantineBounds(
            settings.quarantine_messages,
            settings.quarantine_bytes,
            journal.now() - timedelta(seconds=settings.quarantine_retention) if journal.doubt is None else None,
        ),
    )
    if dropped:
        log.error("quarantine.dropped", count=dropped)
    return dropped
