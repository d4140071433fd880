"""The record: the log, documents that versions refer to, subjects, changes, kept replies; columns for lists."""

import sqlalchemy as sa
from alembic import op

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0005"
down_revision = "0004"

_NOW = {
    "sqlite": "0",  # whoever writes gives the moment
    "postgresql": "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
}


def upgrade() -> None:
    """Make the tables and columns."""
    _columns()
    _log()
    _documents()
    _changes()
    _replies()


def _columns() -> None:
    """What lists, figures and searches need, and what refers to documents."""
    for name in ("kind", "category", "place", "addressee", "applicant", "signal", "pending", "lacks", "closed"):
        op.add_column("appeal", sa.Column(name, sa.Text()))
    op.add_column("appeal", sa.Column("content", sa.LargeBinary()))
    op.add_column("appeal", sa.Column("first", sa.LargeBinary()))
    op.add_column("appeal", sa.Column("changes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("appeal", sa.Column("size", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("lookup", sa.Column("fact", sa.LargeBinary()))
    op.add_column("dossier", sa.Column("parts", sa.LargeBinary()))
    op.add_column("dossier", sa.Column("size", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("standing", sa.Column("key_check", sa.LargeBinary()))
    partial_index("ix_appeal_lacks", "appeal", ["lacks", "urgency", "id"], "lacks IS NOT NULL")
    op.create_table(
        "known_lookup",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("plugin", "lookup", "version")),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("plugin", "lookup", name=op.f("pk_known_lookup")),
    )


def _log() -> None:
    """The log, what has no position in it yet, and where epochs begin."""
    for table, key in (("log_entry", "position"), ("log_unplaced", "id")):
        op.create_table(
            table,
            sa.Column(key, _id(), nullable=False),
            sa.Column("at", sa.BigInteger(), nullable=False, server_default=sa.text(_NOW[op.get_bind().dialect.name])),
            sa.Column("what", sa.Text(), nullable=False),
            sa.Column("appeal_id", _id()),
            sa.Column("actor", sa.Text(), nullable=False),
            sa.Column("about", sa.Text(), nullable=False),
            sa.Column("detail", sa.LargeBinary()),
            sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
            sqlite_autoincrement=True,
        )
    partial_index("ix_log_entry_appeal", "log_entry", ["appeal_id", "position"], "appeal_id IS NOT NULL")
    epoch = op.create_table(
        "epoch",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_epoch")),
    )
    now = op.get_bind().scalar(sa.text("SELECT epoch FROM standing")) or 1
    op.bulk_insert(epoch, [{"epoch": number, "after": 0} for number in range(1, now + 1)])


def _documents() -> None:
    """Documents, and whom they name."""
    op.create_table(
        "document",
        sa.Column("appeal_id", _id(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_document_appeal_id")),
        sa.PrimaryKeyConstraint("appeal_id", "digest", name=op.f("pk_document")),
    )
    op.create_table(
        "subject",
        sa.Column("appeal_id", _id(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_subject_appeal_id")),
        sa.PrimaryKeyConstraint("appeal_id", "mark", name=op.f("pk_subject")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_subject_mark", "subject", ["mark", "appeal_id"])


def _changes() -> None:
    """Messages about known appeals."""
    op.create_table(
        "change",
        sa.Column("id", _id(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("appeal_id", _id()),
        sa.Column("number", sa.Text()),
        sa.Column("of_message", sa.Text()),
        sa.Column("of_channel", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dated_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_change_appeal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
        sa.UniqueConstraint("message_id", "channel", name=op.f("uq_change_message_id")),
        sqlite_autoincrement=True,
    )
    partial_index("ix_change_appeal", "change", ["appeal_id"], "appeal_id IS NOT NULL")
    for name, column in (("number", "number"), ("message", "of_message"), ("waiting", "received_at")):
        partial_index(f"ix_change_{name}", "change", [column], "appeal_id IS NULL")


def _replies() -> None:
    """Replies as they came."""
    op.create_table(
        "reply",
        sa.Column("id", _id(), nullable=False),
        sa.Column("appeal_id", _id(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("lookup", "key", "source", "question_id")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("at", "until")),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeal.id"], name=op.f("fk_reply_appeal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply")),
    )
    op.create_index("ix_reply_appeal", "reply", ["appeal_id", "lookup", "key"])
    op.create_index("ix_reply_source", "reply", ["source", "at"])
    op.create_index("ix_reply_until", "reply", ["until"])
    partial_index("ix_dossier_superseding", "dossier", ["created_at"], "version > 1")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
