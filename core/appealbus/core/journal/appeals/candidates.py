"""What is looked for among appeals, and the part of a selection that drives.

Its index gives the candidates in order, as a subquery with a limit. SQLite keeps no statistics, so which part drives is
decided here, the rarest first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, select, tuple_, type_coerce, union_all

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import NOWHERE, ListPosition, Selection
from appealbus.core.journal import codec
from appealbus.core.journal.key import insist_on, key_of
from appealbus.core.journal.tables import (
    HELD,
    IN_WORK,
    LACKED,
    LACKS,
    OPEN,
    PARKED,
    READY,
    SIGNALLED,
    SUSPECT,
    TROUBLE,
    WAITS_FOR,
    appeal,
    by_jumps,
    first_since,
    lacking,
    lookup,
    outbox,
    subject,
    unindexed,
)


@dataclass(frozen=True, slots=True)
class Search:
    connection: Connection
    selection: Selection
    marks: Sequence[bytes] = ()
    """Of whom and what the selection names."""
    after: ListPosition = NOWHERE
    last: int | None = None
    """The id of the last appeal that is old enough, where only old ones are meant."""
    whole: bool = False
    """Whether all of it is wanted at once, and not a page."""

    @classmethod
    def of(cls, connection: Connection, selection: Selection, after: ListPosition = NOWHERE) -> "Search":
        before = selection.accepted_before
        last = None if before is None else first_since(connection, appeal.c.id, appeal.c.accepted_at, before) - 1
        return cls(connection, selection, _marks(connection, selection), after, last)

    def ahead(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that an id comes after the place, and is old enough."""
        behind = column > self.after.id
        return behind if self.last is None else behind & (column <= self.last)


def _marks(connection: Connection, selection: Selection) -> list[bytes]:
    if not selection.named:
        return []
    key = key_of(connection)
    insist_on(key, connection)
    return [key.mark(kind, identifier) for kind, identifier in selection.named]


SCAN = 8_000
"""Candidates that one step looks at, for 30 ms at most: a page of the console takes three steps."""
_COMBINATIONS = 400
"""Of sources that are waited for together which one question names: SQLite takes 500 parts."""
_NONE = -1
AGE = "age"
"""The part of a selection that ids say: they are given in the order of acceptance."""
_STATES = {
    AppealState.READY: READY,
    AppealState.IN_WORK: IN_WORK,
    AppealState.PARKED: PARKED,
    AppealState.SUSPECT: SUSPECT,
    AppealState.HELD: HELD,
}
_ASKED = [
    appeal.c[name]
    for name in (
        "state",
        "urgency",
        "kind",
        "place",
        "signal",
        "completeness",
        "addressee",
        "waits_for",
        "lacks",
        "closed",
    )
]
"""Columns of which all parts of a selection are asked, beside `id`."""
_FEW = (AppealState.HELD, AppealState.SUSPECT, AppealState.IN_WORK)


@dataclass(frozen=True, slots=True)
class Driver:
    """Gives candidates: a query with their `id`, and `by` where they come by something else first.

    One that walks an index of appeals in order has the columns too that other parts are asked of.
    """

    query: Select[Any]
    covers: frozenset[str]
    """Which parts of the selection it fulfils."""
    once: Callable[[Any], ColumnElement[bool]] | None = None
    """Where candidates come several times: which of them counts."""


def by_id(selection: Selection) -> bool:
    """Whether the selection is in the order of ids; else by urgency, next attempt or time of waiting."""
    return driving(selection) not in (_by_source, _by_due, _by_receiver, _by_next)


def driving(selection: Selection) -> Callable[[Search], Driver]:
    """Return the part that drives: usually the one with the fewest appeals."""
    for said, driver in (
        (selection.named, _by_mark),
        (selection.lacking, _by_lack("lacking")),
        (selection.unassessed, _by_lack("unassessed")),
        (selection.misdated, _by_lack("misdated")),
        (selection.state in _FEW, _by_state),
        (selection.code, _by_code),
        (selection.accepted_before and selection.source, _by_parked),
        (selection.source, _by_source),
        (selection.receiver, _by_receiver),
        (selection.state is AppealState.PARKED and selection.accepted_before is None, _by_next),
        (selection.state in _STATES, _by_state),
        (selection.signal, _by("signal", SIGNALLED)),
        (selection.place, _by("place")),
        (selection.due, _by_due),
        (selection.kind, _by("kind")),
    ):
        if said:
            return driver
    return _by_id


def _by_mark(search: Search) -> Driver:
    at = subject.c.appeal_id
    query = select(at.label("id")).where(subject.c.mark == search.marks[0], search.ahead(at)).order_by(at)
    return Driver(query, frozenset({"mark", AGE}))


def _by_lack(name: str) -> Callable[[Search], Driver]:
    return lambda search: Driver(_unsorted(LACKS & lacking(name, appeal.c.lacks), search), frozenset({name, AGE}))


