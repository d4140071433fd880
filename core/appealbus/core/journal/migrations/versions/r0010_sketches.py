"""Sketches of what appeals say. Appeals that are there get theirs once a plugin compares texts, not here."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary

revision = "0010"
down_revision = "0009"

_ID = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "sketch",
        Column("appeal_id", _ID, ForeignKey("appeal.id"), primary_key=True),
        Column("hashes", LargeBinary, nullable=False),
    )
    op.create_table(
        "sketch_hash",
        Column("hash", BigInteger, primary_key=True),
        Column("appeal_id", _ID, primary_key=True),
        sqlite_with_rowid=False,
    )
