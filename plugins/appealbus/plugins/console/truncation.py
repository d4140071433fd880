"""Limits the size of pages with foreign content: fields that do not fit go to the next page."""

from collections.abc import Iterable
from html import escape

from appealbus.core.escaping import escaped
from appealbus.plugins.console.marks import short

_BYTES = 70_000
"""Bytes of fields on one page, as rendered; with everything else a page stays below 100 kB."""
_OF_A_VALUE = 40_000
"""Bytes of one value: a letter of 20,000 characters, with room for the fields behind it."""
_LINKED, _PLAIN = 450, 60
"""Bytes of markup of a field: one that links to its origin, with a purpose, and a plain one."""


class Room:
    """Remaining room of a page.

    Args:
        skip: fields on the previous pages.

    Attributes:
        passed: fields up to the last one shown.
        more: fields after it.
    """

    def __init__(self, skip: int = 0) -> None:
        self._left = _BYTES
        self._skip = skip
        self.passed = 0
        self.more = 0

    @property
    def next(self) -> int | None:
        """Number of fields that the next page skips; None on the last page."""
        return self.passed if self.more else None

    def take(self, *texts: str, beside: int = _PLAIN, most: int = _OF_A_VALUE) -> list[str] | None:
        """Return a field's texts, each truncated to `most` bytes; None if they do not fit on this page."""
        if self.passed < self._skip:
            self.passed += 1
            return None
        kept = [] if self.more else [_within(text, most) for text in texts]
        size = beside + sum(map(_size, kept))
        if self.more or _BYTES > self._left < size:  # one that is larger than a page stands on one alone
            self.more += 1
            return None
        self.passed += 1
        self._left -= size
        return kept

    def fields(self, fields: Iterable[tuple[str, str]], *, linked: bool = True) -> list[tuple[str, str]]:
        beside = _LINKED if linked else _PLAIN
        return [(name, kept[0]) for name, value in fields if (kept := self.take(value, beside=beside)) is not None]


def _within(text: str, most: int) -> str:
    """Truncate a text to a number of rendered bytes."""
    length = min(len(text), most)
    while (size := _size(text[:length])) > most:
        length = length * most // size
    return short(text, length)


def _size(text: str) -> int:
    return len(escape(escaped(text)).encode())
