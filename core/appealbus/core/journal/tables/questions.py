"""Questions to sources: how each stands, who asked, and what came back."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, literal_column

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
