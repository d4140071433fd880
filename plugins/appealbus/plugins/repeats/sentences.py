"""What is new in a text against an earlier one, sentence by sentence. Knows no language: signs and spaces alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from appealbus.core.texts import normal, shingles, similarity

CHANGED = 0.6
"""From this share of common words on, or of common pieces of words, which counts where endings differ, a sentence is an
earlier one that was changed. With less, two about the same thing are one; with more, another number makes it new."""
_ENDS = re.compile(r"(?<=[.!?…;])[»\"”)]*\s+")
_ABBREVIATION = re.compile(r"(?:^|[\s(«\"])[^\W\d_]{1,2}\.$|^\d{1,2}\.$")
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
        held = ""
        for piece in _ENDS.split(line):
            held = f"{held} {piece.strip()}".strip()
            if _ABBREVIATION.search(held):
                continue
            if normal(held):
                yield held
            held = ""
        if normal(held):
            yield held


def news(text: str, earlier: str) -> News:
    """Return what a text says beside an earlier one."""
    now, before = _distinct(text), _distinct(earlier)
    whole = f" {normal(earlier)} "
    same = {said for said in now if said in before}
    left = [said for said in now if said not in same]
    # A line that is broken elsewhere makes no new sentence.
    same.update(said for said in left[:_SEARCHED] if f" {said} " in whole)
    left = [said for said in left if said not in same]
    nearest = (
        _nearest(left[:_SEARCHED], {said: text for said, text in before.items() if said not in now}) if left else {}
    )
    return News(
        tuple(now[said] for said in left if said not in nearest),
        tuple(Changed(now[said], before[nearest[said]]) for said in left if said in nearest),
        len(same),
        _gone(before.keys() - now.keys() - set(nearest.values()), text),
    )


def _gone(left: Set[str], text: str) -> int:
    whole = f" {normal(text)} "
    return len(left) - sum(f" {said} " in whole for said in sorted(left)[:_SEARCHED])


def _distinct(text: str) -> dict[str, str]:
    """Return by its normal form each sentence as it is first written."""
    found: dict[str, str] = {}
    for each in sentences(text):
        found.setdefault(normal(each), each)
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
