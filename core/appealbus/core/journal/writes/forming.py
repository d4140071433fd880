"""Forms of an appeal: the newest takes the place of the one before, and the one that it came in is kept."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from appealbus.core.domain.document import Form
from appealbus.core.journal import bulk, documents
from appealbus.core.journal.tables import appeal
from appealbus.core.journal.writes.urgency import urgency_of

_BEFORE = select(appeal.c.id, appeal.c.first, appeal.c.content).where(appeal.c.id.in_(bindparam("ids", expanding=True)))


def form(connection: Connection, forms: Mapping[int, Form]) -> None:
    """Write the newest forms of appeals, which are locked, with all that lists show of them."""
    documents.keep(connection, [(appeal_id, each.document) for appeal_id, each in forms.items()])
    rows = [
        {
            "id": row.id,
            "first": row.first or row.content,
            "content": forms[row.id].document.digest,
            "size": len(forms[row.id].document.body),
            "urgency": urgency_of(forms[row.id].appeal),
        }
        for row in connection.execute(_BEFORE, {"ids": bulk.padded(list(forms))})
    ]
    bulk.update(connection, appeal, rows)
