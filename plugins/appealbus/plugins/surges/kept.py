"""Alarms in the file: raised once, taken until a date, closed with a verdict."""

import sqlite3
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from statistics import median

from appealbus.core import ConfigError
from appealbus.plugins.surges.alarm import CLOSINGS, Alarm, Handling, KeptAlarm, SurgeRecord
from appealbus.plugins.surges.store import Store

_OPEN = "closed_at IS NULL"
Note = Callable[[], None]


def _nothing() -> None:
    """Do nothing."""


class NotDone(ConfigError):
    """The alarm is in another state than expected, `kept` (None: it is missing); nothing was changed."""

    def __init__(self, reason: str, kept: KeptAlarm | None = None) -> None:
        super().__init__(reason)
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Closing:
    by: str
    verdict: str
    done: str


def raise_alarms(store: Store, alarms: list[Alarm], now: datetime) -> list[KeptAlarm]:
    """Store alarms; return the new ones. Each week and series has one alarm at most."""
    new = []
    with store.writing() as connection:
        for alarm in alarms:
            key = (alarm.monday.isoformat(), alarm.category, alarm.place)
            row = (*key, now.isoformat(), alarm.model_dump_json())
            done = connection.execute(
                "INSERT INTO alarm (monday, category, place, raised_at, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                row,
            )
            if done.rowcount and done.lastrowid is not None:
                new.append(KeptAlarm(id=done.lastrowid, raised_at=now, alarm=alarm))
    return new


def alarms(store: Store, *, closed: bool = False, before: int | None = None, limit: int = 100) -> list[KeptAlarm]:
    """Return alarms below a number, the newest first; by default only open ones."""
    where = "1" if closed else _OPEN
    query = f"SELECT * FROM alarm WHERE {where} AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"  # noqa: S608
    with store.reading() as connection:
        return [read_kept(row) for row in connection.execute(query, (before, before, limit))]


def of_week(store: Store, monday: date) -> list[KeptAlarm]:
    with store.reading() as connection:
        rows = connection.execute("SELECT * FROM alarm WHERE monday = ? ORDER BY id", (monday.isoformat(),))
        return [read_kept(row) for row in rows]


def alarm(store: Store, number: int) -> KeptAlarm | None:
    with store.reading() as connection:
        return _one(connection, number)


def take(
    store: Store, number: int, by: str, until: date, now: datetime, *, seen: str | None = None, note: Note = _nothing
) -> KeptAlarm:
    """Take an alarm until a day, from somebody else too, or prolong one's own.

    Args:
        store: the file.
        number: of the alarm.
        by: person who takes it; no change if they already have it until this day.
        until: last day.
        now: current time.
        seen: expected `standing` of the alarm; None: any.
        note: called before the commit: if it fails, nothing is changed.

    Raises:
        NotDone: the alarm is missing or closed, or was taken by somebody else meanwhile.
    """
    with store.writing() as connection:
        current = _open_one(connection, number)
        if (current.taken_by, current.taken_until) == (by, until):
            return current
        _as_seen(current, seen)
        note()
        connection.execute(
            "UPDATE alarm SET taken_at = coalesce(taken_at, ?), taken_by = ?, taken_until = ? WHERE id = ?",
            (now.isoformat(), by, until.isoformat(), number),
        )
        return _open_one(connection, number)


def close(
    store: Store, number: int, closing: Closing, now: datetime, *, seen: str | None = None, note: Note = _nothing
) -> KeptAlarm:
    """Close an alarm; `seen` and `note` as for `take`. Idempotent.

    Raises:
        NotDone: the alarm is missing, closed differently, or was taken by somebody else meanwhile.
        ConfigError: the verdict is not in `CLOSINGS`.
    """
    if closing.verdict not in CLOSINGS:
        raise ConfigError(f"an alarm is closed as one of {', '.join(CLOSINGS)}")
    with store.writing() as connection:
        current = _one(connection, number)
        if current is not None and (current.closed_by, current.verdict, current.done) == astuple(closing):
            return current
        _as_seen(_open_one(connection, number), seen)
        note()
        connection.execute(
            "UPDATE alarm SET closed_at = ?, closed_by = ?, verdict = ?, done = ? WHERE id = ?",
            (now.isoformat(), closing.by, closing.verdict, closing.done, number),
        )
        return read_kept(connection.execute("SELECT * FROM alarm WHERE id = ?", (number,)).fetchone())


def standing(row: KeptAlarm) -> str:
    """Return owner and last day in one string, for a form to detect changes."""
    return f"{row.taken_until or ''} {row.taken_by or ''}".strip()


def record(store: Store) -> SurgeRecord:
    """Return how alarms have turned out; the hours are to the taking or the closing, whichever came first."""
    with store.reading() as connection:
        query = "SELECT verdict, raised_at, taken_at, closed_at FROM alarm"
        rows = [(row["verdict"], *map(_moment, tuple(row)[1:])) for row in connection.execute(query)]
    closed = {word: sum(verdict == word for verdict, *_ in rows) for word in CLOSINGS}
    ended = sum(closed.values())
    reacted = [
        (min(filter(None, (taken, ended_at))) - raised) / timedelta(hours=1)
        for _, raised, taken, ended_at in rows
        if raised and (taken or ended_at)
    ]
    return SurgeRecord(
        raised=len(rows),
        open=len(rows) - ended,
        closed=closed,
        precision=1 - closed["false"] / ended if ended else None,
        hours_to_react=median(reacted) if reacted else None,
    )


def _one(connection: sqlite3.Connection, number: int) -> KeptAlarm | None:
    row = connection.execute("SELECT * FROM alarm WHERE id = ?", (number,)).fetchone()
    return None if row is None else read_kept(row)


def _open_one(connection: sqlite3.Connection, number: int) -> KeptAlarm:
    current = _one(connection, number)
    if current is None:
        raise NotDone(f"there is no alarm {number}; `appealbus surges alarms` lists those that are open")
    if current.closed_at is not None:
        raise NotDone(f"alarm {number} is closed as {current.verdict}, by {current.closed_by}", current)
    return current


def _as_seen(row: KeptAlarm, seen: str | None) -> None:
    if seen is not None and seen != standing(row):
        raise NotDone(f"{row.taken_by} has taken alarm {row.id} on until {row.taken_until}", row)


def read_kept(row: sqlite3.Row) -> KeptAlarm:
    handling = {name: row[name] for name in Handling.model_fields}
    return KeptAlarm(**handling, alarm=Alarm.kept(row["body"]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
