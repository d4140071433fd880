"""All that is selected as ids at once: what an operation is about.

The database hands them over as one value: row by row half a million take half a second.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, func, literal, select

from appealbus.core.journal.reads import selecting
from appealbus.core.journal.reads.search import Search


def appeals(search: Search, most: int, within: Callable[[str | None, str | None], bool] | None = None) -> "array[int]":
    """Return the ids of all that is selected, in their order: up to one more than `most`.

    With `within` only those of which it says so, by their place and kind.
    """
    connection, several = search.connection, search.selection.receiver is not None
    ids: list[int] = []
    if within is None:
        question = selecting.all_of(search)
        ids += packed_ids(connection, question if several else question.limit(most + 1))
    else:
        found = selecting.all_of(search, ("place", "kind")).subquery("found")
        query = select(_packed(connection, found.c.id), found.c.place, found.c.kind)
        for packed, place, kind in connection.execute(query.group_by(found.c.place, found.c.kind)):
            ids += _unpacked(packed) if within(place, kind) else ()
    # To have the database leave out what repeats takes it several times as long.
    return array("q", sorted(set(ids) if several else ids)[: most + 1])


def packed_ids(connection: Connection, question: Select[Any]) -> Sequence[int]:
    found = question.subquery("found")
    packed = connection.scalar(select(_packed(connection, found.c.id)))
    return _unpacked(packed) if packed else ()


def _packed(connection: Connection, ids: ColumnElement[int]) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.string_agg(func.int8send(ids), literal(b"", LargeBinary), type_=LargeBinary)
    return func.group_concat(ids)


def _unpacked(packed: bytes | str) -> Sequence[int]:
    if isinstance(packed, str):
        ids: list[int] = orjson.loads(f"[{packed}]")
        return ids
    return struct.unpack(f">{len(packed) // 8}q", packed)
