"""The journal's tables: one schema for SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)

from appealbus.core.domain.listing import AppealState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
"""The journal's unit of time: as fine as a datetime is, so that none is rounded."""

READY, IN_WORK, PARKED, IDLE, SUSPECT, HELD = (literal_column(f"'{state}'", Text) for state in AppealState)
"""States as literals: SQLite takes a partial index only where the query spells out the index's condition."""


class Moment(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: equal, sortable and exact on every database."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Return what turns an aware datetime into a number."""
        return to_number

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        """Return what turns the number into a datetime in UTC."""
        return _to_moment


def to_number(value: datetime | None) -> int | None:
    """Return microseconds since 1970."""
    return None if value is None else (value - _EPOCH) // _MICROSECOND


def _to_moment(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


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
    Column("closed", Text),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("first", LargeBinary),
    UniqueConstraint("message_id", "channel"),
    UniqueConstraint("number"),
)
"""What is worked. From `kind` on: what lists, figures and searches need; `urgency` is the due date as a day's number.

`content` is the digest of the newest form of the appeal in `document`, `size` its bytes. `pending` names the lookups
that are still open and `lacks` those of the contract that could not be asked at all, each with a space around it;
`signal` is the worst severity; `closed` says with which change the appeal ended. `changes` counts its changes, and
`first` is the digest of the form that it came in, where that is not the newest one.
"""

# Each index holds only the appeals it is about, so that the millionth appeal costs what the first did.
_waits = appeal.c.state == READY
_parked = appeal.c.state == PARKED
_leased = appeal.c.state == IN_WORK
_idle = appeal.c.state == IDLE
_suspect = appeal.c.state == SUSPECT
_held = appeal.c.state == HELD
Index("ix_appeal_waiting", appeal.c.urgency, appeal.c.id, sqlite_where=_waits, postgresql_where=_waits)
Index("ix_appeal_parked", appeal.c.due_at, sqlite_where=_parked, postgresql_where=_parked)
Index("ix_appeal_leased", appeal.c.lease_until, sqlite_where=_leased, postgresql_where=_leased)
Index("ix_appeal_idle", appeal.c.changed_at, sqlite_where=_idle, postgresql_where=_idle)
Index(
    "ix_appeal_suspect",
    appeal.c.deaths,
    appeal.c.urgency,
    appeal.c.id,
    sqlite_where=_suspect,
    postgresql_where=_suspect,
)
Index("ix_appeal_held", appeal.c.id, sqlite_where=_held, postgresql_where=_held)

LACKS = appeal.c.lacks.is_not(None)
"""A lookup of its contract could not be asked."""
Index(
    "ix_appeal_lacks",
    appeal.c.lacks,
    appeal.c.urgency,
    appeal.c.id,
    sqlite_where=LACKS,
    postgresql_where=LACKS,
)

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

known_lookup = Table(
    "known_lookup",
    metadata,
    Column("plugin", Text, primary_key=True),
    Column("lookup", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("detail", LargeBinary, nullable=False),
)
"""Lookups that could once be asked, and plugins that were once loaded (`lookup` is empty): what is gone is missed."""

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
Index("ix_dossier_superseding", dossier.c.created_at, sqlite_where=SUPERSEDES, postgresql_where=SUPERSEDES)

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
Index(
    "ix_outbox_unsent",
    outbox.c.receiver,
    outbox.c.next_attempt_at,
    outbox.c.id,
    sqlite_where=WAITS,
    postgresql_where=WAITS,
)
Index("ix_outbox_alone", outbox.c.receiver, outbox.c.id, sqlite_where=ALONE, postgresql_where=ALONE)

access = Table(
    "access",
    metadata,
    Column("id", Id, primary_key=True),
    Column("question_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("lookup", Text, nullable=False),
    Column("number", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("served", Text, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("channel", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("code", Text, nullable=False, server_default=""),
    Column("media_type", Text, nullable=False),
    Column("replayed_at", Moment),
    Column("number", Text),
    Column("raw", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
_waiting = quarantine.c.replayed_at.is_(None)
Index("ix_quarantine_waiting", quarantine.c.id, sqlite_where=_waiting, postgresql_where=_waiting)
Index("ix_quarantine_channel", quarantine.c.channel, quarantine.c.id, sqlite_where=_waiting, postgresql_where=_waiting)
Index("ix_quarantine_replayed", quarantine.c.replayed_at, sqlite_where=~_waiting, postgresql_where=~_waiting)

suspect_message = Table(
    "suspect_message",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("turns", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Messages that came again and are being taken alone: how many turns of theirs have begun and not ended."""

source_state = Table(
    "source_state",
    metadata,
    Column("source", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)

worker = Table(
    "worker",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_until", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""The processes that work this journal. One that is not seen any more is dead, or cut off."""

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What one worker does for all: the relay to a receiver, the retention."""

source_limit = Table(
    "source_limit",
    metadata,
    Column("source", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("era", BigInteger, nullable=False),
    Column("open_until", Moment),
    Column("probe_owner", Text),
    Column("probe_until", Moment),
)
"""What all workers together may ask of a source: tokens of its rate, failures in a row, its breaker."""

source_share = Table(
    "source_share",
    metadata,
    Column("source", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What each worker may have of a source: how many `calls` in flight, how many `parts` of its rate."""

awaited = Table(
    "awaited",
    metadata,
    Column("correlation_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False, index=True),
    Column("lookup", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("head", Text),
    Column("answer", LargeBinary),
)
"""Questions whose answer comes hours later, by itself; the answer stays here until its lookup has read it."""

used_answer = Table(
    "used_answer",
    metadata,
    Column("key", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("until", Moment, nullable=False, index=True),
)
"""Signed answers that have counted, and for which message of ours, for as long as their date would let them again."""

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
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)


def _entry() -> list[Column[object]]:
    return [
        Column("at", Moment, nullable=False),
        Column("what", Text, nullable=False),
        Column("appeal_id", Id),
        Column("actor", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("detail", LargeBinary),
    ]


log_entry = Table(
    "log_entry",
    metadata,
    Column("position", Id, primary_key=True),
    *_entry(),
    sqlite_autoincrement=True,
)
"""The log: everything that happened, in one order. Nothing is ever changed here; only whole beginnings are pruned.

An entry outlives its appeal. On SQLite one transaction writes at a time, so the database gives positions itself.
"""
_of_appeal = log_entry.c.appeal_id.is_not(None)
Index(
    "ix_log_entry_appeal",
    log_entry.c.appeal_id,
    log_entry.c.position,
    sqlite_where=_of_appeal,
    postgresql_where=_of_appeal,
)

log_unplaced = Table(
    "log_unplaced",
    metadata,
    Column("id", Id, primary_key=True),
    *_entry(),
    sqlite_autoincrement=True,
)
"""Entries of the log that have no position yet, on PostgreSQL: one worker moves those that are committed over."""

epoch = Table(
    "epoch",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("after", BigInteger, nullable=False),
)
"""After which position of the log each epoch begins."""

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

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("appeal_id", Id, ForeignKey("appeal.id")),
    Column("number", Text),
    Column("of_message", Text),
    Column("of_channel", Text),
    Column("kind", Text, nullable=False),
    Column("dated_at", Moment, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    UniqueConstraint("message_id", "channel"),
    sqlite_autoincrement=True,
)
"""Messages about known appeals. Without `appeal_id` one waits for its appeal, named by `number`, its message or both.

The appeal must have come by `of_channel`; None: by any.
"""
_waits_for_appeal = change.c.appeal_id.is_(None)
Index("ix_change_appeal", change.c.appeal_id, sqlite_where=~_waits_for_appeal, postgresql_where=~_waits_for_appeal)
Index("ix_change_number", change.c.number, sqlite_where=_waits_for_appeal, postgresql_where=_waits_for_appeal)
Index("ix_change_message", change.c.of_message, sqlite_where=_waits_for_appeal, postgresql_where=_waits_for_appeal)
Index("ix_change_waiting", change.c.received_at, sqlite_where=_waits_for_appeal, postgresql_where=_waits_for_appeal)

reply = Table(
    "reply",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appeal_id", Id, ForeignKey("appeal.id"), nullable=False),
    Column("lookup", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("question_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("head", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""Replies as they came, compressed, each under its question, where a source's settings say to keep them."""
Index("ix_reply_appeal", reply.c.appeal_id, reply.c.lookup, reply.c.key)
Index("ix_reply_source", reply.c.source, reply.c.at)
Index("ix_reply_until", reply.c.until)
