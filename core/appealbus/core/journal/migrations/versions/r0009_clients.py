"""Clients of the HTTP API, the tags in the ids by which they know appeals, and receivers of operations."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Text, text

revision = "0009"
down_revision = "0008"

_MOMENT = BigInteger
# Two bits of chance and six zeros, then nine bytes of chance. The functions are those by which each makes secrets.
_SQLITE_TAG = "CAST(substr(x'00010203', 1 + (random() & 3), 1) || randomblob(9) AS BLOB)"
_UUID = "uuid_send(gen_random_uuid())"
_POSTGRESQL_TAG = f"set_byte(substr({_UUID}, 1, 6) || substr({_UUID}, 1, 4), 0, get_byte({_UUID}, 0) & 3)"


def upgrade() -> None:
    """Add the column, filled, and the tables."""
    _add_tags()
    op.add_column("operation", Column("receiver", Text))
    op.create_table(
        "client",
        Column("name", Text, primary_key=True),
        Column("role", Text, nullable=False),
        Column("channel", Text, nullable=False),
        Column("places", Text, nullable=False),
        Column("kinds", Text, nullable=False),
        Column("per_minute", Integer),
        Column("created_at", _MOMENT, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("revoked_at", _MOMENT),
    )
    op.create_table(
        "client_credential",
        Column("kind", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("client", Text, ForeignKey("client.name"), nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("expires_at", _MOMENT, nullable=False),
        Column("revoked_at", _MOMENT),
    )
    op.create_index("ix_client_credential_client", "client_credential", ["client"])
    op.create_table(
        "client_use",
        Column("client", Text, primary_key=True),
        Column("minute", BigInteger, primary_key=True),
        Column("used", Integer, nullable=False),
    )
    op.create_table(
        "feed_reader",
        Column("client", Text, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("at", _MOMENT, nullable=False),
    )


def _add_tags() -> None:
    """Give every appeal a tag, in one pass over the table: by PostgreSQL's default its indexes are made anew at once.

    An UPDATE there would write each row and each of its thirteen entries in indexes a second time.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.add_column("appeal", Column("tag", LargeBinary))
        op.execute(f"UPDATE appeal SET tag = {_SQLITE_TAG}")  # noqa: S608 (a constant)
    else:
        op.add_column("appeal", Column("tag", LargeBinary, server_default=text(f"({_POSTGRESQL_TAG})")))
        op.alter_column("appeal", "tag", server_default=None)
