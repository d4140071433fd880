"""What all tables share, and those that nearly every subject uses; each other table stands in its subject's module."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal.drivers.encoding import Moment


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of texts as no index has it, the empty text where it is NULL.

    A condition on it is asked of rows that another one has found; else SQLite may begin with it, and go through all
    rows of a receiver, a source or a kind to find the few of an appeal.
    """
    return func.coalesce(column, "")


def by_jumps(connection: Connection, column: ColumnElement[Any], *where: ColumnElement[bool]) -> Iterator[Any]:
    """Yield the values of an indexed column in order, each once; it jumps over the many rows that have the same."""
    query = select(column).where(*where).order_by(column).limit(1)
    value = connection.scalar(query)
    while value is not None:
        yield value
        value = connection.scalar(query.where(column > value))


def first_since(connection: Connection, key: Any, at: Any, moment: datetime) -> int:
    """Return the first key whose row is not older than a moment; the one behind the last where all are older.

    Keys are given in the order of time, so a few looks into their index say it, and none by time is written.
    """
    # Each by itself: of both at once SQLite reads all rows.
    low, high = connection.scalar(select(func.min(key))) or 0, (connection.scalar(select(func.max(key))) or 0) + 1
    probes = [
        select(at).where(key >= bindparam(f"key_{number}")).order_by(key).limit(1).scalar_subquery()
        for number in range(_PROBES)
    ]
    while low < high:
        keys = [low + (high - low) * number // _PROBES for number in range(_PROBES)]
        moments = connection.execute(select(*probes), {f"key_{n}": key_ for n, key_ in enumerate(keys)}).one()
        early = [n for n, its in enumerate(moments) if its is not None and its < moment]
        if not early:
            return low
        low, high = keys[early[-1]] + 1, [*keys[1:], high][early[-1]]
    return low


def partial_index(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool]) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


_PROBES = 16
"""Rows that one question asks of when it looks for a moment: six questions for twenty million rows."""
Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column's type is INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


READY, IN_WORK, PARKED, IDLE, SUSPECT, HELD = (literal_column(f"'{state}'", Text) for state in AppealState)
"""States as literals: SQLite takes a partial index only where the query spells out the index's condition."""

appeal = Table(
    "appeal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("digest", LargeBinary),
    Column("accepted_at", Moment, nullable=False),
    Column("accepted_by", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Moment),
    Column("lease_owner", Text),
    Column("lease_until", Moment),
    Column("deaths", Integer),
    Column("held_by", Text),
    Column("held_reason", Text),
    Column("version", Integer, nullable=False),
    Column("completeness", Text),
    Column("changed_at", Moment, nullable=False),
    Column("content", LargeBinary),
    Column("size", Integer, nullable=False, server_default="0"),
    Column("kind", Text),
    Column("category", Text),
    Column("place", Text),
    Column("addressee", Text),
    Column("applicant", Text),
    Column("signal", Text),
    Column("pending", Text),
    Column("lacks", Text),
    Column("waits_for", Text),
    Column("closed", Text),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("first", LargeBinary),
    Column("tag", LargeBinary),
    UniqueConstraint("message_id", "channel"),
    UniqueConstraint("number"),
)
"""What is worked. From `kind` on: what lists, figures and searches need; `urgency` is the due date as a day's number.

`content` is the digest of the newest form of the appeal in `document`, `size` its bytes. `pending` names the lookups
that are still open and `lacks` those of the contract that could not be asked at all, each with a space around it;
behind them `~NAME` is one of which nothing but facts of earlier versions is there, `!assessor.NAME` an assessor that
raised, and `!misdated` that a date of it does not count;
`waits_for` names the sources that are asked again, in the same way; `signal` is the worst severity; `closed` says with
which change the appeal ended. `changes` counts its changes, and `first` is the digest of the form that it came in,
where that is not the newest one. `tag` is chance: with the id it makes the id by which clients know the appeal.
"""

# Each index holds only the appeals it is about, so that the millionth appeal costs what the first did.
_parked = appeal.c.state == PARKED
partial_index("ix_appeal_waiting", appeal.c.urgency, appeal.c.id, where=appeal.c.state == READY)
# With ids: after a pause a hundred thousand are due in the same moment, and pages go on among them.
partial_index("ix_appeal_parked", appeal.c.due_at, appeal.c.id, where=_parked)
partial_index("ix_appeal_leased", appeal.c.lease_until, where=appeal.c.state == IN_WORK)
partial_index("ix_appeal_idle", appeal.c.changed_at, where=appeal.c.state == IDLE)
partial_index("ix_appeal_suspect", appeal.c.deaths, appeal.c.urgency, appeal.c.id, where=appeal.c.state == SUSPECT)
partial_index("ix_appeal_held", appeal.c.id, where=appeal.c.state == HELD)

LACKS = appeal.c.lacks.is_not(None)
"""A lookup of its contract could not be asked, or not confirm what it told; an assessor raised, or its last change is
misdated."""
partial_index("ix_appeal_lacks", appeal.c.lacks, appeal.c.urgency, appeal.c.id, where=LACKS)
CARRIED, UNASSESSED, MISDATED = MARKS = ("~", "!assessor.", "!misdated")
"""How what stands in `lacks` behind the lookups begins: no lookup's name does."""
_LACKED = {"unassessed": f"% {UNASSESSED}%", "misdated": f"% {MISDATED} %"}


