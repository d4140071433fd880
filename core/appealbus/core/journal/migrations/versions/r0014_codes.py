"""An index by which messages in quarantine are counted and listed by their code, as people look through them."""

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the index: of what waits alone, which has its bounds."""
    partial_index("ix_quarantine_code", "quarantine", ["code", "id"], "replayed_at IS NULL AND closed_at IS NULL")
