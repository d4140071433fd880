"""Who sent what waits or is in quarantine, which changes their senders may not make, and which kinds came by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns, empty: of what came before nobody knows its sender. The index is small: changes are few."""
    op.add_column("change", sa.Column("sender", sa.Text))
    op.add_column("change", sa.Column("refused", sa.Text))
    op.add_column("change", sa.Column("says", sa.Text))
    op.add_column("change", sa.Column("reserved", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
    op.add_column("quarantine", sa.Column("sender", sa.Text))
    op.create_index("ix_change_sent", "change", ["channel", "kind"])
