"""What people have begun to do to many rows at once, and have not finished."""

from sqlalchemy import Column, Integer, LargeBinary, Table, Text

from appealbus.core.journal.tables.base import Moment, metadata

operation = Table(
    "operation",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("everything", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("verdicts", LargeBinary, nullable=False),
    Column("receiver", Text),
)
"""One that is finished is gone from here: the log tells of it, and of each of its appeals."""

operation_part = Table(
    "operation_part",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("ids", LargeBinary, nullable=False),
)
"""Rows of a frozen selection that have had no verdict yet, some hundreds in a part; each part goes as it is done."""
