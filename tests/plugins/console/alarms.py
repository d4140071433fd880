"""Alarms for a console to show: a file of surges beside the journal of a world."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import WeekCount
from appealbus.core.clocks import day_of, wall
from appealbus.core.journal.appeals import lists
from appealbus.plugins.surges import kept, possible
from appealbus.plugins.surges.alarm import Alarm, Part, Shared
from appealbus.plugins.surges.possible import Day
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.series import WEEK, monday_of
from appealbus.plugins.surges.store import Counted, Store
from tests.plugins.console.world import World

TODAY = day_of(wall())
MONDAY = monday_of(TODAY) - 3 * WEEK
PARCEL = "27036042077"


def alarm(category: str, place: str, monday: date = MONDAY, **given: Any) -> Alarm:
    also = (Part("", "2736", 60, 30.5, 1e-5), Part("secret", "7110", 70, 40.0, 1e-3))
    compared = tuple((monday - ago * WEEK, 5) for ago in range(9, 2, -1))
    row = (monday, category, "Қоқыс", place, 24, 5.4, 9.5, 1e-7, "ears_c2", 59, compared, 2000, 2e-5, 0.05)
    return Alarm(*row, also=also, shared=(Shared("parcel", PARCEL, 9),), **given)


def alarms_in(made: Path, numbers: Sequence[str]) -> None:
    """Make a file with alarms of two weeks, what is possible in this one, and a year of counts."""
    with closing(Store(made)) as store:
        weeks = [
            WeekCount(MONDAY + at * WEEK, "waste", "273620100", 24 if at == 0 else 4, 1, 9) for at in range(-30, 3)
        ]
        weeks += [
            WeekCount(MONDAY, "waste", "711000000", 1000, 1, 9),
            WeekCount(MONDAY, "roads", "273620100", 500, 1, 9),
        ]
        store.count("journal", Counted(), Counted(1, 9), tuple(weeks))
        first = [alarm("waste", "2736", numbers=tuple(numbers)), alarm("roads", "7110"), alarm("fire", "2736")]
        kept.raise_alarms(store, [*first, alarm("waste", "2736", MONDAY + WEEK)], wall())
        for monday in (MONDAY, MONDAY + WEEK):
            store.note_judged(monday, wall(), 2000, 2e-5)
        possible.note(store, Day(day_of(wall()), 0.4, "law", 2000, 1e-4), [alarm("flood", "2736")], wall())


@contextmanager
def alarms(console: World, folder: Path) -> Iterator[Path]:
    """Have such a file, which the server reads."""
    made, shared = folder / "surges.db", console.api.host.shared
    alarms_in(made, [row.number for row in console.do(lambda journal: journal.ask(lists.appeals))])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            console.api.host, "shared", lambda plugin: Reading(made) if plugin == "surges" else shared(plugin)
        )
        yield made
