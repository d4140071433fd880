"""Pending notifications by way: at least once, each with one key, for a limited time."""

import hashlib
import sqlite3
from datetime import date, datetime, timedelta

import orjson

from appealbus.plugins.surges import possible
from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.kept import read_kept
from appealbus.plugins.surges.sending import Event
from appealbus.plugins.surges.store import Store

ALARM, POSSIBLE = timedelta(days=14), timedelta(days=2)
"""Period for which an untaken one is sent. After two weeks an alarm is superseded by two newer ones of its series;
after two days a possible surge is superseded by another day, or by the alarm."""
AT_ONCE = 100
"""Maximum number of each kind, by one way, in an hour: even a receiver that takes ten seconds for each finishes."""

_UNSENT = """
FROM {source} WHERE NOT EXISTS (
    SELECT 1 FROM sent WHERE kind = :kind AND id = new.id AND way = :way AND told_at IS NOT NULL
) AND NOT EXISTS (
    SELECT 1 FROM alarm AS old WHERE old.category = new.category AND old.place = new.place
    AND old.closed_at IS NULL AND old.taken_until >= :today {older}
)
"""
_TRIES = "(SELECT tries FROM sent WHERE kind = :kind AND id = new.id AND way = :way)"
"""Refused ones come last, so that they block nothing; untried ones have NULL and come first."""
_OF = {
    "alarm": (
        _UNSENT.format(source="alarm AS new", older="AND old.id < new.id") + "AND closed_at IS NULL AND raised_at",
        ALARM,
    ),
    "possible": (_UNSENT.format(source="possible AS new JOIN looked USING (day)", older="") + "AND found_at", POSSIBLE),
}
"""By kind: query for unsent ones, up to the bound on their age; and the period of sending."""


def waiting(store: Store, way: str, now: datetime, today: date) -> list[Event]:
    """Return what is due by a way.

    Left out are surges whose previous alarm is taken until today or later: its owner knows.
    """
    rows: dict[str, list[sqlite3.Row]] = {}
    with store.reading() as connection:
        for kind, (unsent, long) in _OF.items():
            query = f"SELECT * {unsent} >= :since ORDER BY {_TRIES}, id LIMIT {AT_ONCE}"
            rows[kind] = connection.execute(query, _given(kind, way, today, now - long)).fetchall()
    alarms = [_alarm(read_kept(row)) for row in rows["alarm"]]
    return alarms + [_possible(possible.read(row)) for row in rows["possible"]]


def given_up(store: Store, way: str, now: datetime, today: date) -> int:
    unsent, long = _OF["alarm"]
    with store.reading() as connection:
        query = f"SELECT count(*) {unsent} < :since AND {_TRIES} > 0"
        return int(connection.execute(query, _given("alarm", way, today, now - long)).fetchone()[0])


def tried(store: Store, event: Event, way: str, taken_at: datetime | None) -> None:
    """Record an attempt; `taken_at` None: it failed."""
    moment = None if taken_at is None else taken_at.isoformat()
    with store.writing() as connection:
        connection.execute(
            "INSERT INTO sent VALUES (?, ?, ?, 1, ?)"
            " ON CONFLICT DO UPDATE SET tries = tries + 1, told_at = coalesce(told_at, excluded.told_at)",
            (event.kind, event.number, way, moment),
        )
        if event.kind == "alarm":
            connection.execute("UPDATE alarm SET told_at = coalesce(told_at, ?) WHERE id = ?", (moment, event.number))


def _given(kind: str, way: str, today: date, since: datetime) -> dict[str, str]:
    return {"kind": kind, "way": way, "today": today.isoformat(), "since": since.isoformat()}


def _alarm(kept: KeptAlarm) -> Event:
    alarm = kept.alarm
    document = {"possible": False, "id": kept.id, "raised_at": kept.raised_at}
    key = f"surge-{alarm.monday}-{_digest(alarm.category, alarm.place)}"
    return Event(key, "alarm", kept.id, kept.raised_at, alarm.place, orjson.dumps(document | alarm.model_dump()))


def _possible(row: possible.Possible) -> Event:
    surge = row.surge
    document = {"possible": True, "day": row.day, "passed": row.passed, "calendar": row.calendar}
    key = f"possible-{row.day}-{_digest(surge.category, surge.place)}"
    body = orjson.dumps(document | {"found_at": row.found_at} | surge.model_dump())
    return Event(key, "possible", row.id, row.found_at, surge.place, body)


def _digest(category: str, place: str) -> str:
    """Return a short ASCII digest of a series, as a category may have any characters."""
    return hashlib.sha256(orjson.dumps([category, place])).hexdigest()[:16]
