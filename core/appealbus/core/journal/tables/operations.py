"""What people have done to many rows at once: in parts, of which each goes as it is done."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from appealbus.core.journal.tables.base import Id, Moment, metadata

operation = Table(
    "operation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("everything", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("verdicts", LargeBinary, nullable=False),
    Column("receiver", Text),
    Column("selected_by", LargeBinary),
    Column("moved_at", Moment, nullable=False),
    Column("stopped_by", Text),
    Column("ended_at", Moment),
)
"""Each has the next number. `moved_at` says when its last part was done; of those that have not ended, none has the
hash of another one.
"""
Index("ix_operation_hash", operation.c.hash, operation.c.id)

operation_part = Table(
    "operation_part",
    metadata,
    Column("operation", Id, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
)
"""Rows of a frozen selection that have had no verdict yet, some hundreds in a part; each part goes as it is done."""

operation_left = Table(
    "operation_left",
    metadata,
    Column("operation", Id, primary_key=True, autoincrement=False),
    Column("verdict", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
)
"""Rows that were not done, with the verdict that says why, those of a part together."""

named_view = Table(
    "named_view",
    metadata,
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Lists that people keep under a name: the filters, as they stand in a URL."""
