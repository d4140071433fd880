"""What surges keep, and how they count."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from appealbus.core import ConfigError, WeekCount, WeekCounts
from appealbus.plugins.surges.series import WeekRow
from appealbus.plugins.surges.store import Counted, Store
from appealbus.plugins.surges.watch import count_new

ONE, TWO, THREE = date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)


@dataclass
class Appeals:
    """A journal of appeals, each a week with its id: what counting needs of one."""

    weeks: dict[int, date]
    epoch: int = 1
    asked: list[int] = field(default_factory=list)

    async def week_counts(self, after: int = 0, most: int = 2) -> WeekCounts:
        self.asked.append(after)
        mine = sorted(each for each in self.weeks if each > after)[:most]
        rows = tuple(WeekCount(self.weeks[each], "land", "271034100", 1, each, each) for each in mine)
        return WeekCounts(rows, mine[-1] if mine else after, max(self.weeks, default=0), self.epoch)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "surges.db")
    yield made
    made.close()


def counts(store: Store) -> dict[date, int]:
    return {row.monday: row.appeals for row in store.rows()}


async def test_each_appeal_is_counted_once(store: Store) -> None:
    """Counting goes on behind the last appeal, and asks for nothing that it has counted."""
    journal = Appeals(dict(enumerate([ONE, ONE, TWO, TWO, TWO], 1)))
    await count_new(journal, "j", store)
    journal.weeks[6] = THREE
    journal.asked.clear()
    await count_new(journal, "j", store)
    assert journal.asked == [5]
    assert counts(store) == {ONE: 2, TWO: 3, THREE: 1}
    assert store.rows()[0] == WeekRow(ONE, "land", "2710", 2)
    assert store.ids(TWO, "land", "27") == (3, 5)
    assert store.ids(TWO, "", "") == (3, 5)
    assert store.ids(TWO, "waste", "") is None


async def test_what_the_journal_has_deleted_stays_counted(store: Store) -> None:
    """Old appeals go and their counts stay."""
    journal = Appeals(dict(enumerate([ONE, ONE, TWO], 1)))
    await count_new(journal, "j", store)
    del journal.weeks[1], journal.weeks[2]
    await count_new(journal, "j", store)
    assert counts(store) == {ONE: 2, TWO: 1}


async def test_after_a_restore_what_is_still_there_is_counted_again(store: Store) -> None:
    """In another epoch the ids of lost appeals are others': all is counted anew, and no count gets smaller.

    One old appeal that is still open says nothing of the weeks behind it: those of others were deleted for their age.
    """
    journal = Appeals(dict(enumerate([ONE, ONE, TWO, TWO, THREE], 1)))
    await count_new(journal, "j", store)
    restored = Appeals({2: ONE, 4: THREE, 5: THREE, 6: THREE}, epoch=2)
    await count_new(restored, "j", store)
    assert counts(store) == {ONE: 2, TWO: 2, THREE: 3}
    assert store.counted("j") == Counted(2, 6)
    assert store.ids(THREE, "land", "27") == (4, 6)
    restored.weeks[7] = THREE
    await count_new(restored, "j", store)
    assert counts(store)[THREE] == 4


def test_weeks_long_past_are_not_read(store: Store) -> None:
    """Only the weeks from a Monday on are read."""
    rows = tuple(WeekCount(week, "land", "2710", 1, 1, 1) for week in (date(1970, 1, 5), TWO))
    store.count("j", Counted(), Counted(1, 1), rows)
    assert [row.monday for row in store.rows(ONE)] == [TWO]


async def test_two_who_count_at_once_count_each_appeal_once(store: Store, tmp_path: Path) -> None:
    """A page that somebody else has counted meanwhile is not counted again, and nothing is left out."""

    class Raced(Appeals):
        async def week_counts(self, after: int = 0, most: int = 2) -> WeekCounts:
            page = await super().week_counts(after, most)
            if after == 0:
                with closing(Store(tmp_path / "surges.db")) as other:
                    await count_new(Appeals(self.weeks), "j", other)
            return page

    await count_new(Raced(dict(enumerate([ONE, ONE, TWO, TWO, TWO], 1))), "j", store)
    assert counts(store) == {ONE: 2, TWO: 3}


async def test_another_journal_is_refused(store: Store) -> None:
    """Counts of two journals are never mixed in one file."""
    await count_new(Appeals({1: ONE}), "j", store)
    with pytest.raises(ConfigError, match="counts another journal"):
        await count_new(Appeals({1: ONE}), "other", store)


async def test_an_empty_journal_counts_nothing(store: Store) -> None:
    """Where there is no appeal there is nothing to count, and counting ends."""
    await count_new(Appeals({}), "j", store)
    assert counts(store) == {}


def test_its_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else reads which parcels and streets appeals are about."""
    Store(tmp_path / "surges.db").close()
    assert (tmp_path / "surges.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    """A file of something else is named, with what is wrong with it."""
    (tmp_path / "surges.db").write_text("dossiers " * 1000)
    with pytest.raises(ConfigError, match=r"surges.db, cannot be used: SQLITE_NOTADB"):
        Store(tmp_path / "surges.db")


def test_damage_is_found_wherever_it_is(tmp_path: Path) -> None:
    """Also in pages that nobody may read for long."""
    path = tmp_path / "surges.db"
    with closing(Store(path)) as store:
        store.check()
    raw = bytearray(path.read_bytes())
    raw[-4096:] = b"\xa5" * 4096
    path.write_bytes(raw)
    with closing(Store(path)) as store, pytest.raises(ConfigError, match=r"SQLITE_CORRUPT.*surges anew"):
        store.check()


@pytest.mark.parametrize(
    ("category", "places", "told"),
    [
        ("waste", ["2736"], [0, 5, 0]),
        ("waste", ["2736", "2737"], [0, 12, 0]),
        ("", ["27"], [0, 112, 3]),
        ("", [""], [0, 1112, 3]),
        ("roads", ["71"], [0, 0, 0]),
    ],
)
def test_a_series_is_counted_by_topic_and_places(
    store: Store, category: str, places: list[str], told: list[int]
) -> None:
    """Districts with their villages, several together, regions and all; from the first week that there is on."""
    first, second = date(2026, 11, 9), date(2026, 11, 16)
    rows = [("waste", "273620100", 5), ("waste", "2737", 7), ("roads", "273620100", 100), ("waste", "711000000", 1000)]
    counted = [WeekCount(first, topic, place, number, 1, 9) for topic, place, number in rows]
    counted += [WeekCount(second, None, "270000000", 3, 1, 9), WeekCount(date(2026, 11, 2), "x", None, 0, 1, 9)]
    store.count("journal", Counted(), Counted(1, 9), tuple(counted))
    weeks = [date(2026, 10, 26), date(2026, 11, 2), first, second]
    assert store.weekly(weeks, category, places) == list(zip(weeks[1:], told, strict=True))
