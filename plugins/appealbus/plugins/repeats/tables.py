"""The plugin's tables in the journal."""

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, LargeBinary, MetaData, Table

from appealbus.core.management.tables import Id, appeal

_metadata = MetaData()

sketch = Table(
    "sketch",
    _metadata,
    Column("appeal_id", Id, ForeignKey(appeal.c.id), primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)
"""Sketches of texts: their smallest hashes by the journal's key, packed."""

sketch_hash = Table(
    "sketch_hash",
    _metadata,
    Column("hash", BigInteger, primary_key=True),
    Column("appeal_id", Id, primary_key=True),
    Index("ix_sketch_hash_appeal", "appeal_id"),
    sqlite_with_rowid=False,
)
"""The smallest of these alone, by which appeals with a like text are found. A foreign key would be asked eight times an
appeal on PostgreSQL.
"""

TABLES = (sketch, sketch_hash)


def make(connection: Connection) -> None:
    """Make both: the first version, which revision 0017 of the journal names too. Frozen."""
    _metadata.create_all(connection, checkfirst=False)
