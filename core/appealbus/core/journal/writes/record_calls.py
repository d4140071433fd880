"""What is noted along the way: questions, accesses, quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from appealbus.core.domain.case import LookupState
from appealbus.core.domain.event import Event, What, by_client, by_person, by_worker
from appealbus.core.journal import bulk, codec, direct, documents, events
from appealbus.core.journal.key import Marked
from appealbus.core.journal.rows import NewQuarantine
from appealbus.core.journal.tables import QUARANTINED, appeal, lookup, to_number
from appealbus.core.journal.tables import quarantine as quarantine_table
from appealbus.core.journal.writes import replies, subjects
from appealbus.core.journal.writes.one_by_one import one_by_one
from appealbus.core.journal.writes.replies import Kept
from appealbus.schemas.base import printable
from appealbus.schemas.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Keep:
    """How a question of an appeal stands."""

    appeal_id: int
    state: LookupState
    owner: str | None = None
    """Whose lease it must be, or else the state is dropped; None: whoever's."""
    kept: Kept | None = None
    """What came for it, where that is kept."""
    marked: Sequence[Marked] = ()
    """Whom its record names."""
    by: str | None = None
    """Who says so, for the log; None: the owner."""
    replaces: bool = False
    """Whether it stood otherwise before, though it was put but once: its answer came later, or was read again."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A message that has left quarantine."""

    quarantine_id: int
    number: str
    at: datetime
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """A message in quarantine of which a person says that nothing more is to become of it."""

    quarantine_id: int
    reason: str
    at: datetime
    by: str


# Locked, so that nobody takes an appeal over between this look and the write. A claim passes over what is locked.
_OWNERS = (
    select(appeal.c.id, appeal.c.lease_owner)
    .where(direct.among(appeal.c.id, "ids"))
    .order_by(appeal.c.id)
    .with_for_update(key_share=True)
)


def keep(connection: Connection, items: Sequence[Keep]) -> list[None]:
    """Write how questions stand, over what was there."""
    keep_own(connection, items)
    return [None] * len(items)


def keep_own(connection: Connection, items: Sequence[Keep]) -> list[bool]:
    """Do so, and return which items were written: those whose owner still has the appeal."""
    fenced = list({item.appeal_id for item in items if item.owner is not None})
    owners = dict(direct.ask(connection, (_OWNERS, {"ids": fenced}))[0]) if fenced else {}
    # Whoever has the appeal now asks by itself; what one finds who had it before must not overwrite that.
    own = [item.owner is None or item.owner == owners.get(item.appeal_id) for item in items]
    good = [item for item, is_own in zip(items, own, strict=True) if is_own]
    facts = [(item.appeal_id, item.state.fact) for item in good]
    documents.keep(connection, [(appeal_id, fact) for appeal_id, fact in facts if fact is not None])
    rows = [codec.state_to_row(item.appeal_id, item.state) for item in good]
    # A source that fails for weeks would else leave a document of each attempt. What it says stays in the log.
    again = [row for item, row in zip(good, rows, strict=True) if item.replaces or item.state.runs > 1]
    questions = {(row["appeal_id"], row["lookup"], row["key"]): row["fact"] for row in again}
    documents.drop_former_trails(connection, questions)
    bulk.upsert(connection, lookup, rows)
    events.note(connection, [_ended(item, row) for item, row in zip(good, rows, strict=True)])
    replies.keep(connection, [item.kept for item in good if item.kept is not None])
    subjects.add(connection, [subjects.Naming(item.appeal_id, item.marked) for item in good if item.marked])
    return own


def _ended(item: Keep, row: Mapping[str, Any]) -> Event:
    detail = {name: row[name] for name in ("key", "kind", "code", "attempts", "runs")}
    for name, column in (("asked", "asked_at"), ("ended", "ended_at"), ("next", "next_attempt_at")):
        if row[column] is not None:
            detail[name] = to_number(row[column])
    if row["fact"] is not None:
        detail["fact"] = row["fact"].hex()
    if item.state.record is None and item.state.provenance is not None:
        detail["trail"] = _trail(item.state.provenance)
    if item.state.question:
        detail["question"] = item.state.question
    if item.state.tries:
        detail["tries"] = codec.tries_to_json(item.state)
    return Event(What.ENDED, item.appeal_id, item.by or by_worker(item.owner), row["lookup"], detail)


