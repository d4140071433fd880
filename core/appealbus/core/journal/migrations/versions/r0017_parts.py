"""Parts of plugins: their names, versions and tables. Where the tables of 0010 are there, they are the first."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table, and the index by which rows of a part go with their appeals."""
    part = op.create_table(
        "journal_part",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("tables", sa.Text, nullable=False),
    )
    if sa.inspect(op.get_bind()).has_table("sketch_hash"):
        op.create_index("ix_sketch_hash_appeal", "sketch_hash", ["appeal_id"])
        op.bulk_insert(part, [{"name": "sketches", "version": 1, "tables": "sketch sketch_hash"}])
