"""Indexes of what is parked that answer by themselves how much there is, in which order, and from when to when."""

from alembic import op

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make them anew; they hold what is parked alone."""
    for name, columns, which in (
        ("ix_appeal_parked", ["due_at", "id"], "state = 'parked'"),
        ("ix_appeal_waits_for", ["waits_for", "urgency", "id", "due_at"], "state = 'parked' AND waits_for IS NOT NULL"),
    ):
        op.drop_index(name, "appeal")
        partial_index(name, "appeal", columns, which)
