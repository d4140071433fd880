"""The journal itself, the processes that work it, and what they may have of each source."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text

from appealbus.core.journal.tables.base import Moment, metadata

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
