"""The appeals that a selection means: a page costs what is on it, and at worst some ten thousand rows beside.

One part of the selection drives: its index gives the candidates in order, as a subquery with a limit, and all other
parts are asked of those alone: of the rows that were read for it, or of appeals that are looked up one by one. SQLite
keeps no statistics, so which part drives is decided here, the rarest first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    select,
    text,
    tuple_,
    type_coerce,
    union_all,
)

from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.selection import NOWHERE, Place, Selection
from appealbus.core.journal import codec
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
    lookup,
    outbox,
    subject,
)

SCAN = 10_000
"""Candidates that one step looks at: some tens of milliseconds."""
_COMBINATIONS = 400
"""Of sources that are waited for together which one question names: SQLite takes 500 parts."""
_NONE = -1
_AGE = "age"
"""The part of a selection that ids say: they are given in the order of acceptance."""
# It cannot know how many of the candidates are wanted, and would rather read the whole table than look each of them up.
_BY_INDEXES = text("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
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
Step = tuple[list[Row[Any]], Place | None]
"""The rows of a step, and from where the next one goes on; None: that was all."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and where."""

    connection: Connection
    selection: Selection
    marks: Sequence[bytes] = ()
    """Of whom and what the selection names."""
    after: Place = NOWHERE
    last: int | None = None
    """The id of the last appeal that is old enough, where only old ones are meant."""
    whole: bool = False
    """Whether all of it is wanted at once, and not a page."""

    @classmethod
    def of(
        cls, connection: Connection, selection: Selection, marks: Sequence[bytes] = (), after: Place = NOWHERE
    ) -> "Search":
        """Return a search for what is selected."""
        before = selection.accepted_before
        return cls(connection, selection, marks, after, None if before is None else _last_before(connection, before))

    def ahead(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that an id comes behind the place, and is old enough."""
        behind = column > self.after.id
        return behind if self.last is None else behind & (column <= self.last)


@dataclass(frozen=True, slots=True)
class _Driver:
    """Gives candidates: a query with their `id`, and `by` where they come by something else first.

    One that walks an index of appeals in order has the columns too that other parts are asked of.
    """

    query: Select[Any]
    covers: frozenset[str]
    """Which parts of the selection it fulfils."""
    once: Callable[[Any], ColumnElement[bool]] | None = None
    """Where candidates come several times: which of them counts."""


def by_id(selection: Selection) -> bool:
    """Say whether what is selected comes by its id; else what is most urgent, due next or waits longest comes first."""
    return _driving(selection) not in (_by_source, _by_due, _by_receiver, _by_next)


def place(selection: Selection, row: Row[Any]) -> Place:
    """Return the place behind a row of a step."""
    return Place(row.id, None if by_id(selection) else row.by)


def appeals(search: Search, limit: int) -> Step:
    """Return so many appeals at most, with all columns of their lists; there may be more though there are fewer."""
    return _step(search, limit, appeal.columns.keys())


def all_of(search: Search, columns: Sequence[str] = ()) -> Select[Any]:
    """Return the question for the ids of all that is selected, each once and in no order; with some columns.

    A database that keeps statistics may read the whole table for it, where that is less than to look each one up.
    """
    whole = replace(search, whole=True)
    driver = _driving(search.selection)(whole)
    candidates = driver.query.order_by(None).subquery("candidates")
    each: Any = candidates if "state" in candidates.c else appeal
    rest = [condition for name, condition in _conditions(whole, each) if name not in driver.covers]
    found = select(candidates.c.id, *(each.c[name] for name in columns)).where(*rest)
    if each is appeal and (rest or columns):
        found = found.join(appeal, appeal.c.id == candidates.c.id)
    return found if driver.once is None else found.distinct()


def rows_of(connection: Connection, some: Sequence[int]) -> list[AppealRow]:
    """Return appeals by id, in the order of their ids; those that are gone are left out."""
    query = select(*appeal.columns).where(appeal.c.id.in_(some)).order_by(appeal.c.id)
    return [codec.appeal_from_row(row) for row in connection.execute(query)]


def _step(search: Search, limit: int, columns: Sequence[str] = ()) -> Step:
    connection = search.connection
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEXES)
    driver = _driving(search.selection)(search)
    rest = [name for name, _ in _conditions(search, appeal) if name not in driver.covers]
    size = SCAN if rest or driver.once else limit
    candidates = driver.query.limit(size).subquery("candidates")
    order = [candidates.c.by, candidates.c.id] if "by" in candidates.c else [candidates.c.id]
    hits: Any = select(candidates.c.id, order[0].label("by"))
    if rest:
        each = candidates
        if "state" not in candidates.c:
            each = _each(connection, candidates)
            hits = hits.select_from(candidates.join(each, each.c.id == candidates.c.id))
        hits = hits.where(*(condition for name, condition in _conditions(search, each) if name in rest))
    if driver.once is not None:
        hits = hits.where(driver.once(candidates))
    hits = hits.order_by(*order).limit(limit)
    found: list[Any] = list(connection.execute(_with_columns(hits.subquery("hits"), columns) if columns else hits))
    if len(found) == limit:
        return found, place(search.selection, found[-1])
    if size != SCAN:
        return found, None
    end: Any = select(candidates.c.id, order[0].label("by")).order_by(*order).offset(size - 1)
    last: Any = connection.execute(end).first()
    return found, None if last is None else place(search.selection, last)


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


def _driving(selection: Selection) -> Callable[[Search], _Driver]:
    """Return the part that drives: the one that usually has the fewest appeals."""
    for said, driver in (
        (selection.named, _by_mark),
        (selection.lacking, _by_lack),
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


def _by_mark(search: Search) -> _Driver:
    at = subject.c.appeal_id
    query = select(at.label("id")).where(subject.c.mark == search.marks[0], search.ahead(at)).order_by(at)
    return _Driver(query, frozenset({"mark", _AGE}))


def _by_lack(search: Search) -> _Driver:
    return _Driver(_unsorted(LACKS, search), frozenset({"lacking", _AGE}))


def _by_state(search: Search) -> _Driver:
    state = _STATES[search.selection.state or AppealState.READY]
    return _Driver(_unsorted(appeal.c.state == state, search), frozenset({"state", _AGE}))


def _by_parked(search: Search) -> _Driver:
    """Go by id where only old ones are meant: they may be few among a hundred thousand that wait for a source."""
    return _Driver(_unsorted(appeal.c.state == PARKED, search), frozenset({_AGE}))


def _by_next(search: Search) -> _Driver:
    """Go by the next attempt: after an outage a hundred thousand are parked, and to sort them takes too long."""
    at = type_coerce(appeal.c.due_at, BigInteger)
    query = select(appeal.c.id, at.label("by"), *_ASKED).where(appeal.c.state == PARKED)
    if search.after.first is not None:
        query = query.where(tuple_(at, appeal.c.id) > tuple_(search.after.first, search.after.id))
    return _Driver(query.order_by(at, appeal.c.id), frozenset({"state"}))


def _unsorted(which: ColumnElement[bool], search: Search) -> Select[Any]:
    # `id + 0`: by id it would be looked for among all, not in the index that holds these alone.
    at: ColumnElement[int] = appeal.c.id + 0
    return select(appeal.c.id, *(_ASKED if search.whole else ())).where(which, search.ahead(at)).order_by(at)


def _by_code(search: Search) -> _Driver:
    at = lookup.c.appeal_id
    query = select(at.label("id")).distinct().where(TROUBLE, lookup.c.code == search.selection.code, search.ahead(at))
    return _Driver(query.order_by(at), frozenset({"code", _AGE}))


def _by_source(search: Search) -> _Driver:
    """Walk the index once for each combination of sources that this one is in: they are few, and each is in order."""
    ones = [
        _dated(WAITS_FOR & (appeal.c.waits_for == waits_for), search.after)
        for waits_for in _combinations(search.connection, search.selection.source or "")
    ] or [_dated(appeal.c.id == _NONE, search.after)]
    if len(ones) == 1 or search.whole:
        return _Driver(ones[0] if len(ones) == 1 else _all(ones), frozenset({"source"}))
    # From the index alone: of what each combination has, most is behind the step.
    keys = [one.with_only_columns(appeal.c.id, appeal.c.urgency.label("by")).limit(SCAN) for one in ones]
    return _Driver(_all([select(each.subquery()) for each in keys]), frozenset({"source"}))


def _all(parts: Sequence[Select[Any]]) -> Select[Any]:
    both = union_all(*(part.order_by(None) for part in parts)).subquery()
    return select(both).order_by(both.c.by, both.c.id)


def _combinations(connection: Connection, source: str) -> list[str]:
    found: list[str] = []
    after: str | None = ""
    while after is not None and len(found) < _COMBINATIONS:
        query = select(appeal.c.waits_for).where(WAITS_FOR, appeal.c.waits_for > after)
        after = connection.scalar(query.order_by(appeal.c.waits_for).limit(1))
        if after is not None and codec.one_word(source) in codec.names_from(after):
            found.append(after)
    return found


def _by_due(search: Search) -> _Driver:
    return _Driver(
        _dated(OPEN & appeal.c.urgency.between(*(search.selection.due or (0, 0))), search.after), frozenset({"due"})
    )


def _dated(which: ColumnElement[bool], after: Place) -> Select[Any]:
    query = select(appeal.c.id, appeal.c.urgency.label("by"), *_ASKED).where(which)
    if after.first is not None:
        query = query.where(tuple_(appeal.c.urgency, appeal.c.id) > tuple_(after.first, after.id))
    return query.order_by(appeal.c.urgency, appeal.c.id)


def _by_receiver(search: Search) -> _Driver:
    """Go by deliveries, the oldest first."""
    mine = (outbox.c.receiver == search.selection.receiver) & (outbox.c.id > (search.after.first or 0))
    query = select(outbox.c.appeal_id.label("id"), outbox.c.id.label("by")).where(LACKED, mine).order_by(outbox.c.id)
    return _Driver(query, frozenset({"receiver"}), _first_of_appeal(search))


def _first_of_appeal(search: Search) -> Callable[[Any], ColumnElement[bool]]:
    """Return what tells whether a candidate is its appeal's oldest delivery: by a later one it would come again."""
    earlier = outbox.alias()
    lacked = (earlier.c.receiver == search.selection.receiver) & earlier.c.sent_at.is_(None)

    def condition(candidates: Any) -> ColumnElement[bool]:
        mine = (earlier.c.appeal_id == candidates.c.id) & (earlier.c.id < candidates.c.by)
        return ~select(1).where(mine, lacked, earlier.c.skipped_at.is_(None)).exists()

    return condition


def _by(name: str, *also: ColumnElement[bool]) -> Callable[[Search], _Driver]:
    def driver(search: Search) -> _Driver:
        mine = appeal.c[name] == getattr(search.selection, name)
        return _Driver(_in_order(search, mine, *also), frozenset({name, _AGE}))

    return driver


def _by_id(search: Search) -> _Driver:
    return _Driver(_in_order(search), frozenset({_AGE}))


def _in_order(search: Search, *which: ColumnElement[bool]) -> Select[Any]:
    query = select(appeal.c.id, *_ASKED).where(*which, search.ahead(appeal.c.id))
    return query.order_by(appeal.c.id)


def _conditions(search: Search, appeal: Any) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """Yield each part as a condition that no index serves: else a database might begin with it."""
    selection = search.selection
    if search.last is not None:
        yield _AGE, appeal.c.id + 0 <= search.last
    if selection.state is not None:
        yield "state", _text(appeal.c.state) == selection.state.value
    for name in ("kind", "place", "signal", "completeness"):
        if (said := getattr(selection, name)) is not None:
            yield name, _text(appeal.c[name]) == said
    if selection.body is not None:
        yield "body", _text(appeal.c.addressee) == selection.body
    if selection.source is not None:
        waits = _text(appeal.c.waits_for).contains(f" {codec.one_word(selection.source)} ", autoescape=True)
        yield "source", waits & (_text(appeal.c.state) == AppealState.PARKED.value)
    if selection.lacking:
        yield "lacking", _text(appeal.c.lacks) != ""
    if selection.due is not None:
        yield "due", (appeal.c.urgency + 0).between(*selection.due) & (_text(appeal.c.closed) == "")
    if selection.code is not None:
        mine = lookup.c.appeal_id == appeal.c.id
        yield "code", select(1).where(mine, TROUBLE, _text(lookup.c.code) == selection.code).exists()
    if selection.receiver is not None:
        mine = (outbox.c.appeal_id == appeal.c.id) & (outbox.c.receiver == selection.receiver)
        yield "receiver", select(1).where(mine, LACKED).exists()
    for at, mark in enumerate(search.marks):
        name = "mark" if at == 0 else f"mark {at}"
        yield name, select(1).where(subject.c.appeal_id == appeal.c.id, subject.c.mark == mark).exists()


def _last_before(connection: Connection, moment: datetime) -> int:
    """Return the id of the last appeal accepted before a moment.

    Some twenty looks at the primary key say it, so that no index by time is written with each appeal.
    """
    first, last = 0, connection.scalar(select(func.max(appeal.c.id))) or 0
    while first < last:
        middle = (first + last) // 2
        after = select(appeal.c.id, appeal.c.accepted_at).where(appeal.c.id > middle).order_by(appeal.c.id).limit(1)
        row = connection.execute(after).first()
        if row is not None and row.accepted_at < moment:
            first = row.id
        else:
            last = middle
    return first


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, "")
