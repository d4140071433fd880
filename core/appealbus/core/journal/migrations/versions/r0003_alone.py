"""A case fails alone: what is suspect or held, what an appeal was sent as, deliveries that wait alone, the epoch."""

import secrets

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


def _deliveries() -> None:
    """Deliveries that wait alone."""


def _epoch() -> None:
    """What is given anew after a restore, and the journal's clock."""
    op.add_column("dossier", sa.Column("epoch", sa.Integer(), nullable=False, server_default="1"))
    standing = op.create_table(
        "standing",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=True),
        sa.Column("behind", sa.Float(), nullable=False),
        sa.Column("doubt", sa.Text(), nullable=True),
        sa.Column("doubted_by", sa.Float(), nullable=False),
        sa.Column("doubt_left", sa.Float(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing")),
    )
    newest = op.get_bind().scalar(sa.text("SELECT max(changed_at) FROM appeal"))
    row = {"id": 1, "journal": secrets.token_hex(8), "epoch": 1, "beat": 0, "clock": newest}
    op.bulk_insert(standing, [{**row, "behind": 0.0, "doubted_by": 0.0, "doubt_left": 0.0, "era": 0}])