def _trail(provenance: Provenance) -> Mapping[str, str]:
    """Return what nothing else would say of an answer without a record, once its document is gone."""
    trail = {"connector": provenance.connector, "plugin": provenance.plugin, "version": provenance.plugin_version}
    if provenance.raw_sha256 is not None:
        trail["reply"] = provenance.raw_sha256
    return trail


def quarantine(connection: Connection, items: Sequence[NewQuarantine]) -> list[int]:
    """Put messages into quarantine; return their ids."""
    insert = quarantine_table.insert().returning(quarantine_table.c.id, sort_by_parameter_order=True)
    noted: list[Event] = []
    rows: list[dict[str, Any]] = [
        {
            "at": item.at,
            "channel": printable(item.channel),
            "position": printable(item.position),
            "reason": printable(item.reason),
            "code": printable(item.code),
            "number": item.number,
            "media_type": printable(item.media_type),
            "raw": item.raw,
            "sender": item.sender,
        }
        for item in items
    ]
    ids = list(connection.execute(insert, rows).scalars())
    appeals = _appeals(connection, [item.number for item in items if item.number is not None])
    for quarantine_id, row in zip(ids, rows, strict=True):
        client, channel, appeal_id = by_client(row["channel"]), row["channel"], appeals.get(row["number"])
        detail = {"id": quarantine_id, "code": row["code"]}
        happened = [Event(What.QUARANTINED, None, client, channel, detail)]
        if appeal_id is not None:
            happened.append(Event(What.DIFFERS, appeal_id, client, channel, {"quarantine": quarantine_id}))
        noted += happened
    events.note(connection, noted)
    return ids


def reserve(connection: Connection, count: int) -> Sequence[int]:
    """Return ids that nobody else gets, one for each change that waits: so that the next one tells nothing of it."""
    if not count:
        return ()
    insert = quarantine_table.insert().returning(quarantine_table.c.id)
    nothing = {
        "at": datetime.fromtimestamp(0, UTC),
        "raw": b"",
        **dict.fromkeys(("channel", "position", "reason", "media_type"), ""),
    }
    ids = connection.execute(insert, [nothing] * count).scalars().all()
    connection.execute(delete(quarantine_table).where(quarantine_table.c.id.in_(ids)))
    return ids


def _appeals(connection: Connection, numbers: Sequence[str]) -> dict[str | None, int]:
    if not numbers:
        return {}
    found = select(appeal.c.number, appeal.c.id).where(appeal.c.number.in_(bulk.padded(list(set(numbers)))))
    return {row.number: row.id for row in connection.execute(found)}


def replayed(connection: Connection, items: Sequence[Replayed]) -> list[bool]:
    """Note what has left quarantine."""
    table = quarantine_table
    appeals = _appeals(connection, [item.number for item in items])
    results: list[bool] = []
    noted: list[Event] = []
    for item in items:
        waits = (table.c.id == item.quarantine_id, table.c.replayed_at.is_(None))
        left = update(table).where(*waits).values(replayed_at=item.at, number=item.number)
        channel = connection.scalar(left.returning(table.c.channel))
        results.append(channel is not None)
        if channel is not None:
            reason = {"reason": printable(item.reason)} if item.reason else {}
            detail = {"id": item.quarantine_id, **reason}
            noted.append(Event(What.REPLAYED, appeals.get(item.number), item.by, channel, detail))
    events.note(connection, noted)
    return results


@one_by_one
def close(connection: Connection, item: Closing) -> bool:
    """Close messages in quarantine; False for one that is not in there, was taken or is closed already."""
    table, reason = quarantine_table, printable(item.reason)
    values = {"closed_at": item.at, "closed_by": printable(item.by), "closed_reason": reason}
    closed = update(table).where(table.c.id == item.quarantine_id, QUARANTINED).values(**values)
    row = connection.execute(closed.returning(table.c.channel, table.c.number)).first()
    if row is None:
        return False
    # `number` is that of the appeal whose message id it has, if it has one
    about = None if row.number is None else _appeals(connection, [row.number]).get(row.number)
    detail = {"id": item.quarantine_id, "reason": reason}
    events.note(connection, [Event(What.CLOSED, about, by_person(item.by), row.channel, detail)])
    return True
