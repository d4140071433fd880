"""Makes a journal large: clones its appeals by SQL, with all that belongs to them, until there are so many.

    python benchmarks/scale.py sqlite:///journal.db 1000000
    python benchmarks/scale.py postgresql://user@host/database 1000000

Any release's journal will do. Clones have numbers and message ids of their own; what stands in documents stays that of
the originals, so sizes and costs are right, and nobody should deliver them.
"""

import sys
import time

from sqlalchemy import Connection, MetaData, Table, create_engine, event, text

_ROWS = 20_000
"""Appeals of one transaction."""
_TABLES = ("appeal", "document", "lookup", "dossier", "outbox", "access", "subject", "log_entry")
_NUMBERED = {("outbox", "id"), ("access", "id")}
"""What numbers itself; nothing refers to it."""
_NAMES = {("appeal", "number"), ("appeal", "message_id"), ("access", "number")}


def _value(table: Table, column: str, appeals: int, entries: int) -> str:
    if column == "appeal_id" or (table.name, column) == ("appeal", "id"):
        return f"o.{column} + k * {appeals}"
    if column == "position":
        return f"o.position + k * {entries}"
    return f"o.{column} || '-' || k" if (table.name, column) in _NAMES else f'o."{column}"'


def clone(connection: Connection, table: Table, appeals: int, entries: int, copies: range) -> None:
    """Insert copies of the rows that the original appeals have in a table."""
    names = [column.name for column in table.columns if (table.name, column.name) not in _NUMBERED]
    values = (_value(table, name, appeals, entries) for name in names)
    if connection.dialect.name == "sqlite":
        numbers = f"VALUES ({copies[0]}) UNION ALL SELECT k + 1 FROM s WHERE k < {copies[-1]}"
        numbers = f"(WITH RECURSIVE s(k) AS ({numbers}) SELECT k FROM s)"
    else:
        numbers = f"generate_series({copies[0]}, {copies[-1]}) AS s(k)"
    which = {"appeal": f"o.id <= {appeals}", "access": "o.number NOT LIKE '%-%-%-%'"}
    where = which.get(table.name, f"o.appeal_id <= {appeals}")
    columns = ", ".join(f'"{name}"' for name in names)
    rows = f"SELECT {', '.join(values)} FROM {numbers}, {table.name} o WHERE {where}"
    connection.execute(text(f"INSERT INTO {table.name} ({columns}) {rows}"))


def main(url: str, wanted: int) -> None:
    """Clone until there are so many."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        there, appeals = connection.execute(text("SELECT count(*), max(id) FROM appeal")).one()
        entries = (
            connection.scalar(text("SELECT max(position) FROM log_entry")) if "log_entry" in metadata.tables else 0
        )
    copies, size = -(-wanted // there) - 1, max(1, _ROWS // there)
    began = time.monotonic()
    for first in range(1, copies + 1, size):
        last = min(first + size - 1, copies)
        with engine.begin() as connection:
            for name in _TABLES:
                if name in metadata.tables:
                    clone(connection, metadata.tables[name], appeals, entries or 0, range(first, last + 1))
        print(f"\r{(last + 1) * there:,} appeals, {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
    with engine.begin() as connection:
        connection.execute(text("UPDATE counter SET value = (SELECT max(id) FROM appeal) WHERE name = 'appeal'"))
    print(file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
