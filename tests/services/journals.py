"""Journals with all their tables and nothing in them, each a copy of one: migrations take ten times as long."""

import tempfile
from functools import cache
from pathlib import Path

from appealbus.core.journal.store import open_store
from tests.services.postgres import Postgres


def sqlite_journal(path: Path) -> str:
    """Make a journal where there is none yet; return its URL."""
    if not path.exists():
        path.write_bytes(_file())
    return f"sqlite:///{path}"


@cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        open_store(f"sqlite:///{path}", read_only=False).close()
        return path.read_bytes()


def postgresql_journal(server: Postgres) -> str:
    """Make a database with a journal in it; return its name."""
    return server.database(_template(server))


@cache
def _template(server: Postgres) -> str:
    name = server.database()
    open_store(server.url(name), read_only=False).close()
    return name
