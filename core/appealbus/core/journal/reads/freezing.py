"""All that is selected as ids at once: what an operation is about.

The database hands them over as one value: row by row half a million take half a second.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, func, literal, select

from appealbus.core.domain.selection import DeliverySelection
from appealbus.core.journal.reads import deliveries, selecting
from appealbus.core.journal.reads.search import Search


def appeals(search: Search, most: int, within: Callable[[str | None, str | None], bool] | None = None) -> "array[int]":
    """Return the ids of all that is selected, in their order: up to one more than `most`.

    With `within` only those of which it says so, by their place and kind.
    """
    if within is None:
        return _ids(search.connection, selecting.all_of(search), most)
    found = selecting.all_of(search, ("place", "kind")).subquery("found")
    query = select(_packed(search.connection, found.c.id), found.c.place, found.c.kind)
    seen: list[int] = []
    for packed, place, kind in search.connection.execute(query.group_by(found.c.place, found.c.kind)):
        if within(place, kind):
            seen += _unpacked(packed)
    return array("q", sorted(seen)[: most + 1])


def confirmed(connection: Connection, selection: DeliverySelection, most: int) -> "array[int]":
    """Return the ids of all that was confirmed and is selected, in their order: up to one more than `most`."""
    return _ids(connection, deliveries.all_confirmed(connection, selection), most)


def _ids(connection: Connection, question: Select[Any], most: int) -> "array[int]":
    found = question.limit(most + 1).subquery("found")
    packed = connection.scalar(select(_packed(connection, found.c.id)))
    return array("q", sorted(_unpacked(packed))) if packed else array("q")


def _packed(connection: Connection, ids: ColumnElement[int]) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.string_agg(func.int8send(ids), literal(b"", LargeBinary), type_=LargeBinary)
    return func.group_concat(ids)


def _unpacked(packed: bytes | str) -> Sequence[int]:
    if isinstance(packed, str):
        ids: list[int] = orjson.loads(f"[{packed}]")
        return ids
    return struct.unpack(f">{len(packed) // 8}q", packed)
