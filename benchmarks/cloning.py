"""Makes a journal large: clones its appeals by SQL, with all that belongs to them, until there are so many.

Clones have ids, numbers, message ids, marks and positions of the log of their own, as if each had come by itself. What
stands in documents and details stays that of the originals. Nothing else may work the journal meanwhile.
"""

import sqlite3
import sys
import time
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, text

_ROWS = 100_000
"""Appeals of one transaction."""
_TABLES = ("appeal", "document", "lookup", "dossier", "outbox", "access", "subject", "change", "log_entry")
_NUMBERED = {("outbox", "id"), ("access", "id"), ("change", "id")}
"""What numbers itself; nothing refers to it."""
_DIGITS = {"sqlite": "printf('%08d', {})", "postgresql": "lpad(({})::text, 8, '0')"}
# Marks are like chance: equal ones would make their index smaller and quicker than it is.
_MARK = {
    "sqlite": "randomblob(length(o.mark))",
    "postgresql": "substr(sha256(o.mark || int8send(k)), 1, length(o.mark))",
}


class Cloning:
    """One journal, and the appeals in it that are cloned."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.kind = self.engine.dialect.name
        if self.kind == "sqlite":
            event.listen(self.engine, "connect", _hurry)
        self.tables = MetaData()
        self.tables.reflect(self.engine)
        with self.engine.connect() as connection:
            self.appeals, self.last = connection.execute(text("SELECT count(*), max(id) FROM appeal")).one()
            self.head = connection.scalar(text("SELECT max(position) FROM log_entry"))
            self.entries = connection.scalar(text("SELECT count(*) FROM log_entry WHERE appeal_id IS NOT NULL"))
            for name in {table.name for table in self.tables.tables.values() if "appeal_id" in table.c} - {*_TABLES}:
                if connection.scalar(text(f"SELECT count(*) FROM {name}")):
                    sys.exit(f"rows of {name} are not cloned: it must be empty")

    def until(self, wanted: int) -> None:
        """Clone until there are so many appeals."""
        copies, size = -(-wanted // self.appeals) - 1, max(1, _ROWS // self.appeals)
        began = time.monotonic()
        for first in range(1, copies + 1, size):
            some = range(first, min(first + size, copies + 1))
            with self.engine.begin() as connection:
                for name in _TABLES:
                    self._clone(connection, self.tables.tables[name], some)
            made = some[-1] * self.appeals
            print(f"\r{made + self.appeals:,} appeals, {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
        print(file=sys.stderr)
        with self.engine.begin() as connection:
            self._count_on(connection)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # What a database does by itself while a million arrive.
            settle = "PRAGMA journal_mode=WAL" if self.kind == "sqlite" else "VACUUM ANALYZE"
            connection.execute(text(settle))
        self.engine.dispose()

    def _clone(self, connection: Connection, table: Table, copies: range) -> None:
        """Insert copies of the rows that the original appeals have in a table."""
        names = [column.name for column in table.columns if (table.name, column.name) not in _NUMBERED]
        values = (self._value(table.name, name) for name in names)
        if self.kind == "sqlite":
            numbers = f"VALUES ({copies[0]}) UNION ALL SELECT k + 1 FROM s WHERE k < {copies[-1]}"
            numbers = f"(WITH RECURSIVE s(k) AS ({numbers}) SELECT k FROM s)"
        else:
            numbers = f"generate_series({copies[0]}, {copies[-1]}) AS s(k)"
        columns = ", ".join(f'"{name}"' for name in names)
        rows = f"SELECT {', '.join(values)} FROM {numbers}, {self._originals(table.name)} o"
        connection.execute(text(f"INSERT INTO {table.name} ({columns}) {rows} ORDER BY k"))

    def _originals(self, table: str) -> str:
        if table == "appeal":
            return f"(SELECT * FROM appeal WHERE id <= {self.last})"
        if table == "access":
            return f"(SELECT a.* FROM access a JOIN appeal USING (number) WHERE appeal.id <= {self.last})"
        if table == "log_entry":  # without those of no appeal: positions have no gaps
            place = "row_number() OVER (ORDER BY position) AS place"
            return f"(SELECT *, {place} FROM log_entry WHERE appeal_id <= {self.last} AND position <= {self.head})"
        return f"(SELECT * FROM {table} WHERE appeal_id <= {self.last})"

    def _value(self, table: str, column: str) -> str:
        match table, column:
            case (_, "appeal_id") | ("appeal", "id"):
                return f"o.{column} + k * {self.last}"
            case ("log_entry", "position"):
                return f"{self.head} + (k - 1) * {self.entries} + o.place"
            case (_, "number"):
                head, value = "substr(o.number, 1, length(o.number) - 8)", "substr(o.number, length(o.number) - 7)"
                return f"{head} || " + _DIGITS[self.kind].format(f"CAST({value} AS integer) + k * {self.last}")
            case ("appeal" | "change", "message_id"):
                return "o.message_id || '-' || k"
            case ("subject", "mark"):
                return _MARK[self.kind]
            case _:
                return f'o."{column}"'

    def _count_on(self, connection: Connection) -> None:
        """Let counters stand where they would."""
        newest = connection.scalar(text("SELECT number FROM appeal ORDER BY id DESC LIMIT 1"))
        values = {"appeal": "SELECT max(id) FROM appeal", "log": "SELECT max(position) FROM log_entry"}
        values |= {newest[:-9]: str(int(newest[-8:]))}
        for name, value in values.items():
            connection.execute(text(f"UPDATE counter SET value = ({value}) WHERE name = :name"), {"name": name})


def faults(url: str) -> Iterator[str]:
    """Yield what no journal that grew by itself would have."""
    engine = _engine(url)
    with engine.connect() as connection:
        first, last, count = connection.execute(
            text("SELECT min(position), max(position), count(*) FROM log_entry")
        ).one()
        if last - first + 1 != count:
            yield f"positions {first} to {last} of the log are {count}"
        appeals, newest = connection.execute(text("SELECT count(*), max(id) FROM appeal")).one()
        if appeals != newest:
            yield f"the last of {appeals} appeals has the id {newest}"
        for table in ("document", "lookup", "dossier", "outbox", "subject"):
            lost = f"SELECT count(*) FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM appeal WHERE id = t.appeal_id)"
            if found := connection.scalar(text(lost)):
                yield f"{found} rows of {table} belong to no appeal"
    engine.dispose()


def _engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def _hurry(connection: sqlite3.Connection, _: object) -> None:
    # Entries of its indexes land anywhere: each page that is written twice or early is felt.
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000"):
        connection.execute(f"PRAGMA {setting}")
