"""Alarms: raised once, taken on until a day, closed with a word."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core import ConfigError, JournalError
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.alarm import Alarm, SurgeRecord
from appealbus.plugins.surges.kept import Closing
from appealbus.plugins.surges.store import Store
from tests.plugins.surges.alarms import PARCEL, part
from tests.plugins.surges.alarms import alarm as made_alarm
from tests.plugins.surges.calm import MONDAY

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alarm(category: str = "waste", monday: date = MONDAY) -> Alarm:
    return made_alarm(
        category, "2736", monday, also=(part("", "2736"),), numbers=("AB-2026-00000001",), shared=(PARCEL,)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "surges.db")
    yield made
    made.close()


def test_an_alarm_is_read_back_as_it_was(store: Store) -> None:
    """Nothing of an alarm is lost in the file."""
    (raised,) = kept.raise_alarms(store, [alarm()], NOW)
    assert kept.alarms(store) == [raised]
    assert kept.alarm(store, raised.id) == raised
    assert raised.alarm == alarm()
    assert kept.alarm(store, 9) is None


def test_what_a_newer_release_wrote_is_read(store: Store) -> None:
    """After a downgrade its alarms are there, without what is not known here, at whatever depth."""
    (raised,) = kept.raise_alarms(store, [alarm()], NOW)
    body = json.loads(alarm().model_dump_json())
    for known in (body, *body["also"], *body["shared"]):
        known["new"] = 1
    with store.writing() as connection:
        connection.execute("UPDATE alarm SET body = ?", (json.dumps(body),))
    assert kept.alarms(store) == [raised]


def test_one_week_of_a_series_is_raised_once(store: Store) -> None:
    """A week that is judged again raises what is new alone."""
    kept.raise_alarms(store, [alarm()], NOW)
    again = kept.raise_alarms(store, [alarm(), alarm("roads")], NOW + HOUR)
    assert [each.alarm.category for each in again] == ["roads"]
    assert len(kept.alarms(store)) == 2


def test_an_alarm_is_taken_on_and_closed_with_a_word(store: Store) -> None:
    """Who has it until when, and what it turned out to be, stand with it; closed, it is listed no more."""
    (raised,) = kept.raise_alarms(store, [alarm()], NOW)
    taken = kept.take(store, raised.id, "aigul", date(2026, 12, 4), NOW + HOUR)
    assert (taken.taken_by, taken.taken_until, taken.taken_at) == ("aigul", date(2026, 12, 4), NOW + HOUR)
    longer = kept.take(store, raised.id, "marat", date(2026, 12, 9), NOW + 2 * HOUR)
    assert (longer.taken_by, longer.taken_until, longer.taken_at) == ("marat", date(2026, 12, 9), NOW + HOUR)
    closed = kept.close(store, raised.id, Closing("marat", "true", "the dump is out"), NOW + 3 * HOUR)
    assert (closed.verdict, closed.done, closed.closed_by) == ("true", "the dump is out", "marat")
    assert kept.alarms(store) == []
    assert kept.alarms(store, closed=True) == [closed]


def test_what_cannot_be_is_refused_and_says_why(store: Store) -> None:
    """No alarm, a closed one, and a word that is none of the three are refused."""
    (raised,) = kept.raise_alarms(store, [alarm()], NOW)
    with pytest.raises(ConfigError, match="there is no alarm 9"):
        kept.take(store, 9, "aigul", date(2026, 12, 4), NOW)
    with pytest.raises(ConfigError, match="closed as one of true, false, known"):
        kept.close(store, raised.id, Closing("aigul", "perhaps", "x"), NOW)
    kept.close(store, raised.id, Closing("aigul", "false", "a flash mob"), NOW)
    with pytest.raises(ConfigError, match="is closed as false, by aigul"):
        kept.take(store, raised.id, "marat", date(2026, 12, 4), NOW)


def test_precision_and_time_to_react_follow_from_the_words(store: Store) -> None:
    """Of four alarms one is false, one known, one true and one open: two thirds were none of chance."""
    assert kept.record(store) == SurgeRecord(raised=0, open=0, closed={"true": 0, "false": 0, "known": 0})
    raised = kept.raise_alarms(store, [alarm(each) for each in "abcd"], NOW)
    kept.take(store, raised[0].id, "aigul", date(2026, 12, 4), NOW + 2 * HOUR)
    for each, verdict, hours in zip(raised, ("true", "false", "known"), (30, 4, 6), strict=False):
        kept.close(store, each.id, Closing("aigul", verdict, "x"), NOW + hours * HOUR)
    record = kept.record(store)
    assert (record.raised, record.open, record.closed) == (4, 1, {"true": 1, "false": 1, "known": 1})
    assert record.precision == pytest.approx(2 / 3)
    assert record.hours_to_react == 4.0


def test_the_same_twice_is_done_once_and_nothing_is_done_unseen(store: Store) -> None:
    """What is done is noted once, before it is; where that fails, or the alarm stands otherwise, nothing changes."""
    (raised,) = kept.raise_alarms(store, [alarm()], NOW)
    noted: list[str] = []
    day, free = date(2026, 12, 4), kept.standing(raised)

    def note() -> None:
        noted.append("row")

    def away() -> None:
        raise JournalError("away")

    with pytest.raises(JournalError):
        kept.take(store, raised.id, "aigul", day, NOW, seen=free, note=away)
    assert kept.alarm(store, raised.id) == raised
    taken = [kept.take(store, raised.id, "aigul", day, NOW + HOUR * at, seen=free, note=note) for at in range(2)]
    assert (taken[0], noted) == (taken[1], ["row"])
    with pytest.raises(kept.NotDone, match="aigul has taken alarm 1 on until 2026-12-04"):
        kept.take(store, raised.id, "marat", day, NOW, seen=free, note=note)
    word = Closing("marat", "true", "the dump is out")
    with pytest.raises(kept.NotDone, match="aigul has taken alarm 1 on"):
        kept.close(store, raised.id, word, NOW, seen=free, note=note)
    seen = kept.standing(taken[0])
    closed = [kept.close(store, raised.id, word, NOW + HOUR * at, seen=seen, note=note) for at in range(2)]
    assert (closed[0], noted) == (closed[1], ["row", "row"])
    with pytest.raises(kept.NotDone, match="closed as true, by marat"):
        kept.close(store, raised.id, Closing("aigul", "true", "the dump is out"), NOW, seen=seen, note=note)
    assert noted == ["row", "row"]
