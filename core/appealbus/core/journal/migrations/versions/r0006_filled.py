"""The columns go whose content now lies in documents; filling.py has moved it before."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Drop them."""
    for table, column in (("appeal", "document"), ("lookup", "record"), ("lookup", "provenance")):
        op.drop_column(table, column)
