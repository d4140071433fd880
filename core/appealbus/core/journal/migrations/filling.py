"""Between revisions 0005 and 0006: what stood in columns moves into documents, in batches.

Each batch is a transaction of its own, which also says up to which appeal all is filled. So it may end at any point,
and whoever opens the journal next goes on; several that open it at the same time take turns.

How it is kept from then on is in kept_0006.py, as it was when this was written: whatever the program does otherwise
later, this yields the same. Identifiers, models of records, the key, whom appeals and records name and what columns
tell of them are those of today, as whoever searches and lists goes by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from appealbus.core.journal import codec
from appealbus.core.journal.codec import names_to
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.migrations import FILLED, kept_0006
from appealbus.core.journal.migrations.kept_0006 import COUNTER
from appealbus.core.journal.naming import Named, named_by_appeal, named_by_record

# Records are known by their types once their modules are loaded.
from appealbus.schemas import address, organisation, parcel, person  # noqa: F401
from appealbus.schemas.record import Record, record_to_json, stored_record

_BATCH = 1000
"""Appeals of one transaction: with more it is hardly faster, and more is lost by a kill and waits for it to end."""
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What comes of JSON that is malformed, nested too deep, or no appeal, record or dossier: the row stays as it is."""
_LAST, _DONE = "filled.last", "filled.count"
"""The counters that say up to which appeal all is filled, and how many these are."""


def _many(kind: type[Any], names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names.split()]


# Both as they are at 0005, times as numbers.
_metadata = MetaData()
_APPEAL = Table(
    "appeal",
    _metadata,
    Column("id", BigInteger, primary_key=True),
    *_many(BigInteger, "accepted_at due_at lease_until changed_at"),
    *_many(Integer, "urgency deaths version size"),
    *_many(Text, "channel message_id number accepted_by state lease_owner held_by held_reason completeness kind"),
    *_many(Text, "category place addressee applicant signal pending lacks closed"),
    *_many(LargeBinary, "digest document content"),
)
_LOOKUP = Table(
    "lookup",
    _metadata,
    *_many(BigInteger, "appeal_id asked_at ended_at next_attempt_at"),
    *_many(Integer, "attempts runs"),
    *_many(Text, "lookup key kind code reason"),
    *_many(LargeBinary, "inputs record provenance fact"),
)
_DOSSIER = Table("dossier", _metadata, *_many(BigInteger, "appeal_id version"), *_many(LargeBinary, "document"))
_AWAITED = Table("awaited", _metadata, *_many(BigInteger, "appeal_id"), *_many(Text, "correlation_id key"))
_FIRST, _TO = bindparam("first", type_=BigInteger()), bindparam("to", type_=BigInteger())
_LOOKUPS = select(_LOOKUP).where(_LOOKUP.c.appeal_id.between(_FIRST, _TO))
_NEWEST = (
    select(_DOSSIER)
    .join(_APPEAL, (_APPEAL.c.id == _DOSSIER.c.appeal_id) & (_APPEAL.c.version == _DOSSIER.c.version))
    .where(_APPEAL.c.id.between(_FIRST, _TO))
)
_WAITING = select(_AWAITED).where(_AWAITED.c.appeal_id.between(_FIRST, _TO))
_KEYED = update(_AWAITED).where(_AWAITED.c.correlation_id == bindparam("this")).values(key=bindparam("keyed"))
_STANDS = select(COUNTER).where(COUNTER.c.name.in_((_LAST, _DONE)))


@dataclass(slots=True)
class Question:
    """A question as the older program left it: its row, its record, and the document of that from now on."""

    row: dict[str, Any]
    record: Record | dict[str, Any] | None
    fact: bytes | None


@dataclass(slots=True)
class Old:
    """An appeal as the older program left it.

    Attributes:
        row: its row.
        document: the appeal's document, as it is from now on.
        told: what its columns tell; nothing where it is damaged.
        named: whom the appeal itself names.
        newest: the newest version of its dossier, which is whole; None where it has none.
        questions: how its questions stand.

    """

    row: dict[str, Any]
    document: bytes
    told: dict[str, str | None]
    named: list[Named]
    newest: bytes | None = None
    questions: list[Question] = field(default_factory=list)


def total(connection: Connection) -> int:
    """Return how many appeals there are."""
    return connection.scalar(select(func.count()).select_from(_APPEAL)) or 0


def fill(connection: Connection, key: JournalKey) -> int | None:
    """Fill the next appeals; return how many are filled by now, None where all were before.

    Args:
        connection: to the journal.
        key: the journal's.

    """
    stands = {row.name: row.value for row in connection.execute(_STANDS)}
    last, done = stands.get(_LAST, 0), stands.get(_DONE, 0)
    some = select(_APPEAL).where(_APPEAL.c.id > last).order_by(_APPEAL.c.id).limit(_BATCH)
    olds = {row["id"]: _old(dict(row)) for row in connection.execute(some).mappings()}
    if not olds:
        return None
    these = {"first": min(olds), "to": max(olds)}
    for row in connection.execute(_LOOKUPS, these).mappings():
        olds[row["appeal_id"]].questions.append(_question(dict(row)))
    for version in connection.execute(_NEWEST, these):
        olds[version.appeal_id].newest = version.document
    _move(connection, list(olds.values()), key)
    now: dict[str, int] = {_LAST: these["to"], _DONE: done + len(olds)}
    bulk.upsert(connection, COUNTER, [{"name": name, "value": value} for name, value in now.items()])
    return now[_DONE]


