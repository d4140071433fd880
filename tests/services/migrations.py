"""A new journal in SQLite gets what migrations have once made in this process: to migrate takes nine times as long."""

import secrets

from sqlalchemy import Connection, create_engine, text

from appealbus.core.journal import schema
from appealbus.core.journal.migrations import REVISIONS

truly = schema._migrate
_made: list[str] = []


def once() -> None:
    """Have this process, and its copies, migrate one new journal; older ones, and those in PostgreSQL, as ever."""
    schema._migrate = _migrate


def see() -> None:
    """Migrate that one now, so that no copy of this process has to."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _migrate(connection, REVISIONS[-1])
    engine.dispose()


def _migrate(connection: Connection, revision: str) -> None:
    new = connection.dialect.name == "sqlite" and revision == REVISIONS[-1] and _is_empty(connection)
    if new and _made:
        for statement in _made:
            connection.exec_driver_sql(statement)
        connection.execute(text("UPDATE standing SET journal = :id"), {"id": secrets.token_hex(8)})
        return
    truly(connection, revision)
    if new:
        raw = connection.connection.driver_connection
        assert raw is not None
        _made[:] = [statement for statement in raw.iterdump() if not statement.startswith(("BEGIN", "COMMIT"))]


def _is_empty(connection: Connection) -> bool:
    return not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
