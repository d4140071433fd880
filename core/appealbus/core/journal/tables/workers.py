"""The journal itself, the processes that work it, and what they may have of each source."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, Text

from appealbus.core.journal.tables.base import Moment, metadata

standing = Table(
    "standing",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("journal", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("clock", Moment),
    Column("behind", Float, nullable=False),
    Column("doubt", Text),
    Column("doubted_by", Float, nullable=False),
    Column("doubt_left", Float, nullable=False),
    Column("era", Integer, nullable=False),
    Column("key_check", LargeBinary),
)
"""One row: which journal this is, its epoch, how often it was seen alive, and its clock with what is doubted of it."""

counter = Table(
    "counter", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False)
)

worker = Table(
    "worker",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seen_until", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""The processes that work this journal. One that is not seen any more is dead, or cut off."""

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What one worker does for all: the relay to a receiver, the retention."""

source_state = Table(
    "source_state",
    metadata,
    Column("source", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)

source_limit = Table(
    "source_limit",
    metadata,
    Column("source", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("era", BigInteger, nullable=False),
    Column("open_until", Moment),
    Column("probe_owner", Text),
    Column("probe_until", Moment),
    Column("back_at", Moment),
)
"""What all workers together may ask of a source: tokens of its rate, failures in a row, its breaker.

`back_at` is when it last came back: its breaker closed, a pause or a closed window ended, a quota began anew. What is
parked for it since before then is due.
"""

source_pause = Table(
    "source_pause",
    metadata,
    Column("source", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
)
"""Sources that a person has stand still; nothing leaves for one before `until`."""

source_quota = Table(
    "source_quota",
    metadata,
    Column("source", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("begins", Moment, nullable=False),
    Column("used", BigInteger, nullable=False),
)
"""How many calls of a `day` or a `month` are taken, by all workers together; what `begins` later starts from 0."""

source_share = Table(
    "source_share",
    metadata,
    Column("source", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
"""What each worker may have of a source: how many `calls` in flight, how many `parts` of its rate."""
