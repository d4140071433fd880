"""Clients: what each may do, what it shows of itself, what it has used and read."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from appealbus.core.journal.tables.base import Moment, metadata

client = Table(
    "client",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("places", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("per_minute", Integer),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at", Moment),
)
"""Systems that may use the HTTP API. `places` and `kinds` are JSON. A name is never given to another one."""

client_credential = Table(
    "client_credential",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("client", Text, ForeignKey("client.name"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)
"""What a client shows of itself: `digest` is the SHA-256 of a token or a certificate; nothing else is kept of it."""

client_use = Table(
    "client_use",
    metadata,
    Column("client", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("used", Integer, nullable=False),
)
"""Requests that were granted to a client in a minute, counted from 1970, by all servers together."""

feed_reader = Table(
    "feed_reader",
    metadata,
    Column("client", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Up to where a client has read the feed, by what it said last."""
