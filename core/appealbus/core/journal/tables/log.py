"""The log: everything that happened, in one order."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text, and_, func, literal_column

from appealbus.core.journal.tables.base import Id, Moment, metadata, partial_index


def _entry() -> list[Column[object]]:
    return [
        Column("at", Moment, nullable=False),
        Column("what", Text, nullable=False),
        Column("appeal_id", Id),
        Column("actor", Text, nullable=False),
        Column("about", Text, nullable=False),
        Column("detail", LargeBinary),
    ]


log_entry = Table("log_entry", metadata, Column("position", Id, primary_key=True), *_entry(), sqlite_autoincrement=True)
"""The log: everything that happened, in one order. Nothing is ever changed here; only whole beginnings are pruned.

An entry outlives its appeal. On SQLite one transaction writes at a time, so the database gives positions itself.
"""
_of_appeal = log_entry.c.appeal_id.is_not(None)
partial_index("ix_log_entry_appeal", log_entry.c.appeal_id, log_entry.c.position, where=_of_appeal)

LOOK = log_entry.c.what == literal_column("'read'", Text)
"""Somebody looked at what is personal. Spelt out, as all that an index is limited by: else SQLite does not take it."""
OF_PERSON = func.substr(log_entry.c.actor, literal_column("1"), literal_column("7")) == literal_column(
    "'person:'", Text
)
"""A person did it."""
for _name, _which in (("look", LOOK), ("deed", and_(OF_PERSON, ~LOOK))):
    for _columns in (("position",), ("actor", "position")):
        partial_index(
            f"ix_log_entry_{_name}{'_by' if len(_columns) > 1 else ''}",
            *(log_entry.c[column] for column in _columns),
            where=_which,
        )

log_unplaced = Table("log_unplaced", metadata, Column("id", Id, primary_key=True), *_entry(), sqlite_autoincrement=True)
"""Entries of the log that have no position yet, on PostgreSQL: one worker moves those that are committed over."""

epoch = Table(
    "epoch",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("after", BigInteger, nullable=False),
)
"""After which position of the log each epoch begins."""
