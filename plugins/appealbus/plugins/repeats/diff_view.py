"""Two texts side by side by sentences, in the order of the later one."""

from collections.abc import Iterator
from dataclasses import dataclass

from appealbus.plugins.repeats.sentences import Paired, paired
from appealbus.plugins.repeats.words import Label


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence and its counterpart in the other text.

    Attributes:
        kind: `new`, `changed`, `same` or `gone`.
        now: in the later text; empty if absent or only a part of other sentences there.
        was: in the earlier text; empty likewise.
    """

    kind: Label
    now: str = ""
    was: str = ""


def side_by_side(text: str, earlier: str) -> Iterator[Line]:
    """Yield all sentences of both texts, without repetitions within a text.

    A sentence only in the earlier text comes before the one that followed it there.
    """
    pairs = paired(text, earlier)
    place = {said: at for at, said in enumerate(pairs.before)}
    alone = [(place[said], line) for said, line in _alone(pairs)]
    at = 0
    for said, now in pairs.now.items():
        was = pairs.nearest.get(said, said)
        while at < len(alone) and alone[at][0] < place.get(was, -1):
            yield alone[at][1]
            at += 1
        kind = Label.SAME if said in pairs.same else Label.CHANGED if said in pairs.nearest else Label.NEW
        yield Line(kind, now, pairs.before.get(was, ""))
    for _, line in alone[at:]:
        yield line


def _alone(pairs: Paired) -> Iterator[tuple[str, Line]]:
    """Yield sentences only in the earlier text: removed ones, and those that are now part of others."""
    beside = {*pairs.nearest.values()}
    for said, was in pairs.before.items():
        if said not in pairs.now and said not in beside:
            yield said, Line(Label.GONE if said in pairs.gone else Label.SAME, was=was)
