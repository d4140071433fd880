"""Tables and matters of any kind: what is said equals a count over every question and place, one by one."""

from datetime import date
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from appealbus.core.config.loading import SettingsFile
from appealbus.plugins.competence.evidence import Matter
from appealbus.plugins.competence.loading import _of_rows
from appealbus.plugins.competence.rows import Row
from appealbus.plugins.competence.scope import ALL, Match, category_chain, stem, territory_chain
from appealbus.plugins.competence.settings import BodySettings
from appealbus.plugins.competence.table import NAMED, Table
from tests.plugins.competence.making import A, B, C, D, E, body
from tests.services.forms import form

DAY = date(2026, 2, 16)
CATEGORIES = ["1", "1.1", "1.1.1", "1.2", "2", "2.1"]
PLACES = ["150000000", "153200000", "270000000", "271000000", "271010000", "273600000", "273630000", "273630100"]
# Of each node a leaf of its own, for what lies in it and in nothing that has a code.
LEAVES = [f"{code}.else" for code in CATEGORIES] + ["else"]
POINTS = [*PLACES, "710000000"]


def lies_in(kato: str, area: str) -> bool:
    """Say whether a place lies in an area, by the digits that are no zeros at the end of both."""
    return area in ("", kato) or territory_like(area, kato)


def territory_like(area: str, kato: str) -> bool:
    parts = [(0, 2), (2, 4), (4, 6), (6, 9)]
    last = max(at for at, (start, end) in enumerate(parts) if int(area[start:end]))
    return kato[: parts[last][1]] == area[: parts[last][1]]


def asks_of(leaf: str, code: str) -> bool:
    return code in ("*", "") or leaf == code or leaf.startswith(f"{code}.")


def by_hand(row: BodySettings, category: str, places: list[str]) -> Match:
    """Return the same by asking of every leaf of the matter whether it is the row's."""
    leaves = [each for each in LEAVES if asks_of(each, category)]
    points = [each for each in POINTS if any(lies_in(each, area) for area in places or [""])]
    verdicts = {
        any(asks_of(leaf, each) for each in row.categories)
        and not any(asks_of(leaf, each) for each in row.except_categories)
        and any(lies_in(point, each) for each in row.territory or [""])
        and not any(lies_in(point, each) for each in row.except_territory)
        for leaf, point in product(leaves, points)
    }
    return Match.MAYBE if len(verdicts) == 2 else Match.YES if verdicts == {True} else Match.NO


def matter(category: str, places: list[str]) -> Matter:
    nodes = sorted(map(stem, places)) or [ALL]
    return Matter(category, category_chain(category), (), {each: territory_chain(each) for each in nodes}, ())


codes, katos = st.sampled_from([*CATEGORIES, "*"]), st.sampled_from(PLACES)
matters = st.tuples(st.sampled_from([*CATEGORIES, ""]), st.lists(katos, max_size=3, unique=True))
written = st.builds(
    lambda bin_, categories, territory, no, nowhere: BodySettings.model_validate(
        body("r", bin_, categories, territory, except_categories=no, except_territory=nowhere)
    ),
    st.sampled_from([A, B, C, D, E]),
    st.lists(codes, min_size=1, max_size=3, unique=True),
    st.lists(katos, max_size=3, unique=True),
    st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True),
    st.lists(katos, max_size=2, unique=True),
).filter(lambda row: not list(_of_rows(SettingsFile({}), [row])))


@settings(max_examples=form(100, 5000), deadline=None)
@given(written, matters)
def test_a_row_says_what_a_count_of_leaves_says(row: BodySettings, about: tuple[str, list[str]]) -> None:
    """Yes where all that the matter may be is the row's, no where nothing of it is, else perhaps."""
    assert Row.of(row).match(matter(*about)) is by_hand(row, *about)


@settings(max_examples=form(60, 3000), deadline=None)
@given(st.lists(written, max_size=12), matters)
def test_the_index_finds_what_a_look_at_each_row_finds(rows: list[BodySettings], about: tuple[str, list[str]]) -> None:
    """The same bodies, and the same word on whether all of them are certain; past NAMED only that there are more."""
    best: dict[str, Match] = {}
    for row in rows:
        match = by_hand(row, *about)
        if match is not Match.NO and best.get(row.bin) is not Match.YES:
            best[row.bin] = match
    found, certain = Table.of(map(Row.of, rows)).competent(matter(*about), DAY)
    if len(best) > NAMED:
        assert len(found) > NAMED
    else:
        assert {each.said.bin for each in found} == best.keys()
        assert certain is all(match is Match.YES for match in best.values())
