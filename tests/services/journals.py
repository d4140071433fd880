"""Journals with all their tables and nothing in them: to migrate a new database takes ten times as long."""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, make_url, select, text

import appealbus.core.journal.journal  # noqa: F401 - brings the tables of all subjects
from appealbus.core.journal import postgresql
from appealbus.core.journal.parts import journal_part
from appealbus.core.journal.postgresql import OpenConnections
from appealbus.core.journal.store import open_store
from appealbus.core.journal.tables import metadata, standing
from tests.services.postgres import Postgres

_SMALL = 256 * 1024
"""Bytes of a table from which on it is truncated."""
_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_LARGEST = text(
    "SELECT max(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_SEQUENCES = (
    "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'"
)


def sqlite_journal(path: Path) -> str:
    """Make a journal where there is none yet, as a copy of one; return its URL."""
    if not path.exists():
        journal, key = _files()
        path.write_bytes(journal)
        its_key = path.with_name(f"{path.name}.key")
        its_key.touch(0o600)
        its_key.write_bytes(key)
    return f"sqlite:///{path}"


@cache
def _files() -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        _make(f"sqlite:///{path}")
        return path.read_bytes(), path.with_name("journal.db.key").read_bytes()


def _make(url: str) -> None:
    """Make a journal, and leave nothing of it open."""
    opened = open_store(url, read_only=False)
    if opened.writing is not None:
        opened.writing.dispose()
    opened.close()


def engine_of(url: str) -> Engine:
    """Return what gives connections as the journal has them."""
    if url.startswith("sqlite"):
        return create_engine(url)
    return postgresql._engine(make_url(url), None, OpenConnections(), pool_size=10)


class SharedJournal:
    """A journal in PostgreSQL that one test after the other has to itself."""

    def __init__(self, server: Postgres) -> None:
        """Make it."""
        self.url = server.url(server.database())
        _make(self.url)
        self._engine = create_engine(self.url, poolclass=NullPool)
        with self._engine.connect() as connection:
            found = {table: connection.execute(table.select()).mappings().all() for table in metadata.sorted_tables}
        self._first = {table: [dict(row) for row in rows] for table, rows in found.items() if rows}
        self._first[standing][0]["key_check"] = None  # each test makes a key where it has its configuration
        names = [table.name for table in reversed(metadata.sorted_tables)]
        self._truncate = f"TRUNCATE {', '.join(names)} RESTART IDENTITY"
        self._delete = f"{_SEQUENCES}; {'; '.join(f'DELETE FROM {name}' for name in names)}"

    def clear(self) -> None:
        """Be as new, whatever the last test has left, sessions too.

        To delete a few rows takes a tenth of what it takes to truncate so many tables; many rows, and what is left of
        rows that were deleted, are truncated.
        """
        with self._engine.begin() as connection:
            connection.execute(_OTHERS)
            for names in connection.scalars(select(journal_part.c.tables)).all():
                connection.exec_driver_sql(f"DROP TABLE {', '.join(names.split())}")
            connection.exec_driver_sql(self._truncate if connection.scalar(_LARGEST) > _SMALL else self._delete)
            for table, rows in self._first.items():
                connection.execute(table.insert(), rows)