def _by_state(search: Search) -> Driver:
    state = _STATES[search.selection.state or AppealState.READY]
    return Driver(_unsorted(appeal.c.state == state, search), frozenset({"state", AGE}))


def _by_parked(search: Search) -> Driver:
    """Go by id where only old ones are meant: they may be few among a hundred thousand that wait for a source."""
    return Driver(_unsorted(appeal.c.state == PARKED, search), frozenset({AGE}))


def _by_next(search: Search) -> Driver:
    """Go by the next attempt: after an outage a hundred thousand are parked, and to sort them takes too long."""
    at = type_coerce(appeal.c.due_at, BigInteger)
    query = select(appeal.c.id, at.label("by"), *_ASKED).where(appeal.c.state == PARKED)
    if search.after.first is not None:
        query = query.where(tuple_(at, appeal.c.id) > tuple_(search.after.first, search.after.id))
    return Driver(query.order_by(at, appeal.c.id), frozenset({"state"}))


def _unsorted(which: ColumnElement[bool], search: Search) -> Select[Any]:
    # `id + 0`: by id it would be looked for among all, not in the index that holds these alone.
    at: ColumnElement[int] = appeal.c.id + 0
    return select(appeal.c.id, *(_ASKED if search.whole else ())).where(which, search.ahead(at)).order_by(at)


def _by_code(search: Search) -> Driver:
    at = lookup.c.appeal_id
    query = select(at.label("id")).distinct().where(TROUBLE, lookup.c.code == search.selection.code, search.ahead(at))
    return Driver(query.order_by(at), frozenset({"code", AGE}))


def _by_source(search: Search) -> Driver:
    """Walk the index once for each combination of sources that this one is in: they are few, and each is in order."""
    ones = [
        _dated(WAITS_FOR & (appeal.c.waits_for == waits_for), search.after)
        for waits_for in _combinations(search.connection, search.selection.source or "")
    ] or [_dated(appeal.c.id == _NONE, search.after)]
    if len(ones) == 1 or search.whole:
        return Driver(ones[0] if len(ones) == 1 else _all(ones), frozenset({"source"}))
    # From the index alone: of what each combination has, most is behind the step.
    keys = [one.with_only_columns(appeal.c.id, appeal.c.urgency.label("by")).limit(SCAN) for one in ones]
    return Driver(_all([select(key.subquery()) for key in keys]), frozenset({"source"}))


def _all(parts: Sequence[Select[Any]]) -> Select[Any]:
    both = union_all(*(part.order_by(None) for part in parts)).subquery()
    return select(both).order_by(both.c.by, both.c.id)


def _combinations(connection: Connection, source: str) -> list[str]:
    name, waited = codec.one_word(source), by_jumps(connection, appeal.c.waits_for, WAITS_FOR)
    return list(islice((names for names in waited if name in codec.names_from(names)), _COMBINATIONS))


def _by_due(search: Search) -> Driver:
    return Driver(
        _dated(OPEN & appeal.c.urgency.between(*(search.selection.due or (0, 0))), search.after), frozenset({"due"})
    )


def _dated(which: ColumnElement[bool], after: ListPosition) -> Select[Any]:
    query = select(appeal.c.id, appeal.c.urgency.label("by"), *_ASKED).where(which)
    if after.first is not None:
        query = query.where(tuple_(appeal.c.urgency, appeal.c.id) > tuple_(after.first, after.id))
    return query.order_by(appeal.c.urgency, appeal.c.id)


def _by_receiver(search: Search) -> Driver:
    mine = (outbox.c.receiver == search.selection.receiver) & (outbox.c.id > (search.after.first or 0))
    query = select(outbox.c.appeal_id.label("id"), outbox.c.id.label("by")).where(LACKED, mine).order_by(outbox.c.id)
    return Driver(query, frozenset({"receiver"}), _first_of_appeal(search))


def _first_of_appeal(search: Search) -> Callable[[Any], ColumnElement[bool]]:
    """Return what tells whether a candidate is its appeal's oldest delivery: by a later one it would come again."""
    earlier = outbox.alias()
    lacked = (unindexed(earlier.c.receiver) == search.selection.receiver) & earlier.c.sent_at.is_(None)

    def condition(candidates: Any) -> ColumnElement[bool]:
        mine = (earlier.c.appeal_id == candidates.c.id) & (earlier.c.id < candidates.c.by)
        return ~select(1).where(mine, lacked, earlier.c.skipped_at.is_(None)).exists()

    return condition


def _by(name: str, *also: ColumnElement[bool]) -> Callable[[Search], Driver]:
    def driver(search: Search) -> Driver:
        mine = appeal.c[name] == getattr(search.selection, name)
        return Driver(_in_order(search, mine, *also), frozenset({name, AGE}))

    return driver


def _by_id(search: Search) -> Driver:
    return Driver(_in_order(search), frozenset({AGE}))


def _in_order(search: Search, *which: ColumnElement[bool]) -> Select[Any]:
    query = select(appeal.c.id, *_ASKED).where(*which, search.ahead(appeal.c.id))
    return query.order_by(appeal.c.id)
