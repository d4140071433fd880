"""The appeals that a selection means: a page of them, or all ids at once, which an operation is about.

A page costs what is on it, and at worst some thousand rows beside. One part of the selection drives, and all others are
asked of the candidates that it gives: of the rows that were read for it, or of appeals that are looked up one by one.
All ids the database hands over as one value: row by row half a million take half a second.
"""

import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, func, literal, select, text

from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.selection import ListPosition, Selection
from appealbus.core.journal import codec
from appealbus.core.journal.appeals.candidates import AGE, SCAN, Search, by_id, driving
from appealbus.core.journal.tables import LACKED, TROUBLE, appeal, lacking, lookup, outbox, subject, unindexed

# PostgreSQL cannot know how many candidates are wanted, and would rather read the whole table than look each up.
_BY_INDEXES = text("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
Step = tuple[list[Row[Any]], ListPosition | None]
"""The rows of a step, and from where the next one goes on; None: that was all."""


def place(selection: Selection, row: Row[Any]) -> ListPosition:
    return ListPosition(row.id, None if by_id(selection) else row.by)


def appeals(search: Search, limit: int) -> Step:
    """Return so many appeals at most, with all columns of their lists; there may be more though there are fewer."""
    return _step(search, limit, appeal.columns.keys())


def all_of(search: Search, columns: Sequence[str] = ()) -> Select[Any]:
    """Return the question for the ids of all that is selected, in no order; with some columns.

    By a receiver an appeal may be there several times: once for each version that is lacked.

    A database that keeps statistics may read the whole table for it, where that is less than to look each one up.
    """
    whole = replace(search, whole=True)
    driver = driving(search.selection)(whole)
    candidates = driver.query.order_by(None).subquery("candidates")
    source: Any = candidates if "state" in candidates.c else appeal
    rest = [condition for name, condition in _conditions(whole, source) if name not in driver.covers]
    query = select(candidates.c.id, *(source.c[name] for name in columns)).where(*rest)
    if source is appeal and (rest or columns):
        query = query.join(appeal, appeal.c.id == candidates.c.id)
    return query


def _step(search: Search, limit: int, columns: Sequence[str] = ()) -> Step:
    connection = search.connection
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEXES)
    driver = driving(search.selection)(search)
    rest = [name for name, _ in _conditions(search, appeal) if name not in driver.covers]
    size = SCAN if rest or driver.once else limit
    candidates = driver.query.limit(size).subquery("candidates")
    order = [candidates.c.by, candidates.c.id] if "by" in candidates.c else [candidates.c.id]
    hits: Any = select(candidates.c.id, order[0].label("by"))
    if rest:
        source = candidates
        if "state" not in candidates.c:
            source = _each(connection, candidates)
            hits = hits.select_from(candidates.join(source, source.c.id == candidates.c.id))
        hits = hits.where(*(condition for name, condition in _conditions(search, source) if name in rest))
    if driver.once is not None:
        hits = hits.where(driver.once(candidates))
    hits = hits.order_by(*order).limit(limit)
    rows: list[Any] = list(connection.execute(_with_columns(hits.subquery("hits"), columns) if columns else hits))
    if len(rows) == limit:
        return rows, place(search.selection, rows[-1])
    if size != SCAN:
        return rows, None
    end: Any = select(candidates.c.id, order[0].label("by")).order_by(*order).offset(size - 1)
    last: Any = connection.execute(end).first()
    return rows, None if last is None else place(search.selection, last)


def _with_columns(hits: Any, columns: Sequence[str]) -> Any:
    query = select(*(appeal.c[name] for name in columns), hits.c.by)
    return query.join_from(hits, appeal, appeal.c.id == hits.c.id).order_by(hits.c.by, hits.c.id)


