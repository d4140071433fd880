"""The table of competent bodies, by question and territory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from appealbus.plugins.competence.evidence import Matter
from appealbus.plugins.competence.rows import Row
from appealbus.plugins.competence.scope import ALL, Match
from appealbus.plugins.competence.settings import QuestionSettings
from appealbus.schemas.appeal import Addressee
from appealbus.schemas.identifiers import parse_bin, parse_or_none

NAMED = 3
"""Maximum number of bodies that a signal names: a longer list is of no use."""

_OBLAST, _RAYON = 2, 4
"""Digits of a КАТО code."""
ByPlace = dict[str, list[Row]]


@dataclass(frozen=True)
class Table:
    """All rows, indexed for lookup.

    Attributes:
        rows: in file order.
        by_bin: rows by the body's БИН.
        by_name: БИНs of all bodies with a name.
        wider: rows by each question they claim, then by rayon or what is above it.
        narrower: rows by each ancestor of those questions, in the same way.
        questions: names of questions by code.
    """

    rows: tuple[Row, ...] = field(repr=False)
    by_bin: dict[str, list[Row]] = field(repr=False)
    by_name: dict[str, set[str]] = field(repr=False)
    wider: dict[str, ByPlace] = field(repr=False)
    narrower: dict[str, ByPlace] = field(repr=False)
    questions: dict[str, QuestionSettings] = field(repr=False)

    @classmethod
    def of(cls, rows: Iterable[Row], called: Iterable[QuestionSettings] = ()) -> "Table":
        all_ = tuple(rows)
        by_bin: dict[str, list[Row]] = defaultdict(list)
        by_name: dict[str, set[str]] = defaultdict(set)
        wider: dict[str, ByPlace] = defaultdict(lambda: defaultdict(list))
        narrower: dict[str, ByPlace] = defaultdict(lambda: defaultdict(list))
        for row in all_:
            by_bin[row.said.bin].append(row)
            for name in (row.said.name_ru, row.said.name_kk):
                by_name[_plain(name)].add(row.said.bin)
            for place in {inner[:_RAYON] for inner in row.places.inside}:
                for index, questions in ((wider, row.questions.inside), (narrower, row.questions.above)):
                    for question in questions:
                        index[question][place].append(row)
        names = {settings.code: settings for settings in called}
        return cls(all_, dict(by_bin), dict(by_name), dict(wider), dict(narrower), names)

    def of_addressee(self, addressee: Addressee | None) -> tuple[list[Row], str]:
        """Return the body's rows (none if it is unknown or its name ambiguous), and the dossier field used."""
        if addressee is None:
            return [], "appeal.addressee"
        bin_ = parse_or_none(parse_bin, addressee.bin)
        if bin_ is not None:
            return self.by_bin.get(bin_, []), "appeal.addressee.bin"
        if not addressee.name:
            return [], "appeal.addressee"
        bins = self.by_name.get(_plain(addressee.name), set())
        return self.by_bin[next(iter(bins))] if len(bins) == 1 else [], "appeal.addressee.name"

    def competent(self, matter: Matter, day: date) -> tuple[list[Row], bool]:
        """Return one row per body that is or may be competent, and whether all of them certainly are.

        With more than NAMED bodies, the search stops at NAMED + 1.
        """
        matched: dict[str, tuple[Match, Row]] = {}
        for row in self._candidates(matter):
            match = row.match(matter) if row.counts_on(day) else Match.NO
            if match is Match.NO or (row.said.bin in matched and match is Match.MAYBE):
                continue
            matched[row.said.bin] = (match, row)
            if len(matched) > NAMED:
                break
        in_order = sorted(matched.values(), key=lambda pair: (pair[0] is Match.MAYBE, pair[1].said.id))
        return [row for _, row in in_order], all(match is Match.YES for match, _ in in_order)

    def _candidates(self, matter: Matter) -> Iterator[Row]:
        for by_place in (self.wider.get(code) for code in sorted(matter.category_chain)):
            yield from _near(by_place or {}, matter)
        yield from _near(self.narrower.get(matter.category, {}), matter)


def _near(by_place: ByPlace, matter: Matter) -> Iterator[Row]:
    keys: set[str] = set()
    for place in matter.places:
        keys.update((ALL, place[:_OBLAST], place[:_RAYON]))
        if len(place) < _RAYON:
            keys.update(node for node in by_place if node.startswith(place))
    for key in sorted(keys & by_place.keys()):
        yield from by_place[key]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