def finish(connection: Connection) -> None:
    """Note in the log that the rows are moved: what happened before has no entries there."""
    rows = connection.scalar(select(COUNTER.c.value).where(COUNTER.c.name == _DONE)) or 0
    connection.execute(delete(COUNTER).where(COUNTER.c.name.in_((_LAST, _DONE))))
    kept_0006.note(connection, {"revision": FILLED, "rows": rows})


def _old(row: dict[str, Any]) -> Old:
    raw = row["document"]
    try:
        appeal = _without_nulls(orjson.loads(raw))
        columns = codec.columns_of(appeal)
        if not all(isinstance(value, str | None) for value in columns.values()):
            raise TypeError("a code of the appeal is no text")
        return Old(row, orjson.dumps(appeal), columns, named_by_appeal(appeal))
    except _DAMAGED:  # it stays as it is, and whoever works it says so
        return Old(row, raw, codec.columns_of({}), [])


def _move(connection: Connection, appeals: Sequence[Old], key: JournalKey) -> None:
    questions = [question for old in appeals for question in old.questions]
    facts = [(question.row["appeal_id"], question.fact) for question in questions if question.fact is not None]
    kept_0006.keep_documents(connection, [(old.row["id"], old.document) for old in appeals] + facts)
    these = {"first": appeals[0].row["id"], "to": appeals[-1].row["id"]}
    connection.execute(delete(_LOOKUP).where(_LOOKUP.c.appeal_id.between(_FIRST, _TO)), these)
    bulk.insert(connection, _LOOKUP, [_moved(question, key) for question in questions])
    changed = [_changed(old) for old in appeals]
    if connection.dialect.name == "sqlite":
        # Rows that are made smaller would leave each page half empty, and then all are read and written once more
        # where the columns are dropped. Made anew they lie side by side, and the pages that get free are used again.
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(delete(_APPEAL).where(_APPEAL.c.id.between(_FIRST, _TO)), these)
        bulk.insert(connection, _APPEAL, [{**old.row, **new} for old, new in zip(appeals, changed, strict=True)])
    else:
        bulk.update(connection, _APPEAL, changed)
    kept_0006.add_subjects(connection, [(old.row["id"], key.marked(_named(old))) for old in appeals])
    waiting = connection.execute(_WAITING, these).all()
    if waiting:
        keyed = [{"this": row.correlation_id, "keyed": key.question(row.key)} for row in waiting]
        connection.execute(_KEYED, keyed)


def _changed(old: Old) -> dict[str, Any]:
    """Return the columns of an appeal that change."""
    rows = [question.row for question in old.questions]
    open_ = sorted({row["lookup"] for row in rows if kept_0006.is_pending(row["kind"], row["code"])})
    return {
        "id": old.row["id"],
        "document": b"",
        "content": kept_0006.digest(old.document),
        "size": len(old.document),
        **old.told,
        "signal": None if old.newest is None else _signal(old.newest),
        "pending": names_to(open_) if old.row["version"] else None,
    }


def _named(old: Old) -> list[Named]:
    """Return whom the appeal and the records that were found for it name."""
    named = list(old.named)
    for question in old.questions:
        if question.record is not None:
            named += named_by_record(question.record, question.row["lookup"])
    return named


def _signal(dossier: bytes) -> str | None:
    try:
        return kept_0006.signal_of(dossier)
    except _DAMAGED:
        return None


def _question(row: dict[str, Any]) -> Question:
    raw, provenance = row["record"], row["provenance"]
    record: Record | dict[str, Any] | None = None
    if raw is not None:
        try:
            record = _record(raw)
            raw = orjson.dumps(record) if isinstance(record, dict) else record_to_json(record, exclude_none=True)
        except _DAMAGED:  # it stays as it is, and names nobody
            record = None
    if provenance is not None:
        provenance = _provenance(provenance)
    return Question(row, record, None if raw is None and provenance is None else kept_0006.fact_of(raw, provenance))


def _record(raw: bytes) -> Record | dict[str, Any]:
    """Return a record without absent values, which dossiers leave out; of another's its model knows which these are."""
    record = orjson.loads(raw)
    fact: dict[str, Any] = _without_nulls(record)
    return fact if Record.ships(record["type"]) else stored_record(raw)


def _moved(question: Question, key: JournalKey) -> dict[str, Any]:
    fact = None if question.fact is None else kept_0006.digest(question.fact)
    keyed = key.question(question.row["key"])
    return {**question.row, "key": keyed, "record": None, "provenance": None, "fact": fact}


def _provenance(raw: bytes) -> bytes:
    try:
        return orjson.dumps(_without_nulls(orjson.loads(raw)))
    except _DAMAGED:
        return raw


def _without_nulls(value: Any) -> Any:
    """Return JSON without the members of objects that are null: a model of ours has none that say anything."""
    if isinstance(value, dict):
        return {
            name: _without_nulls(item) if isinstance(item, dict | list) else item
            for name, item in value.items()
            if item is not None
        }
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
