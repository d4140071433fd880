"""Indexes of some rows alone, as both databases make them."""

import sqlalchemy as sa
from alembic import op


def partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    """Make an index of the rows for which the condition holds."""
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