def _each(connection: Connection, candidates: Any) -> Any:
    """Return the appeals that candidates are looked up in.

    PostgreSQL thinks that hardly any of them fulfils the rest, and would read all appeals to find those first. A
    lateral query that has an offset it leaves as it is: one look at an index for each candidate.
    """
    if connection.dialect.name != "postgresql":
        return appeal
    return select(appeal).where(appeal.c.id == candidates.c.id).offset(0).lateral("each_appeal")


def _conditions(search: Search, appeal: Any) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """Yield each part as a condition that no index serves: else a database might begin with it."""
    selection = search.selection
    if search.last is not None:
        yield AGE, appeal.c.id + 0 <= search.last
    if selection.state is not None:
        yield "state", unindexed(appeal.c.state) == selection.state.value
    for name in ("kind", "place", "signal", "completeness"):
        if (said := getattr(selection, name)) is not None:
            yield name, unindexed(appeal.c[name]).in_(said.split(","))
    if selection.body is not None:
        yield "body", unindexed(appeal.c.addressee) == selection.body
    if selection.source is not None:
        waits = unindexed(appeal.c.waits_for).contains(f" {codec.one_word(selection.source)} ", autoescape=True)
        # One that is held waited for it when it was: so a release undoes what was held.
        state = AppealState.HELD if selection.state is AppealState.HELD else AppealState.PARKED
        yield "source", waits & (unindexed(appeal.c.state) == state.value)
    for name in ("lacking", "unassessed", "misdated"):
        if getattr(selection, name):
            yield name, lacking(name, unindexed(appeal.c.lacks))
    if selection.due is not None:
        yield "due", (appeal.c.urgency + 0).between(*selection.due) & (unindexed(appeal.c.closed) == "")
    if selection.code is not None:
        mine = lookup.c.appeal_id == appeal.c.id
        yield "code", select(1).where(mine, TROUBLE, unindexed(lookup.c.code) == selection.code).exists()
    if selection.receiver is not None:
        mine = (outbox.c.appeal_id == appeal.c.id) & (unindexed(outbox.c.receiver) == selection.receiver)
        yield "receiver", select(1).where(mine, LACKED).exists()
    for at, mark in enumerate(search.marks):
        name = "mark" if at == 0 else f"mark {at}"
        yield name, select(1).where(subject.c.appeal_id == appeal.c.id, subject.c.mark == mark).exists()


def step(
    connection: Connection, selection: Selection, after: ListPosition, limit: int
) -> tuple[list[tuple[AppealRow, ListPosition]], ListPosition | None]:
    """Return the next appeals behind a place, each with its own, and where to go on; None: that was all."""
    rows, at = appeals(Search.of(connection, selection, after), limit)
    return [(codec.appeal_from_row(row), place(selection, row)) for row in rows], at


def selected(
    connection: Connection,
    selection: Selection,
    most: int,
    within: Callable[[str | None, str | None], bool] | None = None,
) -> "array[int]":
    """Return the ids of all that is selected, in their order: up to one more than `most`.

    With `within` only those of which it says so, by their place and kind.
    """
    return ids_of(Search.of(connection, selection), most, within)


def ids_of(search: Search, most: int, within: Callable[[str | None, str | None], bool] | None = None) -> "array[int]":
    connection, several = search.connection, search.selection.receiver is not None
    ids: list[int] = []
    if within is None:
        question = all_of(search)
        ids += packed_ids(connection, question if several else question.limit(most + 1))
    else:
        matches = all_of(search, ("place", "kind")).subquery("found")
        query = select(_packed(connection, matches.c.id), matches.c.place, matches.c.kind)
        for packed, place, kind in connection.execute(query.group_by(matches.c.place, matches.c.kind)):
            ids += _unpacked(packed) if within(place, kind) else ()
    # To have the database leave out what repeats takes it several times as long.
    return array("q", sorted(set(ids) if several else ids)[: most + 1])


def packed_ids(connection: Connection, question: Select[Any]) -> Sequence[int]:
    matches = question.subquery("found")
    packed = connection.scalar(select(_packed(connection, matches.c.id)))
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
