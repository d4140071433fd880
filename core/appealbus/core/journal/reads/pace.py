"""How fast things happen now: the entries of the last minutes by what they tell, read from the log's end to a bound."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from appealbus.core.domain.pace import SPAN, Pace
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.log import head

READ = 10_000
"""Entries that are looked at: five minutes of three appeals a second; where more happens, it is a shorter time."""


def pace(connection: Connection, now: datetime, most: int = READ) -> Pace:
    """Return how fast things happen, from the newest entries of the log, so many of them at most."""
    after = head(connection) - most
    first = select(log_entry.c.at).where(log_entry.c.position > after).order_by(log_entry.c.position).limit(1)
    begins = connection.scalar(first)
    if begins is None:
        return Pace(now - SPAN, now)
    older = connection.scalar(select(log_entry.c.position).where(log_entry.c.position <= after).limit(1))
    since = now - SPAN if older is None else max(now - SPAN, begins)
    newest = (log_entry.c.position > after) & (log_entry.c.at >= since)
    query = select(log_entry.c.what, func.count().label("number")).where(newest).group_by(log_entry.c.what)
    return Pace(since, now, {row.what: row.number for row in connection.execute(query)})
