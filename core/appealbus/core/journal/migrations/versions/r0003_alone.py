"""A case fails alone: what is suspect or held, what an appeal was sent as, deliveries that wait alone, the epoch."""

import secrets

import sqlalchemy as sa
from alembic import op

from appealbus.core.journal.migrations.indexes import partial_index

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
    """Cases that are suspect or held, and messages that are suspect."""
    op.add_column("appeal", sa.Column("deaths", sa.Integer()))
    op.add_column("appeal", sa.Column("held_by", sa.Text()))
    op.add_column("appeal", sa.Column("held_reason", sa.Text()))
    for name, columns in (("suspect", ["deaths", "urgency", "id"]), ("held", ["id"])):
        where = sa.text(f"state = '{name}'")
        op.create_index(f"ix_appeal_{name}", "appeal", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "suspect_message",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_suspect_message")),
    )


def _messages() -> None:
    """What tells a message from another with the same id."""
    op.add_column("appeal", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("quarantine", sa.Column("code", sa.Text(), nullable=False, server_default=""))


def _deliveries() -> None:
    """Deliveries that wait alone."""
    op.add_column("outbox", sa.Column("strikes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("begun_by", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("alone_since", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("skipped_at", sa.BigInteger(), nullable=True))
    op.drop_index("ix_outbox_unsent", "outbox")
    unsent = "sent_at IS NULL AND alone_since IS NULL"
    partial_index("ix_outbox_unsent", "outbox", ["receiver", "next_attempt_at", "id"], unsent)
    partial_index("ix_outbox_alone", "outbox", ["receiver", "id"], "alone_since IS NOT NULL AND skipped_at IS NULL")


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


def _quarantine() -> None:
    """What each channel has in quarantine."""
    partial_index("ix_quarantine_channel", "quarantine", ["channel", "id"], "replayed_at IS NULL")
