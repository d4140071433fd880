"""An index by which messages in quarantine are counted and listed by their code, as people look through them."""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"

_WAITING = text("replayed_at IS NULL AND closed_at IS NULL")


def upgrade() -> None:
    """Add the index: of what waits alone, which has its bounds."""
    op.create_index(
        "ix_quarantine_code", "quarantine", ["code", "id"], sqlite_where=_WAITING, postgresql_where=_WAITING
    )
