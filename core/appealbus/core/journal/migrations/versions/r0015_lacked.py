"""An index of the deliveries that a receiver lacks, by their ids and with their appeals, as people list them."""

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the index: of what is on its way, so it is written once more for each version, and small."""
    lacked = "sent_at IS NULL AND skipped_at IS NULL"
    partial_index("ix_outbox_lacked", "outbox", ["receiver", "id", "appeal_id"], lacked)
