"""Questions to sources: how each stands, who asked, and what came back."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, literal_column

from appealbus.core.journal.tables.base import Id, Moment, metadata, partial_index

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
