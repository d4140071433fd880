"""Room for fields on one page: what a stranger wrote makes no page of megabytes. What has none stands on the next."""

from collections.abc import Iterable
from html import escape

from appealbus.core.escaping import escaped
from appealbus.plugins.console.marks import short

_BYTES = 70_000
"""Of fields on one page, as they stand in it: with all else that makes less than 100 kB."""
_OF_A_VALUE = 40_000
"""Bytes of one value: a letter of 20,000 letters. What stands behind it has room, too."""
_LINKED, _PLAIN = 450, 60
"""Bytes of a field beside its value: one that leads to where it comes from, with what for, and one that does not."""


class Room:
    """What is left of it.

    Args:
        skip: fields that stood on the pages before.

    Attributes:
        passed: fields up to the last one that is shown.
        more: fields behind it.

    """

    def __init__(self, skip: int = 0) -> None:
        self._left = _BYTES
        self._skip = skip
        self.passed = 0
        self.more = 0

    @property
    def next(self) -> int | None:
        """What the next page skips; None: this is the last one."""
        return self.passed if self.more else None

    def take(self, *texts: str, beside: int = _PLAIN, most: int = _OF_A_VALUE) -> list[str] | None:
        """Return the texts of a field, each within so many bytes; None where it has no room here."""
        if self.passed < self._skip:
            self.passed += 1
            return None
        kept = [] if self.more else [_within(each, most) for each in texts]
        size = beside + sum(map(_size, kept))
        if self.more or _BYTES > self._left < size:  # one that is larger than a page stands on one alone
            self.more += 1
            return None
        self.passed += 1
        self._left -= size
        return kept

    def fields(self, fields: Iterable[tuple[str, str]], *, linked: bool = True) -> list[tuple[str, str]]:
        """Return names and values of the fields that have room."""
        beside = _LINKED if linked else _PLAIN
        return [(name, kept[0]) for name, value in fields if (kept := self.take(value, beside=beside)) is not None]


def _within(text: str, most: int) -> str:
    """Return a text, or of a longer one the beginning that takes so many bytes on a page."""
    length = min(len(text), most)
    while (size := _size(text[:length])) > most:
        length = length * most // size
    return short(text, length)


def _size(text: str) -> int:
    return len(escape(escaped(text)).encode())
