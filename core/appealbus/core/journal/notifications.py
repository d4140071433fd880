"""News between workers on PostgreSQL: whoever concludes an appeal tells the one that hands its dossier over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import URL, Connection

from appealbus.core.journal.drivers import encoding
from appealbus.core.journal.drivers.direct import postgresql_driver
from appealbus.core.journal.postgresql import CONNECTION_SETTINGS, Password

if TYPE_CHECKING:
    import psycopg

log = structlog.get_logger(__name__)

_CHANNEL = "appealbus"
_TELL = encoding.Command(f"NOTIFY {_CHANNEL}".encode())
_PAUSE = 5.0
"""Seconds before the next connection: a database that restarts is back in a few, and workers look by themselves."""


def tell(connection: Connection) -> None:
    """Tell all workers, once the transaction is committed, that there is something to deliver."""
    if connection.dialect.name == "postgresql":
        postgresql_driver(connection).queue(_TELL)


async def listen(url: URL, password: Password | None, on_news: Callable[[], None]) -> None:
    """Call `on_news` for each piece of news, until cancelled.

    News can be lost with the connection, so whoever hears it also looks by itself now and then.
    """
    import psycopg

    while True:
        try:
            async with await _connect(url, password) as connection:
                on_news()
                async for _ in connection.notifies():
                    on_news()
        except (psycopg.Error, OSError):
            log.debug("journal.news_lost")
        await asyncio.sleep(_PAUSE)


async def _connect(url: URL, password: Password | None) -> psycopg.AsyncConnection[Any]:
    import psycopg

    url = url.set(
        drivername="postgresql+psycopg",
        query={**CONNECTION_SETTINGS, **url.query, "application_name": "appealbus news"},
    )
    _, given = url.get_dialect()().create_connect_args(url)
    if password is not None:
        given["password"] = await asyncio.to_thread(password)
    connection = await psycopg.AsyncConnection.connect(**given, autocommit=True)
    try:
        await connection.execute(f"LISTEN {_CHANNEL}")
    except BaseException:
        await connection.close()
        raise
    return connection
