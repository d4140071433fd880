"""Positions of the log: given after the commit, by one at a time, to what is committed, so that there are no gaps.

On PostgreSQL a transaction that began earlier may commit later, so numbers of a sequence appear out of order, and those
of transactions that were rolled back never. A reader of such numbers misses what commits behind it. Here whoever holds
the counter's row moves what it sees over to the log: what it does not see yet gets a later position. On SQLite one
transaction writes at a time, and positions are given as events are noted.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from appealbus.core.failpoints import failpoint

COUNTER = "log"
"""The counter that holds the last position given."""

# Without a lock: a look that finds nothing writes nothing, as a locked row does.
_ANY = text("SELECT 1 FROM log_unplaced LIMIT 1")
_HEAD = text("SELECT value FROM counter WHERE name = 'log' FOR UPDATE")
_FIRST = text("INSERT INTO counter (name, value) VALUES ('log', 0) ON CONFLICT DO NOTHING")
# A statement of its own, after the lock: it sees all that was committed before the lock was had. An array goes by the
# index, also where millions wait and the database has not counted them yet.
_MOVE = text(
    "WITH gone AS (DELETE FROM log_unplaced"
    " WHERE id = ANY(ARRAY(SELECT id FROM log_unplaced ORDER BY id LIMIT :most)) RETURNING *)"
    " INSERT INTO log_entry (position, at, what, appeal_id, actor, about, detail)"
    " SELECT :head + row_number() OVER (ORDER BY id), at, what, appeal_id, actor, about, detail FROM gone"
)
_GIVEN = text("UPDATE counter SET value = value + :count WHERE name = 'log'")
LAST = text("SELECT seq FROM sqlite_sequence WHERE name = 'log_entry'")
"""Asks SQLite for the last position that it ever gave, pruned or not."""


def place(connection: Connection, items: Sequence[int]) -> list[int]:
    """Give positions to the events that are committed and have none, at most so many; return to how many."""
    return [_place(connection, most) for most in items]


def _place(connection: Connection, most: int) -> int:
    if connection.dialect.name == "sqlite" or connection.scalar(_ANY) is None:
        return 0
    head = locked_head(connection)
    count = connection.execute(_MOVE, {"most": most, "head": head}).rowcount
    failpoint("log.moved")
    connection.execute(_GIVEN, {"count": count})
    return count


def locked_head(connection: Connection) -> int:
    """Return the last position that was ever given; until the transaction ends nobody gives another one."""
    if connection.dialect.name == "sqlite":
        return connection.scalar(LAST) or 0
    head: int | None = connection.scalar(_HEAD)
    if head is None:  # a row that is not there cannot be locked
        connection.execute(_FIRST)
        head = connection.execute(_HEAD).scalar_one()
    return head
