"""Forms of an appeal: the newest takes the place of the one before, and the one that it came in is kept."""

from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from appealbus.core.journal import bulk
from appealbus.core.journal.tables import appeal, document
from appealbus.core.journal.writes.urgency import urgency_of
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

_BEFORE = select(appeal.c.id, appeal.c.first, appeal.c.document).where(
    appeal.c.id.in_(bindparam("ids", expanding=True))
)


def form(connection: Connection, forms: Mapping[int, Appeal]) -> None:
    """Write the newest forms of appeals, which are locked, with all that lists show of them."""
    kept, rows = [], []
    for row in connection.execute(_BEFORE, {"ids": bulk.padded(list(forms))}):
        first = row.first
        if first is None:
            first = sha256(row.document).digest()
            kept.append({"appeal_id": row.id, "digest": first, "body": row.document})
        new = forms[row.id]
        body = APPEAL.write(new)
        rows.append({"id": row.id, "first": first, "document": body, "urgency": urgency_of(new)})
    bulk.insert_new(connection, document, kept)
    bulk.update(connection, appeal, rows)
