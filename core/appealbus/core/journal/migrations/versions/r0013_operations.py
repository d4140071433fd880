"""Operations that have ended, with the rows that were not done, and lists that people keep under a name."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, text

revision = "0013"
down_revision = "0012"

_ID = BigInteger().with_variant(Integer, "sqlite")
_MOMENT = BigInteger


def upgrade() -> None:
    """Make the tables of operations anew, with a number for each; what is under way goes on."""
    bind = op.get_bind()
    under_way = bind.execute(text("SELECT * FROM operation ORDER BY at, hash")).mappings().all()
    parts = bind.execute(text("SELECT * FROM operation_part")).mappings().all()
    op.drop_table("operation_part")
    op.drop_table("operation")
    operation = op.create_table(
        "operation",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("hash", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("everything", Integer, nullable=False),
        Column("at", _MOMENT, nullable=False),
        Column("by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("total", Integer, nullable=False),
        Column("verdicts", LargeBinary, nullable=False),
        Column("receiver", Text),
        Column("selected_by", LargeBinary),
        Column("moved_at", _MOMENT, nullable=False),
        Column("stopped_by", Text),
        Column("ended_at", _MOMENT),
    )
    op.create_index("ix_operation_hash", "operation", ["hash", "id"])
    operation_part = op.create_table(
        "operation_part",
        Column("operation", _ID, primary_key=True, autoincrement=False),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("ids", LargeBinary, nullable=False),
    )
    op.create_table(
        "operation_left",
        Column("operation", _ID, primary_key=True, autoincrement=False),
        Column("verdict", Text, primary_key=True),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("ids", LargeBinary, nullable=False),
    )
    op.create_table(
        "named_view",
        Column("name", Text, primary_key=True),
        Column("query", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("at", _MOMENT, nullable=False),
    )
    ids = {row["hash"]: at for at, row in enumerate(under_way, 1)}
    op.bulk_insert(operation, [{**row, "id": ids[row["hash"]], "moved_at": row["at"]} for row in under_way])
    left = [{"operation": ids[row["hash"]], "part": row["part"], "ids": row["ids"]} for row in parts]
    op.bulk_insert(operation_part, left)
    if ids:
        bind.execute(text("INSERT INTO counter (name, value) VALUES ('operation', :last)"), {"last": len(ids)})
