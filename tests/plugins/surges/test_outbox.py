"""What is to be sent: at least once under one key, what is refused last, and nothing for ever."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.plugins.surges import kept, outbox, possible
from appealbus.plugins.surges.alarm import Day
from appealbus.plugins.surges.sending import Event
from appealbus.plugins.surges.store import Store
from tests.plugins.surges.calm import MONDAY
from tests.plugins.surges.test_kept import NOW, alarm

TODAY = NOW.date()
DAY = Day(day=MONDAY + timedelta(weeks=1), passed=0.2, calendar="law", tested=2000, limit=1e-4)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "surges.db")
    yield made
    made.close()


def waiting(store: Store, today: date = TODAY, way: str = "webhook", now: datetime = NOW) -> list[Event]:
    return outbox.waiting(store, way, now, today)


def test_each_way_gets_each_event_under_one_key(store: Store) -> None:
    """What one way has taken the other still gets; a key tells series and weeks apart, and says nothing of them."""
    kept.raise_alarms(store, [alarm(), alarm("roads")], NOW)
    possible.note(store, DAY, [alarm("fire")], NOW)
    events = waiting(store)
    assert [(each.kind, each.number, each.region) for each in events] == [
        ("alarm", 1, "27"),
        ("alarm", 2, "27"),
        ("possible", 1, "27"),
    ]
    assert len({each.key for each in events}) == 3
    assert all(each.key.isascii() and "waste" not in each.key for each in events)
    outbox.tried(store, events[0], "webhook", NOW)
    assert [each.key for each in waiting(store)] == [each.key for each in events[1:]]
    assert waiting(store, way="broker") == events
    assert [each.told_at for each in kept.alarms(store)] == [None, NOW]


def test_what_is_refused_comes_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred that a receiver never takes hold up no new one."""
    monkeypatch.setattr("appealbus.plugins.surges.outbox.AT_ONCE", 2)
    kept.raise_alarms(store, [alarm(name) for name in "abc"], NOW)
    for event in waiting(store):
        outbox.tried(store, event, "webhook", None)
    assert [each.number for each in waiting(store)] == [3, 1]


def test_what_nobody_takes_is_given_up(store: Store) -> None:
    """After two weeks an alarm is sent no more, and counted; what was only possible after two days."""
    kept.raise_alarms(store, [alarm()], NOW)
    possible.note(store, DAY, [alarm()], NOW)
    for event in waiting(store):
        outbox.tried(store, event, "webhook", None)
    later = NOW + timedelta(days=3)
    assert [each.kind for each in waiting(store, now=later)] == ["alarm"]
    assert outbox.given_up(store, "webhook", later, NOW.date()) == 0
    later = NOW + timedelta(days=15)
    assert waiting(store, now=later) == []
    assert outbox.given_up(store, "webhook", later, NOW.date()) == 1
    assert outbox.given_up(store, "broker", later, NOW.date()) == 0


def test_who_has_taken_an_alarm_on_is_not_told_of_it_anew(store: Store) -> None:
    """The same series in the next week is told once its day has passed, and another series at once; so is the day."""
    (first,) = kept.raise_alarms(store, [alarm()], NOW)
    outbox.tried(store, waiting(store)[0], "webhook", NOW)
    kept.take(store, first.id, "aigul", date(2026, 12, 4), NOW)
    kept.raise_alarms(store, [alarm(monday=MONDAY + timedelta(weeks=1)), alarm("roads")], NOW)
    possible.note(store, DAY, [alarm()], NOW)
    assert [each.number for each in waiting(store, date(2026, 12, 4))] == [3]
    assert [(each.kind, each.number) for each in waiting(store, date(2026, 12, 5))] == [
        ("alarm", 2),
        ("alarm", 3),
        ("possible", 1),
    ]


def test_a_day_is_noted_once(store: Store) -> None:
    """A second look at the same day adds nothing, and the newest day is read back as it was."""
    assert possible.newest(store) == (None, [])
    assert possible.note(store, DAY, [alarm()], NOW) == 1
    assert possible.note(store, DAY, [alarm("roads")], NOW) == 0
    day, found = possible.newest(store)
    assert (day, [each.surge for each in found]) == (DAY, [alarm()])
    assert possible.looked(store, DAY.day)
    assert not possible.looked(store, MONDAY)


def test_only_so_much_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old days go by their order, and what was sent of them with them."""
    monkeypatch.setattr("appealbus.plugins.surges.possible._DAYS", 2)
    monkeypatch.setattr("appealbus.plugins.surges.possible._ROWS", 2)
    for ahead in (0, 300, 1, 2):
        look = DAY.model_copy(update={"day": DAY.day + timedelta(days=ahead)})
        possible.note(store, look, [alarm()], NOW)
        for event in waiting(store):
            outbox.tried(store, event, "webhook", NOW)
    assert not possible.looked(store, DAY.day)
    with store.reading() as connection:
        assert [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("looked", "sent")] == [
            2,
            2,
        ]
