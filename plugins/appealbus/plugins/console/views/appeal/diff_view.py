"""Side-by-side view of sentences within a size limit; changed words are marked."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from appealbus.plugins.console.marks import short
from appealbus.plugins.repeats.words import Label

Line = tuple[str, str, str]
"""Kind (see `Label`), this appeal's sentence, the other appeal's sentence. One of the two may be empty."""
Piece = tuple[bool, str]
"""Whether the other side lacks these words, and the words."""
_BYTES = 50_000
"""Bytes of sentences on one page, as rendered; with everything else a page stays below 100 kB."""
_OF_A_LINE = 250
"""Bytes of a line's markup."""
_LONGEST = 1500
"""Characters shown of one sentence."""
_WORDS = 40
"""Maximum number of words of two sentences for a comparison by words; longer sentences are marked as a whole."""


@dataclass(frozen=True, slots=True)
class Pieces:
    kind: str
    now: Sequence[Piece]
    was: Sequence[Piece]


def bounded(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that fit on a page: equal sentences are dropped first, then the end."""
    lines = [(kind, short(now, _LONGEST), short(was, _LONGEST)) for kind, now, was in lines]
    if sum(map(_size, lines)) > _BYTES:
        lines = [line for line in lines if line[0] != Label.SAME]
    kept, room = [], _BYTES
    for line in lines:
        room -= _size(line)
        if room < 0:
            break
        kept.append(line)
    return kept


def _size(line: Line) -> int:
    _, now, was = line
    words = 40 * _WORDS if line[0] == Label.CHANGED and _few(now, was) else 0
    return _OF_A_LINE + words + len(escape(now).encode()) + len(escape(was).encode())


def counted(lines: Iterable[Line]) -> Counter[str]:
    return Counter(kind for kind, _, _ in lines)


def in_pieces(line: Line) -> Pieces:
    kind, now, was = line
    if kind != Label.CHANGED or not _few(now, was):
        differs = kind != Label.SAME
        return Pieces(kind, [(differs, now)] if now else [], [(differs, was)] if was else [])
    words, others = now.split(), was.split()
    these, those = list[Piece](), list[Piece]()
    for tag, a, b, c, d in SequenceMatcher(None, others, words, autojunk=False).get_opcodes():
        if a < b:
            those.append((tag != "equal", " ".join(others[a:b])))
        if c < d:
            these.append((tag != "equal", " ".join(words[c:d])))
    return Pieces(kind, these, those)


def _few(now: str, was: str) -> bool:
    return max(len(now.split()), len(was.split())) <= _WORDS
