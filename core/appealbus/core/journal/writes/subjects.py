"""Whom and what appeals name: marks by which they are found."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from appealbus.core.journal import bulk
from appealbus.core.journal.key import Marked
from appealbus.core.journal.tables import subject


@dataclass(frozen=True, slots=True)
class Naming:
    """An appeal, and whom it names."""

    appeal_id: int
    marked: Sequence[Marked]


def add(connection: Connection, items: Sequence[Naming]) -> None:
    """Add what is not there yet."""
    rows = [
        {"appeal_id": item.appeal_id, "mark": mark, "role": role, "kind": kind}
        for item in items
        for mark, role, kind in item.marked
    ]
    bulk.insert_new(connection, subject, rows)
