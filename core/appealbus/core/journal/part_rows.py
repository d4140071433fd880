"""The rows that parts of plugins keep of an appeal, made and checked before its transaction.

Whatever a part does here costs its own rows: the appeal is accepted without them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from math import isfinite
from typing import Any

import structlog
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, SmallInteger, Table, Text

from appealbus.core.clocks import monotonic
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.key import JournalKey
from appealbus.core.plugin_calls.boundary import ALARM, TookTooLong, is_defect
from appealbus.schemas.appeal import Appeal

log = structlog.get_logger(__name__)

_LONG = 10_000
"""Characters of a text whose rows are made in a thread: it would hold up the event loop for milliseconds."""
_PATIENCE = 5.0
"""Seconds for rows that are made in a thread."""
_REST = 60.0
"""Seconds in which a part that took too long is not called: else each appeal would wait for it."""
_ROWS = 10_000
_SIZE = 1 << 20
"""Bytes of the rows that a part keeps of one appeal: its transaction holds up all others."""

Rows = Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows that parts keep of one appeal, without its id, with the parts and where defects are counted."""

    rows: Rows = ()
    names: Sequence[str] = ()
    defects: Counter[str] = field(default_factory=Counter)

    def refused(self, error: JournalError) -> None:
        """Tell that the database took the appeal, but not with these rows."""
        for name in self.names:
            self.defects[f"journal_part.{name}"] += 1
            log.error("plugin.refused", plugin=name, code=error.code)


NOTHING = Kept()


class Keeper:
    """Has parts make their rows.

    Attributes:
        parts: those that keep rows of each appeal.
        defects: where their defects are counted.

    """

    def __init__(self) -> None:
        self.parts: Sequence[JournalPart] = ()
        self.defects: Counter[str] = Counter()
        self._rests: dict[str, float] = {}
        """Until when a part is not called."""
        self._hung: dict[str, asyncio.Future[Rows | None]] = {}

    async def kept(self, form: Appeal, key: JournalKey) -> Kept:
        """Return what parts keep of an appeal. One that raises, or takes too long, keeps nothing."""
        rows, names = list[tuple[Table, Sequence[Mapping[str, Any]]]](), list[str]()
        for part in self.parts:
            made = await self._made(part, form, key) if self.is_ready(part) else None
            if made is not None:
                rows += made
                names.append(part.name)
        return Kept(rows, names, self.defects)

    def is_ready(self, part: JournalPart) -> bool:
        """Whether a part may be called: no call of it hangs, or took too long a moment ago."""
        hung = self._hung.get(part.name)
        return (hung is None or hung.done()) and self._rests.get(part.name, 0.0) <= monotonic()

    async def _made(self, part: JournalPart, form: Appeal, key: JournalKey) -> Rows | None:
        if len(form.text) > _LONG:
            return next(iter(await self.in_thread(part, [form], key, _PATIENCE) or ()), None)
        return self.of(part, form, key)

    async def in_thread(
        self, part: JournalPart, some: Sequence[Appeal], key: JournalKey, seconds: float
    ) -> list[Rows | None] | None:
        """Return the rows of some appeals; None if that takes too long. A hung call takes no second thread."""
        call: asyncio.Future[Any] = asyncio.ensure_future(
            asyncio.to_thread(lambda: [self.of(part, form, key) for form in some])
        )
        if (await asyncio.wait({call}, timeout=seconds))[0]:
            return call.result()  # type: ignore[no-any-return]
        self._hung[part.name] = call
        call.add_done_callback(lambda late: late.cancelled() or late.exception())  # told already
        self._failed(part, TookTooLong())
        return None

    def of(self, part: JournalPart, form: Appeal, key: JournalKey) -> Rows | None:
        """Return the rows of an appeal by one part, checked; None if it has a defect."""
        try:
            return ALARM.within(_rows, part, form, key)
        except BaseException as error:
            if not is_defect(error):
                raise
            self._failed(part, error)
            return None

    def _failed(self, part: JournalPart, error: BaseException) -> None:
        if isinstance(error, TookTooLong):
            self._rests[part.name] = monotonic() + _REST
        self.defects[f"journal_part.{part.name}"] += 1
        log.error("plugin.raised", plugin=part.name, hook="register_journal_parts", exc_info=error)


def _rows(part: JournalPart, form: Appeal, key: JournalKey) -> Rows:
    given = part.rows(form, key.secret_of)
    if given.keys() - {its.name for its in part.tables}:
        raise ValueError("rows of a table that the part does not have")
    made = [(its, [dict(row) for row in islice(given.get(its.name, ()), _ROWS + 1)]) for its in part.tables]
    if sum(len(rows) for _, rows in made) > _ROWS:
        raise ValueError(f"more than {_ROWS} rows of an appeal")
    if sum(_check(its, rows) for its, rows in made) > _SIZE:
        raise ValueError(f"rows of an appeal that are larger than {_SIZE} bytes")
    return made


def _check(its: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Return the bytes of texts and bytes. Raise ValueError for what a column does not take on every database."""
    columns = {column.key: column for column in its.columns if column.key != "appeal_id"}
    size = 0
    for row in rows:
        if row.keys() != columns.keys():
            raise ValueError(f"a row of {its.name} has other columns")
        for name, value in row.items():
            if not _fits(columns[name], value):
                raise ValueError(f"a value of {its.name}.{name} does not fit its column")
            if isinstance(value, str | bytes):
                size += len(value.encode() if isinstance(value, str) else value)
    return size


def _fits(column: Column[Any], value: object) -> bool:
    if value is None:
        return bool(column.nullable)
    match column.type:
        case Text():
            fits = isinstance(value, str) and "\0" not in value
        case LargeBinary():
            fits = isinstance(value, bytes)
        case Boolean():
            fits = isinstance(value, bool)
        case Float():
            fits = type(value) is float and isfinite(value)
        case Moment():
            fits = isinstance(value, datetime) and value.tzinfo is not None
        case its:
            bits = 16 if isinstance(its, SmallInteger) else 64 if isinstance(its, BigInteger) else 32
            fits = type(value) is int and -(1 << bits - 1) <= value < 1 << bits - 1
    return fits


def is_written(column: Column[Any]) -> bool:
    """Whether the journal can write values of this type: lists of others go to the databases in another shape."""
    its = column.type
    # A subclass of a text may have another name in the database.
    return type(its) in {Text, LargeBinary, Boolean, Float} or isinstance(its, Integer | Moment)
