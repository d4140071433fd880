"""Between revisions 0005 and 0006: what stood in columns moves into documents, in batches.

Each batch is a transaction of its own, which also says up to which appeal all is filled. So it may end at any point,
and whoever opens the journal next goes on; several that open it at the same time take turns.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, column, delete, func, select, table, update

from appealbus.core.domain.document import Document, appeal_document, fact_document, fact_of
from appealbus.core.domain.event import Event, What
from appealbus.core.journal import bulk, codec, columns, documents
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.migrations import FILLED
from appealbus.core.journal.naming import Named, named_by_appeal, named_by_record
from appealbus.core.journal.tables import counter
from appealbus.core.journal.writes import events, subjects
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import stored_record
from appealbus.schemas.stored import APPEAL, PROVENANCE

_BATCH = 500
"""Appeals of one transaction: large ones are hardly faster, and what was done since the last one is lost by a kill."""
_LAST, _DONE = "filled.last", "filled.count"
"""The counters that say up to which appeal all is filled, and how many these are."""
_STANDS = select(counter).where(counter.c.name.in_((_LAST, _DONE)))

# Both as they are at 0005, with columns that later revisions do not have.
_COLUMNS = ("content", "size", "kind", "category", "place", "addressee", "applicant", "signal", "pending")
_APPEAL = table("appeal", *map(column, ("id", "document", "version", *_COLUMNS)))
_LOOKUP = table("lookup", *map(column, ("appeal_id", "lookup", "key", "kind", "code", "record", "provenance", "fact")))
_AWAITED = table("awaited", *map(column, ("correlation_id", "appeal_id", "key")))
_DOSSIER = table("dossier", *map(column, ("appeal_id", "version", "document")))


@dataclass(slots=True)
class Old:
    """An appeal as the older program left it.

    Attributes:
        row: its columns.
        appeal: the appeal, None where it cannot be read.
        document: its document, as it is from now on.
        lookups: how its questions stand: rows of `lookup`.

    """

    row: Any
    appeal: Appeal | None
    document: Document
    lookups: list[Any] = field(default_factory=list)


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
    rows = connection.execute(some).all()
    if not rows:
        return None
    lookups: defaultdict[int, list[Any]] = defaultdict(list)
    theirs = select(_LOOKUP).where(_LOOKUP.c.appeal_id.between(rows[0].id, rows[-1].id))
    for row in connection.execute(theirs):
        lookups[row.appeal_id].append(row)
    appeals = [_old(row, lookups[row.id]) for row in rows]
    newest = connection.execute(_NEWEST, {"first": rows[0].id, "last": rows[-1].id})
    signals = {row.appeal_id: _signal(row.document) for row in newest}
    _fill(connection, appeals, key, signals)
    now: dict[str, int] = {_LAST: rows[-1].id, _DONE: done + len(rows)}
    bulk.upsert(connection, counter, [{"name": name, "value": value} for name, value in now.items()])
    return now[_DONE]


def finish(connection: Connection) -> None:
    """Note in the log that the rows are moved: what happened before has no entries there."""
    rows = connection.scalar(select(counter.c.value).where(counter.c.name == _DONE)) or 0
    connection.execute(delete(counter).where(counter.c.name.in_((_LAST, _DONE))))
    events.note(connection, [Event(What.MIGRATED, None, "bus", detail={"revision": FILLED, "rows": rows})])


def _old(row: Any, lookups: list[Any]) -> Old:
    try:
        appeal = APPEAL.read(row.document)
    except ValueError:  # damaged: it stays as it is, and whoever works it says so
        return Old(row, None, Document.of(row.document), lookups)
    return Old(row, appeal, appeal_document(appeal), lookups)


def _fill(connection: Connection, appeals: Sequence[Old], key: JournalKey, signals: Mapping[int, str | None]) -> None:
    facts = [(row, _fact(row)) for old in appeals for row in old.lookups]
    forms = [(old.row.id, old.document) for old in appeals]
    documents.keep(connection, forms + [(row.appeal_id, fact) for row, fact in facts if fact is not None])
    connection.execute(_MOVED_APPEAL, [{"this": old.row.id, **_columns(old, signals)} for old in appeals])
    subjects.add(connection, [subjects.Naming(old.row.id, key.marked(_named(old))) for old in appeals])
    moved = [
        {
            "this": row.appeal_id,
            "l": row.lookup,
            "k": row.key,
            "keyed": key.question(row.key),
            "digest": None if fact is None else fact.digest,
        }
        for row, fact in facts
        if fact is not None or key.question(row.key) != row.key
    ]
    if moved:
        connection.execute(_MOVED_LOOKUP, moved)
    span = _AWAITED.c.appeal_id.between(appeals[0].row.id, appeals[-1].row.id)
    waiting = connection.execute(select(_AWAITED).where(span)).all()
    if waiting:
        keyed = [{"this": row.correlation_id, "keyed": key.question(row.key)} for row in waiting]
        connection.execute(_MOVED_AWAITED, keyed)


_MOVED_APPEAL = (
    update(_APPEAL)
    .where(_APPEAL.c.id == bindparam("this"))
    .values({"document": b"", **{name: bindparam(name) for name in _COLUMNS}})
)
_MOVED_LOOKUP = (
    update(_LOOKUP)
    .where(
        _LOOKUP.c.appeal_id == bindparam("this"), _LOOKUP.c.lookup == bindparam("l"), _LOOKUP.c.key == bindparam("k")
    )
    .values(key=bindparam("keyed"), record=None, provenance=None, fact=bindparam("digest"))
)
_MOVED_AWAITED = update(_AWAITED).where(_AWAITED.c.correlation_id == bindparam("this")).values(key=bindparam("keyed"))
_NEWEST = (
    select(_DOSSIER.c.appeal_id, _DOSSIER.c.document)
    .join(_APPEAL, (_APPEAL.c.id == _DOSSIER.c.appeal_id) & (_APPEAL.c.version == _DOSSIER.c.version))
    .where(_APPEAL.c.id.between(bindparam("first"), bindparam("last")))
)


def _columns(old: Old, signals: Mapping[int, str | None]) -> dict[str, Any]:
    """Return the new columns of an appeal."""
    open_ = sorted({row.lookup for row in old.lookups if columns.is_pending(row.kind, row.code)})
    return {
        "content": old.document.digest,
        "size": len(old.document.body),
        **columns.of_appeal(old.appeal or {}),
        "signal": signals.get(old.row.id),
        "pending": codec.names_to(open_) if old.row.version else None,
    }


def _named(old: Old) -> list[Named]:
    """Return whom the appeal and the records that were found for it name."""
    named = [] if old.appeal is None else named_by_appeal(old.appeal)
    for row in old.lookups:
        if row.record is not None:
            with suppress(ValueError):  # damaged: it names nobody
                named += named_by_record(stored_record(row.record), row.lookup)
    return named


def _signal(dossier: bytes) -> str | None:
    try:
        return columns.signal_of(dossier)
    except (ValueError, TypeError, KeyError):  # damaged
        return None


def _fact(row: Any) -> Document | None:
    if row.record is None and row.provenance is None:
        return None
    try:
        record = None if row.record is None else stored_record(row.record)
        provenance = None if row.provenance is None else PROVENANCE.read(row.provenance)
        return fact_document(record, provenance)
    except ValueError:  # damaged: kept as it is
        return fact_of(row.record, row.provenance)