def lacking(name: str, lacks: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether `lacks` holds what this part of a selection is about; `lacking` is lookups alone."""
    if name == "lacking":
        return and_(lacks != "", *(lacks.not_like(f" {mark}%") for mark in MARKS))
    return lacks.like(_LACKED[name])


WAITS_FOR = _parked & appeal.c.waits_for.is_not(None)
"""It is parked until a source is asked again."""
WAITED_FOR = case((_parked, appeal.c.waits_for))
"""What it waits for, to be kept while it is held: of one that is worked the column tells of an earlier time."""
# With `due_at`: what waits is counted, and from when to when it is parked, without a look at the appeals themselves.
partial_index(
    "ix_appeal_waits_for", appeal.c.waits_for, appeal.c.urgency, appeal.c.id, appeal.c.due_at, where=WAITS_FOR
)
OPEN = appeal.c.closed.is_(None)
"""No change has ended it."""
partial_index("ix_appeal_urgency", appeal.c.urgency, appeal.c.id, where=OPEN)
Index("ix_appeal_kind", appeal.c.kind, appeal.c.id)
Index("ix_appeal_place", appeal.c.place, appeal.c.id)
SIGNALLED = appeal.c.signal.is_not(None)
partial_index("ix_appeal_signal", appeal.c.signal, appeal.c.id, where=SIGNALLED)

subject = Table(
    "subject",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("role", Text, nullable=False),
    Column("kind", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Whom and what appeals and found records name: keyed hashes of ИИН, БИН and cadastral numbers (`kind`).

Each once, in the role in which it was named first. Marks are like chance, so an entry of their index lands anywhere in
it, and each costs a page of the log of writes: nothing that is there already is written again.
"""
Index("ix_subject_mark", subject.c.mark, subject.c.appeal_id)


document = Table(
    "document",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""What versions are made of, each kept once under the SHA-256 of its bytes: an appeal's forms, its records."""

dossier = Table(
    "dossier",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("completeness", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("region", Text, nullable=False, server_default=""),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("parts", LargeBinary),
    Column("size", Integer, nullable=False, server_default="0"),
)
"""Versions. `document` is the skeleton, and `parts` the digests of the documents that stand in it, one after the other,
with which it has `size` bytes. None: an older program wrote it, and it is whole.
"""
SUPERSEDES = dossier.c.version > 1
partial_index("ix_dossier_superseding", dossier.c.created_at, where=SUPERSEDES)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("last_error", Text),
    Column("strikes", Integer, nullable=False, server_default="0"),
    Column("begun_by", Text),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("alone_since", Moment),
    Column("skipped_at", Moment),
    UniqueConstraint("appeal_id", "receiver", "version"),
)
"""Versions on their way. One that a receiver will never take waits alone (`alone_since`) until somebody decides."""

WAITS = outbox.c.sent_at.is_(None) & outbox.c.alone_since.is_(None)
"""It goes out as soon as it is due."""
ALONE = outbox.c.alone_since.is_not(None) & outbox.c.skipped_at.is_(None)
"""It waits for somebody's decision."""
partial_index("ix_outbox_unsent", outbox.c.receiver, outbox.c.next_attempt_at, outbox.c.id, where=WAITS)
partial_index("ix_outbox_alone", outbox.c.receiver, outbox.c.id, where=ALONE)
LACKED = outbox.c.sent_at.is_(None) & outbox.c.skipped_at.is_(None)
"""Its receiver has not confirmed it, and nobody has given it up."""
# With the appeal: what a receiver lacks is listed by how long it waits, and counted, without a look at the rows.
partial_index("ix_outbox_lacked", outbox.c.receiver, outbox.c.id, outbox.c.appeal_id, where=LACKED)
SENT = outbox.c.sent_at.is_not(None)
"""Its receiver has confirmed it."""
partial_index("ix_outbox_sent", outbox.c.receiver, outbox.c.sent_at, outbox.c.id, where=SENT)


lookup = Table(
    "lookup",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("lookup", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("asked_at", Moment),
    Column("ended_at", Moment, nullable=False),
    Column("next_attempt_at", Moment),
    Column("inputs", LargeBinary),
    Column("fact", LargeBinary),
)
"""How questions stand. `fact` is the digest of the document of its record and provenance, where it has either."""
TROUBLE = lookup.c.kind.in_(
    [literal_column(f"'{kind}'", Text) for kind in ("refused", "unavailable", "timed_out", "invalid", "awaiting")]
)
"""It ended in what an operator looks for by its code; what is not there or does not apply is most of all questions."""
partial_index("ix_lookup_code", lookup.c.code, lookup.c.appeal_id, where=TROUBLE)


standing = Table(
    "standing",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("journal", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("clock", Moment),
    Column("behind", Float, nullable=False),
    Column("doubt", Text),
    Column("doubted_by", Float, nullable=False),
    Column("doubt_left", Float, nullable=False),
    Column("era", Integer, nullable=False),
    Column("key_check", LargeBinary),
)
"""One row: which journal this is, its epoch, how often it was seen alive, and its clock with what is doubted of it."""

counter = Table(
    "counter", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False)
)
