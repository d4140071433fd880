"""How fast things happen now: the entries of the last minutes by what they tell, read from the log's end to a bound."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Connection, select

from appealbus.core.domain.pace import SPAN, Pace
from appealbus.core.journal.reads.log import head
from appealbus.core.journal.tables import log_entry

READ = 10_000
"""Entries that are looked at: five minutes of three appeals a second; where more happens, it is a shorter time."""


def pace(connection: Connection, now: datetime, most: int = READ) -> Pace:
    """Return how fast things happen, from the newest entries of the log, so many of them at most."""
    query = select(log_entry.c.at, log_entry.c.what).where(log_entry.c.position > head(connection) - most)
    rows = connection.execute(query).all()
    since = now - SPAN
    if len(rows) >= most:
        since = max(since, min(row.at for row in rows))
    return Pace(since, now, Counter(row.what for row in rows if row.at >= since))
