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


def _cases() -> None:
    """Cases that are suspect or held."""


def _messages() -> None:
    """What tells a message from another with the same id."""
    op.add_column("appeal", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("quarantine", sa.Column("code", sa.Text(), nullable=False, server_default=""))


def _deliveries() -> None:
    """Deliveries that wait alone."""


def _epoch() -> None:
    """What is given anew after a restore, and the journal's clock."""
