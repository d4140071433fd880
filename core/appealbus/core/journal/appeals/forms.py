"""What is kept of an appeal's form beside its row: its document, whom it names, and a sketch of its text."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, LargeBinary, Table, bindparam, delete, func, select

from appealbus.core.domain.document import Form
from appealbus.core.journal import codec, documents
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.key import Marked
from appealbus.core.journal.sketch import INDEXED, Sketch, packed, unpacked
from appealbus.core.journal.tables import Id, appeal, document, metadata, subject
from appealbus.core.journal.writes import Write

sketch = Table(
    "sketch",
    metadata,
    Column("appeal_id", Id, ForeignKey("appeal.id"), primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)
"""Sketches of what appeals say, where a plugin compares it: their smallest hashes by the journal's key, packed."""

sketch_hash = Table(
    "sketch_hash",
    metadata,
    Column("hash", BigInteger, primary_key=True),
    Column("appeal_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)
"""The smallest of these alone, by which appeals with a like text are found. It goes with the sketch, without a foreign
key: on PostgreSQL that would be asked eight times an appeal.
"""


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


_DROP = delete(sketch_hash).where(sketch_hash.c.hash == bindparam("h"), sketch_hash.c.appeal_id == bindparam("a"))


@dataclass(frozen=True, slots=True)
class Filling:
    appeal_id: int
    content: bytes
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class Fill(Write[None]):
    """Sketches of appeals that have none."""

    sketches: Sequence[Filling]


@Fill.each
def fill_sketches(connection: Connection, item: Fill) -> None:
    """Add sketches of appeals that still have this form and no sketch."""
    ids = direct.padded([one.appeal_id for one in item.sketches])
    # Locked as whoever gives an appeal another form has it locked: its index must not have hashes of two texts.
    stand = select(appeal.c.id, appeal.c.content).where(appeal.c.id.in_(ids)).order_by(appeal.c.id)
    now = {row.id: row.content for row in connection.execute(stand.with_for_update(key_share=True))}
    there = set(connection.scalars(select(sketch.c.appeal_id).where(sketch.c.appeal_id.in_(ids))))
    new = [one for one in item.sketches if now.get(one.appeal_id) == one.content and one.appeal_id not in there]
    add_sketches(connection, [(one.appeal_id, one.sketch) for one in new])


def add_sketches(connection: Connection, items: Sequence[tuple[int, Sketch]]) -> None:
    """Add sketches by appeal id, never over an existing one. An empty one is kept, but not indexed."""
    if not items:
        return
    rows = [{"appeal_id": appeal_id, "hashes": packed(each)} for appeal_id, each in items]
    bulk.insert_new(connection, sketch, rows)
    index = [{"hash": value, "appeal_id": appeal_id} for appeal_id, each in items for value in each[:INDEXED]]
    bulk.insert_new(connection, sketch_hash, index)


def drop_sketches(connection: Connection, ids: Sequence[int]) -> None:
    kept = select(sketch).where(sketch.c.appeal_id.in_(direct.padded(ids)))
    found = connection.execute(kept).all() if ids else []
    pairs = [{"h": value, "a": row.appeal_id} for row in found for value in unpacked(row.hashes)[:INDEXED]]
    if pairs:
        connection.execute(_DROP, pairs)
    if found:
        connection.execute(
            delete(sketch).where(sketch.c.appeal_id.in_(direct.padded([row.appeal_id for row in found])))
        )


_BEFORE = select(appeal.c.id, appeal.c.first, appeal.c.content).where(appeal.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Forming:
    """The new form of an appeal, with marks of whom it names and perhaps a sketch of its text."""

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
            **codec.columns_of(item.form.appeal),
        }
        for item in items
    ]
    bulk.update(connection, appeal, rows)
    add_subjects(connection, [Naming(item.appeal_id, item.named) for item in items])
    # One without a sketch of its new text gets it later.
    drop_sketches(connection, [item.appeal_id for item in items])
    add_sketches(connection, [(item.appeal_id, item.sketch) for item in items if item.sketch is not None])


_BATCH = 200
"""Appeals of one transaction."""
_WINDOW = 5000
"""Ids that are looked through at once for some that have no sketch."""
_content = (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)


def missing_sketches(connection: Connection, after: int) -> tuple[list[tuple[int, bytes, bytes]], int] | None:
    """Return appeals without a sketch behind an id, and up to which id all were seen; None at the end."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if after >= last:
        return None
    upto = min(after + _WINDOW, last)
    has = select(sketch.c.appeal_id).where(sketch.c.appeal_id == appeal.c.id).exists()
    query = select(appeal.c.id, appeal.c.content, document.c.body).join(document, _content)
    query = query.where(appeal.c.id > after, appeal.c.id <= upto, ~has).order_by(appeal.c.id).limit(_BATCH)
    rows = [(row.id, row.content, row.body) for row in connection.execute(query)]
    return rows, rows[-1][0] if len(rows) == _BATCH else upto
