"""New content of a text, by sentences. Independent of language: uses only punctuation and spaces."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from appealbus.core.texts import normal, shingles, similarity

CHANGED = 0.6
"""Minimum share of common words, or of common parts of words (which allows for inflection), for a changed sentence.
With less, two sentences about the same topic would match; with more, a changed number would make a sentence new."""
_ENDED = re.compile(r"[.!?…;][»\"”)]*$")
_ENDS = re.compile(r"(?<=[.!?…;])[»\"”)]*\s+")
_POINT = re.compile(r"^\s*\d{1,2}[.)]\s+")
"""The number of a list item: numbering old sentences adds nothing new."""
_CLAUSES = re.compile(r"[,.!?…;:](?!\d)|[()]|(?<=\s)[—–-](?=\s)")
"""End of a clause that can stand alone; a fragment cut anywhere else may mean the contrary."""
_LINES = 8
"""Maximum number of lines of one sentence: letters from mail are broken anywhere."""
_OCCURRENCES = 50
"""Maximum number of positions tried for one sentence: in a text of one repeated word there are too many."""
_ABBREVIATION = re.compile(r"(?:^|[\s(«\"])[^\W\d_]{1,2}\.$")
_NUMBER = re.compile(r"\d{1,2}\.$")
"""`ул.`, `г.`, `им.`, `ж.`, an initial, `3.` as a list number: none of them ends a sentence."""
_TOO_MANY = 20
"""Maximum number of earlier sentences of a shingle: a more frequent one does not distinguish them, and costs more."""
_SEARCHED = 1000
"""Maximum number of sentences compared for similarity; a page has thirty. Beyond that only equal sentences match: two
hostile texts would otherwise take a second."""


@dataclass(frozen=True, slots=True)
class Changed:
    text: str
    was: str


@dataclass(frozen=True, slots=True)
class News:
    """Differences of a text from an earlier one.

    Attributes:
        new: sentences without a similar earlier one, as written.
        changed: sentences similar to an earlier one, but not equal: another number, another name.
        same: number of equal sentences.
        gone: number of removed sentences.
    """

    new: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    same: int = 0
    gone: int = 0

    @property
    def nothing(self) -> bool:
        return not self.new and not self.changed


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text as written, without empty ones such as a line of dashes."""
    for line in text.splitlines():
        held = list[str]()
        for piece in map(str.strip, _ENDS.split(line)):
            goes_on = _ABBREVIATION.search(piece) or (not held and _NUMBER.match(piece))
            held.append(piece)
            if goes_on:  # what is held is not read again: a line may be of nothing but initials
                continue
            yield from _said(held)
            held = []
        yield from _said(held)


def _said(pieces: list[str]) -> Iterator[str]:
    sentence = " ".join(pieces).strip()
    if normal(sentence):
        yield sentence


@dataclass(frozen=True, slots=True)
class Paired:
    """Matched sentences of two texts, by normal form.

    Attributes:
        now: all of the text, as written, in order.
        before: all of the earlier text.
        same: of `now`, those that the earlier text has too, perhaps as a part of others.
        nearest: of `now`, the changed ones, each with its earlier form.
        gone: of `before`, those that are not in the text, not even as a part of others.
    """

    now: Mapping[str, str]
    before: Mapping[str, str]
    same: Set[str]
    nearest: Mapping[str, str]
    gone: Set[str]


def paired(text: str, earlier: str) -> Paired:
    now, before = _distinct(text), _distinct(earlier)
    same = {said for said in now if said in before}
    same |= _told(text, now.keys() - same, earlier)
    left = [said for said in now if said not in same]
    nearest = (
        _nearest(left[:_SEARCHED], {said: text for said, text in before.items() if said not in now}) if left else {}
    )
    gone = before.keys() - now.keys() - set(nearest.values())
    return Paired(now, before, same, nearest, gone - _told(earlier, gone, text))


def news(text: str, earlier: str) -> News:
    pairs = paired(text, earlier)
    left = [said for said in pairs.now if said not in pairs.same]
    return News(
        tuple(pairs.now[said] for said in left if said not in pairs.nearest),
        tuple(Changed(pairs.now[said], pairs.before[pairs.nearest[said]]) for said in left if said in pairs.nearest),
        len(pairs.same),
        len(pairs.gone),
    )


def _told(text: str, wanted: Set[str], other: str) -> set[str]:
    """Return the wanted sentences that the other text has as parts of sentences or across lines."""
    copied = set[str]()
    if not wanted:
        return copied
    clauses = _Clauses(other)
    written = list(sentences(text))
    keys = [_key(sentence) for sentence in written]
    searched = 0
    for at, said in enumerate(keys):
        if said not in wanted or said in copied:
            continue
        searched += 1
        if searched > _SEARCHED:
            break
        if clauses.whole.find(said) < 0:
            continue
        for end in range(at + 1, min(at + _LINES, len(keys)) + 1):
            if clauses.have(" ".join(keys[at:end])):
                copied.update(keys[at:end])
                break
            if _ENDED.search(written[end - 1]):
                break
    return copied & wanted


class _Clauses:
    """A text as one line, with the boundaries of clauses that can stand alone."""

    def __init__(self, text: str) -> None:
        pieces = (normal(piece) for line in text.splitlines() for piece in _CLAUSES.split(line))
        some = [piece for piece in pieces if piece]
        self.whole = " ".join(some)
        self._begin, self._end = set[int](), set[int]()
        at = 0
        for piece in some:
            self._begin.add(at)
            self._end.add(at + len(piece))
            at += len(piece) + 1

    def have(self, said: str) -> bool:
        """Whether one clause, or several in a row, equal the text."""
        at = -1
        for _ in range(_OCCURRENCES):
            at = self.whole.find(said, at + 1)
            if at < 0:
                return False
            if at in self._begin and at + len(said) in self._end:
                return True
        return False


def _key(sentence: str) -> str:
    return normal(_POINT.sub("", sentence)) or normal(sentence)


def _distinct(text: str) -> dict[str, str]:
    by_key: dict[str, str] = {}
    for sentence in sentences(text):
        by_key.setdefault(_key(sentence), sentence)
    return by_key


def _nearest(left: list[str], before: Mapping[str, str]) -> dict[str, str]:
    of = {said: shingles(said) for said in before}
    holding: defaultdict[str, list[str]] = defaultdict(list)
    for said, pieces in of.items():
        for piece in pieces:
            if len(holding[piece]) < _TOO_MANY:
                holding[piece].append(said)
    nearest = {}
    for said in left:
        pieces = shingles(said)
        shared = Counter(other for piece in pieces for other in holding.get(piece, ()))
        some = [other for other, _ in shared.most_common(_TOO_MANY)]
        likes = [(max(similarity(pieces, of[other]), _in_words(said, other)), other) for other in some]
        best = max(likes, default=(0.0, ""))
        if best[0] >= CHANGED:
            nearest[said] = best[1]
    return nearest


def _in_words(one: str, other: str) -> float:
    """Return the share of common words, in any order."""
    words, others = Counter(one.split()), Counter(other.split())
    return 2 * (words & others).total() / (words.total() + others.total())
