"""Forms of an appeal: the newest takes the place of the one before, and the one that it came in is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from appealbus.core.domain.document import Form
from appealbus.core.journal import bulk, columns, documents
from appealbus.core.journal.key import Marked
from appealbus.core.journal.sketch import Sketch
from appealbus.core.journal.tables import appeal
from appealbus.core.journal.writes import sketches, subjects

_BEFORE = select(appeal.c.id, appeal.c.first, appeal.c.content).where(appeal.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Forming:
    """An appeal's new form, with the marks of whom and what it names, and a sketch of its text, if there is one."""

    appeal_id: int
    form: Form
    named: Sequence[Marked]
    sketch: Sketch | None = None


def form(connection: Connection, items: Sequence[Forming]) -> None:
    """Write the newest forms of appeals, which are locked, with all that lists show of them.

    Whom an earlier form named stays a subject: what was known of them is still kept.
    """
    if not items:
        return
    documents.keep(connection, [(item.appeal_id, item.form.document) for item in items])
    before = {row.id: row for row in connection.execute(_BEFORE, {"ids": [item.appeal_id for item in items]})}
    rows = [
        {
            "id": item.appeal_id,
            "first": before[item.appeal_id].first or before[item.appeal_id].content,
            "content": item.form.document.digest,
            "size": len(item.form.document.body),
            **columns.of_appeal(item.form.appeal),
        }
        for item in items
    ]
    bulk.update(connection, appeal, rows)
    subjects.add(connection, [subjects.Naming(item.appeal_id, item.named) for item in items])
    # One without a sketch of its new text gets it later.
    sketches.drop(connection, [item.appeal_id for item in items])
    sketches.add(connection, [(item.appeal_id, item.sketch) for item in items if item.sketch is not None])
