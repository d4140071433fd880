"""Changes that wait: for appeals that are still to come, as many and for as long as may be."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from appealbus.core.domain.change import closed_by
from appealbus.core.domain.event import Event, What, by_client
from appealbus.core.journal import bulk
from appealbus.core.journal.rows import NewQuarantine
from appealbus.core.journal.tables import change as table
from appealbus.core.journal.tables import counter, to_number
from appealbus.core.journal.writes import keeping, touching

WAITING = "waiting_changes"
"""The counter of changes that wait for their appeals."""
MOST = 200
"""Changes of one appeal: ten times what a long life has. With more, each new one costs reading all of them anew."""
_BATCH = 200
"""Rows of one transaction that deletes."""


def count(connection: Connection, more: int) -> int:
    """Lock the counter of changes that wait, and return where it stands then."""
    kind: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = kind.insert(counter).values(name=WAITING, value=more)
    changed = statement.on_conflict_do_update(index_elements=["name"], set_={"value": counter.c.value + more})
    return int(connection.execute(changed.returning(counter.c.value)).scalar_one())


def waiting(connection: Connection) -> int:
    """Return how many changes wait, as it is now."""
    return connection.scalar(select(counter.c.value).where(counter.c.name == WAITING)) or 0


_WAITING = select(
    table.c.id,
    table.c.number,
    table.c.of_message,
    table.c.of_channel,
    table.c.message_id,
    table.c.channel,
    table.c.kind,
    table.c.dated_at,
    table.c.received_at,
    table.c.digest,
    table.c.sender,
).where(table.c.appeal_id.is_(None), table.c.refused.is_(None))
_ADOPTED = update(table).where(table.c.id == bindparam("this")).values(appeal_id=bindparam("of"))


def waiting_for(
    connection: Connection, rows: Sequence[dict[str, Any]], brought: Collection[str]
) -> dict[int, list[Any]]:
    """Find the changes that have waited for appeals, and write into the rows of these what becomes of them.

    By number those alone are found that appeals have `brought`: nobody can have meant one that the bus gives now.

    Such an appeal is nobody's at first: whoever claims it knows its changes. On PostgreSQL the counter is locked.
    """
    by_number = {row["number"]: row for row in rows if row["number"] in brought}
    by_message = {(row["message_id"], row["channel"]): row for row in rows}
    found: defaultdict[int, list[Any]] = defaultdict(list)
    numbers = bulk.padded(list(by_number))
    messages = bulk.padded([message_id for message_id, _ in by_message])
    for waits in connection.execute(_WAITING.where(table.c.number.in_(numbers) | table.c.of_message.in_(messages))):
        row = by_number.get(waits.number) or by_message.get((waits.of_message, waits.of_channel))
        if row is not None and _waits_for(waits, row) and len(found[row["id"]]) < MOST:
            found[row["id"]].append(waits)
    touching.drop_untouchable(connection, found, rows)
    for row in rows:
        if theirs := found.get(row["id"]):
            orders = [((each.dated_at, each.message_id, each.channel), each.kind) for each in theirs]
            row.update(changes=len(theirs), closed=closed_by(orders), state="ready", lease_owner=None, lease_until=None)
    return found


def _waits_for(waits: Any, row: Mapping[str, Any]) -> bool:
    return (
        waits.number in (None, row["number"])
        and waits.of_message in (None, row["message_id"])
        and waits.of_channel in (None, row["channel"])
    )


def adopt(connection: Connection, found: Mapping[int, Sequence[Any]], rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Give changes to the appeals that they have waited for, which are written now; return what happened."""
    pairs = [(appeal_id, each) for appeal_id, theirs in found.items() for each in theirs]
    connection.execute(_ADOPTED, [{"this": each.id, "of": appeal_id} for appeal_id, each in pairs])
    stand = {row["id"]: {name: row[name] for name in ("state", "changes", "closed", "urgency")} for row in rows}
    return [told({**each._mapping, "appeal_id": appeal_id}, stand[appeal_id]) for appeal_id, each in pairs]


@dataclass(frozen=True, slots=True)
class Expire:
    """A request to give up changes that have waited since before then."""

    before: datetime
    at: datetime


def expire(connection: Connection, items: Sequence[Expire]) -> list[int]:
    """Move changes that have waited too long into quarantine; return how many, a batch at most."""
    results = []
    for item in items:
        count(connection, 0)
        old = select(table).where(table.c.appeal_id.is_(None), table.c.received_at < item.before)
        rows = connection.execute(old.order_by(table.c.received_at).limit(_BATCH)).all()
        if rows:
            if given_up := [_given_up(row, item.at) for row in rows if row.refused is None]:  # others are in it
                keeping.quarantine(connection, given_up)
            if refused := len(rows) - len(given_up):
                keeping.pass_over(connection, refused)
            connection.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
            count(connection, -len(rows))
        results.append(len(rows))
    return results


def _given_up(row: Any, at: datetime) -> NewQuarantine:
    reason = "no appeal of this number or message id has come for as long as a change waits"
    return touching.kept_change(row, at, reason, "change.appeal_unknown")


def told(row: Mapping[str, Any], standing: Mapping[str, Any]) -> Event:
    """Return the entry of the log for a change, given its columns and how its appeal stands with it."""
    detail = {"change": row["message_id"], "channel": row["channel"], "dated": to_number(row["dated_at"])}
    detail |= {name: value for name, value in standing.items() if value is not None}
    return Event(What.CHANGED, row["appeal_id"], by_client(row["channel"]), row["kind"], detail)
