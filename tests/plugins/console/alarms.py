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
from appealbus.plugins.surges.alarm import Alarm, Day
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.series import WEEK, monday_of
from appealbus.plugins.surges.store import Counted, Store
from tests.plugins.console.world import World
from tests.plugins.surges.alarms import PARCEL as SHARED
from tests.plugins.surges.alarms import alarm as made_alarm
from tests.plugins.surges.alarms import part

TODAY = day_of(wall())
MONDAY = monday_of(TODAY) - 3 * WEEK
PARCEL = SHARED.value


def alarm(category: str, place: str, monday: date = MONDAY, **given: Any) -> Alarm:
    also = (part("", "2736"), part("secret", "7110", 70, 40.0, 1e-3))
    compared = tuple((monday - ago * WEEK, 5) for ago in range(9, 2, -1))
    return made_alarm(category, place, monday, compared=compared, also=also, shared=(SHARED,), **given)


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
        day = Day(day=day_of(wall()), passed=0.4, calendar="law", tested=2000, limit=1e-4)
        possible.note(store, day, [alarm("flood", "2736")], wall())


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
