"""An index of the deliveries that a receiver lacks, by their ids and with their appeals, as people list them."""

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0014"

_LACKED = text("sent_at IS NULL AND skipped_at IS NULL")


def upgrade() -> None:
    """Add the index: of what is on its way, so it is written once more for each version, and small."""
    op.create_index(
        "ix_outbox_lacked",
        "outbox",
        ["receiver", "id", "appeal_id"],
        sqlite_where=_LACKED,
        postgresql_where=_LACKED,
    )
