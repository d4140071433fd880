"""A connection to each database, made as the journal makes it, and a table that only these tests have."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)

from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.drivers.pipeline import PipelinedConnection
from tests.services.postgres import Postgres

item = Table(
    "item",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("body", LargeBinary),
    Column("at", Moment),
    Column("count", BigInteger, nullable=False, server_default="0"),
    prefixes=["TEMPORARY"],
)


def engine_of(url: str) -> Engine:
    """Return what gives connections: of SQLite with plain BEGIN, of PostgreSQL with the pipelining driver."""
    if url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))

    @event.listens_for(engine, "do_connect")
    def connect(dialect: object, record: object, args: list[Any], given: dict[str, Any]) -> Any:
        return PipelinedConnection.connect(*args, **given)

    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A connection with the empty table; no transaction is open."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'items.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.url()
    engine = engine_of(url)
    with engine.connect() as made:
        item.create(made)
        made.commit()
        yield made
    engine.dispose()


@pytest.fixture
def driver(postgres: Postgres) -> Iterator[PipelinedConnection]:
    """The driver's connection to PostgreSQL alone, with the table `line`."""
    with PipelinedConnection.connect(postgres.url()) as made:
        made.execute("CREATE TEMPORARY TABLE line (id integer PRIMARY KEY, text text)")
        made.commit()
        yield made
