"""What an operator needs: searches, pauses and quotas of sources, messages that are closed, and who waits for whom."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0008"
down_revision = "0007"

_MOMENT = BigInteger
_WAITS = "replayed_at IS NULL AND closed_at IS NULL"
_TROUBLE = "kind IN ('refused', 'unavailable', 'timed_out', 'invalid', 'awaiting')"


def upgrade() -> None:
    """Add columns, tables and indexes."""
    op.add_column("appeal", Column("waits_for", Text))
    op.add_column("source_limit", Column("back_at", _MOMENT))
    for name, kind in (("closed_at", _MOMENT), ("closed_by", Text), ("closed_reason", Text)):
        op.add_column("quarantine", Column(name, kind))
    op.create_table(
        "source_pause",
        Column("source", Text, primary_key=True),
        Column("at", _MOMENT, nullable=False),
        Column("until", _MOMENT, nullable=False),
        Column("reason", Text, nullable=False),
        Column("by", Text, nullable=False),
    )
    op.create_table(
        "source_quota",
        Column("source", Text, primary_key=True),
        Column("period", Text, primary_key=True),
        Column("begins", _MOMENT, nullable=False),
        Column("used", BigInteger, nullable=False),
    )
    op.create_table(
        "operation",
        Column("hash", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("everything", Integer, nullable=False),
        Column("at", _MOMENT, nullable=False),
        Column("by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("total", Integer, nullable=False),
        Column("verdicts", LargeBinary, nullable=False),
    )
    op.create_table(
        "operation_part",
        Column("hash", Text, primary_key=True),
        Column("part", Integer, primary_key=True),
        Column("ids", LargeBinary, nullable=False),
    )
    partial_index(
        "ix_appeal_waits_for", "appeal", ["waits_for", "urgency", "id"], "state = 'parked' AND waits_for IS NOT NULL"
    )
    partial_index("ix_appeal_urgency", "appeal", ["urgency", "id"], "closed IS NULL")
    op.create_index("ix_appeal_kind", "appeal", ["kind", "id"])
    op.create_index("ix_appeal_place", "appeal", ["place", "id"])
    partial_index("ix_appeal_signal", "appeal", ["signal", "id"], "signal IS NOT NULL")
    partial_index("ix_lookup_code", "lookup", ["code", "appeal_id"], _TROUBLE)
    partial_index("ix_outbox_sent", "outbox", ["receiver", "sent_at", "id"], "sent_at IS NOT NULL")
    for name, columns, where in (
        ("waiting", ["id"], _WAITS),
        ("channel", ["channel", "id"], _WAITS),
        ("replayed", ["replayed_at"], "replayed_at IS NOT NULL"),
    ):
        op.drop_index(f"ix_quarantine_{name}", "quarantine")
        partial_index(f"ix_quarantine_{name}", "quarantine", columns, where)
    partial_index("ix_quarantine_closed", "quarantine", ["closed_at"], "closed_at IS NOT NULL")
