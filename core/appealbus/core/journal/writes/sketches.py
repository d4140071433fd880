"""Sketches of what appeals say, with the index of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from appealbus.core.journal import bulk
from appealbus.core.journal.sketch import INDEXED, Sketch, packed, unpacked
from appealbus.core.journal.tables import appeal, sketch, sketch_hash
from appealbus.core.journal.writes.one_by_one import one_by_one

_DROP = delete(sketch_hash).where(sketch_hash.c.hash == bindparam("h"), sketch_hash.c.appeal_id == bindparam("a"))


@dataclass(frozen=True, slots=True)
class Filling:
    """A sketch of the form of an appeal that has this digest."""

    appeal_id: int
    content: bytes
    sketch: Sketch


@one_by_one
def fill(connection: Connection, each: list[Filling]) -> None:
    """Add sketches of appeals that still have that form, and still have none."""
    ids = bulk.padded([one.appeal_id for one in each])
    # Locked as whoever gives an appeal another form has it locked: its index must not have hashes of two texts.
    stand = select(appeal.c.id, appeal.c.content).where(appeal.c.id.in_(ids)).order_by(appeal.c.id)
    now = {row.id: row.content for row in connection.execute(stand.with_for_update(key_share=True))}
    there = set(connection.scalars(select(sketch.c.appeal_id).where(sketch.c.appeal_id.in_(ids))))
    new = [one for one in each if now.get(one.appeal_id) == one.content and one.appeal_id not in there]
    add(connection, [(one.appeal_id, one.sketch) for one in new])


def add(connection: Connection, items: Sequence[tuple[int, Sketch]]) -> None:
    """Add sketches of appeals, by id; what has one keeps it. One of a short text is kept too, and in no index."""
    if not items:
        return
    rows = [{"appeal_id": appeal_id, "hashes": packed(each)} for appeal_id, each in items]
    bulk.insert_new(connection, sketch, rows)
    index = [{"hash": value, "appeal_id": appeal_id} for appeal_id, each in items for value in each[:INDEXED]]
    bulk.insert_new(connection, sketch_hash, index)


def drop(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the sketches of appeals."""
    kept = select(sketch).where(sketch.c.appeal_id.in_(bulk.padded(ids)))
    found = connection.execute(kept).all() if ids else []
    pairs = [{"h": value, "a": row.appeal_id} for row in found for value in unpacked(row.hashes)[:INDEXED]]
    if pairs:
        connection.execute(_DROP, pairs)
    if found:
        connection.execute(delete(sketch).where(sketch.c.appeal_id.in_(bulk.padded([row.appeal_id for row in found]))))
