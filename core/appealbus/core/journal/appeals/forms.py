"""What is kept of an appeal's form beside its row: its document, whom it names, and rows of parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from appealbus.core.domain.document import FormDocument
from appealbus.core.journal import codec, documents, parts
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.key import Marked
from appealbus.core.journal.part_rows import NOTHING, Kept
from appealbus.core.journal.tables import appeal, subject


@dataclass(frozen=True, slots=True)
class Naming:
    appeal_id: int
    marked: Sequence[Marked]


def add_subjects(connection: Connection, items: Sequence[Naming]) -> None:
    rows = [
        {"appeal_id": item.appeal_id, "mark": mark, "role": role, "kind": kind}
        for item in items
        for mark, role, kind in item.marked
    ]
    bulk.insert_new(connection, subject, rows)


_BEFORE = select(appeal.c.id, appeal.c.first, appeal.c.content).where(appeal.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Forming:
    """The new form of an appeal, with marks of whom it names and rows of parts."""

    appeal_id: int
    form: FormDocument
    named: Sequence[Marked]
    kept: Kept = NOTHING


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
            **codec.columns_of(item.form.appeal),
        }
        for item in items
    ]
    bulk.update(connection, appeal, rows)
    add_subjects(connection, [Naming(item.appeal_id, item.named) for item in items])
    # Parts that this process has not loaded make their rows of the new form later.
    parts.forget(connection, [item.appeal_id for item in items])
    parts.add(connection, [(item.appeal_id, item.kept) for item in items])
