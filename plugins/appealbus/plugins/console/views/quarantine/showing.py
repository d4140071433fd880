"""The part of a message around its problem, with or without values."""

import re
from dataclasses import dataclass

from appealbus.core.escaping import escaped
from appealbus.core.management.quarantine import QuarantineRow
from appealbus.plugins.console.views.quarantine.hiding import without_values
from appealbus.plugins.console.views.quarantine.placing import LOOKED_AT, UTF16, place_of

_AROUND = 3000
"""Characters shown before and after a problem: readable, and at most 80 KB of the page."""
_NO_TEXT = re.compile(r"\\udc([89a-f][0-9a-f])")
"""An invalid UTF-8 byte, as `escaped` writes it."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A part of a message.

    Attributes:
        before: text before the mark.
        marked: the problem; empty at the end of the message, or without a position.
        after: text after the mark.
        line: of the mark; like `column` it counts from 1; 0: no position.
        left_out: characters omitted before and after this part.
        size: characters of the message.
    """

    before: str
    marked: str
    after: str
    line: int
    column: int
    left_out: tuple[int, int]
    size: int


def shown(row: QuarantineRow, *, values: bool) -> Marked:
    text = _text(row.raw)
    place = place_of(row, text)
    begin, end = place or (0, 0)
    first, last = max(0, begin - _AROUND), min(len(text), (end if place else _AROUND) + _AROUND)
    parts = [text[first:begin], text[begin:end], text[end:last]]
    if values:
        parts = [_NO_TEXT.sub(r"\\x\1", escaped(part)) for part in parts]
    else:
        parts = without_values(parts, text[:first], is_xml=row.media_type == "application/xml")
    line = text.count("\n", 0, begin) + 1 if place else 0
    column = begin - text.rfind("\n", 0, begin) if place else 0
    unread = max(0, len(row.raw) - LOOKED_AT) // 2 if row.raw.startswith(UTF16) else 0
    left_out = first, len(text) - last + unread
    return Marked(parts[0], parts[1], parts[2], line, column, left_out, len(text) + unread)


def _text(raw: bytes) -> str:
    if raw.startswith(UTF16):
        return raw[:LOOKED_AT].decode("utf-16", "replace")
    return raw.decode("utf-8", "surrogateescape")  # by far the fastest for megabytes that are no text
