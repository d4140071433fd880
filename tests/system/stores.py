"""Where a bus that much befalls keeps its journal: how it is run there, what may befall the journal, what proves it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text

from tests.services.journals import engine_of
from tests.services.postgres import Postgres
from tests.services.proxy import FaultProxy
from tests.system.havoc import Havoc
from tests.system.production import Production, Workers

Troubles = Mapping[str, Callable[[], None]]
ROLE = "bus"
"""The bus's role in the database: an ordinary one, from which rights can be taken."""
_TABLES = sql.SQL("appeal, lookup, access, dossier, outbox")


class Store(ABC):
    """One of them.

    Args:
        journal: its URL for whoever looks into it, past whatever is in the bus's way.
        bus_journal: the same as the bus has it.

    """

    workers: int
    agencies_plugins: Sequence[str] = ()
    """What agencies load to watch the journal from outside, where it does not tell itself when it was written."""
    agencies_environment: Mapping[str, str] = {}

    def __init__(self, journal: str, bus_journal: str) -> None:
        self.journal = journal
        self.bus_journal = bus_journal

    @abstractmethod
    def start(self, here: Production, *, env: Mapping[str, str], anew: bool) -> Workers:
        """Start the program, with whatever starts it again each time that it has died."""

    @abstractmethod
    def troubles(self, havoc: Havoc) -> Troubles:
        """Return what can fail."""

    @abstractmethod
    def plan(self, cuts: int, harms: int) -> list[str]:
        """Return what is to fail, with so many sudden ends and so many troubles of each kind that lasts."""

    @abstractmethod
    def early(self, calls: Sequence[tuple[str, datetime]]) -> list[str]:
        """Return the questions that an agency saw before their rows were durable.

        Args:
            calls: the latest that agencies saw, and when.

        """

    @abstractmethod
    def check(self) -> None:
        """Fail where the journal itself is not whole; nobody works it any more."""

    def rows(self, statement: str) -> list[Any]:
        """Ask the journal past all that the bus knows of it."""
        engine = engine_of(self.journal)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(statement)))
        finally:
            engine.dispose()


class PostgresqlStore(Store):
    """A database, which three workers reach by a way that can be cut."""

    workers = 3

    def __init__(self, server: Postgres, url: str, way: FaultProxy) -> None:
        self._server, self._way = server, way
        self._database = url.rpartition("/")[2]
        server.own(self._database, ROLE)
        super().__init__(url, f"postgresql://{ROLE}@127.0.0.1:{way.port}/{self._database}")

    def start(self, here: Production, *, env: Mapping[str, str], anew: bool) -> Workers:
        """Start them under their supervisor."""
        return Workers(here, self.workers, env=env, anew=anew)

    def troubles(self, havoc: Havoc) -> Troubles:
        """Return what befalls databases and the ways to them."""
        return {
            "kill the database": lambda: self._server.restart(kill=True),
            "cut the database off": self._way.cut,
            "lock the appeals": lambda: self._lock(havoc),
            "make the database read-only": lambda: self._read_only(havoc),
            "use up the connections": lambda: self._use_up(havoc),
            "revoke the rights": lambda: self._revoke(havoc),
        }

    def plan(self, cuts: int, harms: int) -> list[str]:
        """Return all of it."""
        lasting = ["lock the appeals", "make the database read-only", "use up the connections", "revoke the rights"]
        return ["kill the database"] + ["cut the database off"] * cuts + lasting * harms

    def early(self, calls: Sequence[tuple[str, datetime]]) -> list[str]:
        """Compare the database's own record with that of the agencies; the clock is one.

        What the database tells is the moment in which the commit began to be visible.
        """
        told = "SELECT question_id, pg_xact_commit_timestamp(xmin) FROM access"
        committed = dict(self._server.execute(told, self._database))
        return [name for name, at in calls if name not in committed or at < committed[name]]

    def check(self) -> None:
        """Leave that to the server, which has answered all that was asked."""

    def _lock(self, havoc: Havoc) -> None:
        """As a migration, or an administrator at the wrong console."""
        with psycopg.connect(self._server.url(self._database)) as connection:
            connection.execute("LOCK TABLE appeal IN ACCESS EXCLUSIVE MODE")
            time.sleep(havoc.moment())

    def _read_only(self, havoc: Havoc) -> None:
        """As after a failover to a standby."""
        name = sql.Identifier(self._database)
        self._server.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        self._server.cut_off(self._database)
        time.sleep(havoc.moment())
        self._server.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
        self._server.cut_off(self._database)

    def _use_up(self, havoc: Havoc) -> None:
        """As another program that leaks them; the bus has to come back when there are some again."""
        with ExitStack() as stack:
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(self._server.url()))
            self._way.cut()
            time.sleep(havoc.moment())

    def _revoke(self, havoc: Havoc) -> None:
        role = sql.Identifier(ROLE)
        revoke = sql.SQL("REVOKE INSERT, UPDATE ON {} FROM {}").format(_TABLES, role)
        self._server.execute(revoke, self._database)
        time.sleep(havoc.moment())
        self._server.execute(sql.SQL("GRANT INSERT, UPDATE ON {} TO {}").format(_TABLES, role), self._database)
