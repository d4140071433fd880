"""What is new in a text against an earlier one, sentence by sentence. Knows no language: signs and spaces alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from appealbus.core.texts import normal, shingles, similarity

CHANGED = 0.6
"""From this share of common words on, or of common pieces of words, which counts where endings differ, a sentence is an
earlier one that was changed. With less, two about the same thing are one; with more, another number makes it new."""
_ENDED = re.compile(r"[.!?…;][»\"”)]*$")
_ENDS = re.compile(r"(?<=[.!?…;])[»\"”)]*\s+")
_POINT = re.compile(r"^\s*\d{1,2}[.)]\s+")
"""The number of a point of a list: whoever numbers what they said before says nothing new."""
_CLAUSES = re.compile(r"[,.!?…;:](?!\d)|[()]|(?<=\s)[—–-](?=\s)")
"""Where a part of a sentence ends that may stand by itself: what is cut out elsewhere may say the contrary."""
_LINES = 8
"""Lines over which one sentence is looked for: letters that came by mail are broken anywhere."""
_OCCURRENCES = 50
"""Places that are looked at for one sentence: in a text of one word it is everywhere."""
_ABBREVIATION = re.compile(r"(?:^|[\s(«\"])[^\W\d_]{1,2}\.$")
_NUMBER = re.compile(r"\d{1,2}\.$")
"""`ул.`, `г.`, `им.`, `ж.`, an initial, `3.` at the head of a point: none of them ends a sentence."""
_TOO_MANY = 20
"""Earlier sentences that a shingle may lead to: one that is in more tells them apart no better, and costs more."""
_SEARCHED = 1000
"""Sentences that are searched for within the whole earlier text, and near earlier ones: a page has thirty. What comes
behind them is new where no earlier sentence is the same; else two hostile texts took a second."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A sentence, and the earlier one that it was made of."""

    text: str
    was: str


@dataclass(frozen=True, slots=True)
class News:
    """What a text says beside an earlier one.

    Attributes:
        new: sentences that nothing in it is like, as they are written.
        changed: those that are like one of it, and not the same: another number, another name.
        same: how many are in it as well.
        gone: how many of it are not said any more.

    """

    new: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    same: int = 0
    gone: int = 0

    @property
    def nothing(self) -> bool:
        """Whether it says nothing that the earlier one does not."""
        return not self.new and not self.changed


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text as they are written, without those that say nothing, such as a line of dashes."""
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
    """Which sentence of a text is which of an earlier one; each by its normal form.

    Attributes:
        now: of the text, as they are written, in its order.
        before: the same of the earlier one.
        same: of `now`, those that the earlier one says as well, though perhaps as a part of others.
        nearest: of `now`, those that were changed, with what each was.
        gone: of `before`, those that are not said any more, not even as a part of others.

    """

    now: Mapping[str, str]
    before: Mapping[str, str]
    same: Set[str]
    nearest: Mapping[str, str]
    gone: Set[str]


def paired(text: str, earlier: str) -> Paired:
    """Return which sentences of two texts belong together."""
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
    """Return what a text says beside an earlier one."""
    found = paired(text, earlier)
    left = [said for said in found.now if said not in found.same]
    return News(
        tuple(found.now[said] for said in left if said not in found.nearest),
        tuple(Changed(found.now[said], found.before[found.nearest[said]]) for said in left if said in found.nearest),
        len(found.same),
        len(found.gone),
    )


def _told(text: str, wanted: Set[str], other: str) -> set[str]:
    """Return which sentences of a text the other one has all the same, as parts of sentences or over several lines."""
    found = set[str]()
    if not wanted:
        return found
    clauses = _Clauses(other)
    written = list(sentences(text))
    keys = [_key(each) for each in written]
    searched = 0
    for at, said in enumerate(keys):
        if said not in wanted or said in found:
            continue
        searched += 1
        if searched > _SEARCHED:
            break
        if clauses.whole.find(said) < 0:
            continue
        for end in range(at + 1, min(at + _LINES, len(keys)) + 1):
            if clauses.have(" ".join(keys[at:end])):
                found.update(keys[at:end])
                break
            if _ENDED.search(written[end - 1]):
                break
    return found & wanted


class _Clauses:
    """A text as one line, and where parts of it begin and end that may stand by themselves."""

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
        """Whether one of them, or several in a row, say this."""
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
    """Return by its normal form each sentence as it is first written."""
    found: dict[str, str] = {}
    for each in sentences(text):
        found.setdefault(_key(each), each)
    return found


def _nearest(left: list[str], before: Mapping[str, str]) -> dict[str, str]:
    """Return for each sentence the earlier one that it was made of, where there is one."""
    of = {said: shingles(said) for said in before}
    holding: defaultdict[str, list[str]] = defaultdict(list)
    for said, its in of.items():
        for each in its:
            if len(holding[each]) < _TOO_MANY:
                holding[each].append(said)
    found = {}
    for said in left:
        its = shingles(said)
        shared = Counter(other for each in its for other in holding.get(each, ()))
        some = [other for other, _ in shared.most_common(_TOO_MANY)]
        likes = [(max(similarity(its, of[other]), _in_words(said, other)), other) for other in some]
        best = max(likes, default=(0.0, ""))
        if best[0] >= CHANGED:
            found[said] = best[1]
    return found


def _in_words(one: str, other: str) -> float:
    """Return which share of the words of two sentences both have, whatever their order."""
    words, others = Counter(one.split()), Counter(other.split())
    return 2 * (words & others).total() / (words.total() + others.total())
