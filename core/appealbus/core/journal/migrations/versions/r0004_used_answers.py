"""Signed answers count once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of the answers that have counted."""
    op.create_table(
        "used_answer",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_used_answer")),
    )
    op.create_index(op.f("ix_used_answer_until"), "used_answer", ["until"])
