"""The drivers under SQLAlchemy's connections, which itself makes a small statement several times as dear."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    import sqlite3

    from appealbus.core.journal.pipeline import PipelinedConnection

POSTGRESQL: Dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
SQLITE: Dialect = sqlite.dialect()
"""What texts for the drivers are compiled by."""


def sqlite_driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def postgresql_driver(connection: Connection) -> PipelinedConnection:
    return cast("PipelinedConnection", connection.connection.dbapi_connection)
