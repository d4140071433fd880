"""How values go to the databases: moments as numbers, and on PostgreSQL lists for whole columns.

For these the driver takes five to ten times as long. How values come back is left to it: there it is the faster one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Dialect, LargeBinary, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
"""The journal's unit of time: as fine as a datetime is, so that none is rounded."""
_TEXT, _BINARY = 0, 1
_TYPE_NUMBERS: Mapping[type[TypeEngine[Any]], int] = {Text: 25, LargeBinary: 17}
_HEAD, _LENGTH, _NULL = Struct("!5I"), Struct("!i"), Struct("!i").pack(-1)


class Moment(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: equal, sortable and exact on every database."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return to_number

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return to_moment


def to_number(value: datetime | None) -> int | None:
    """Return microseconds since 1970."""
    return None if value is None else (value - _EPOCH) // _MICROSECOND


def to_moment(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Command(NamedTuple):
    text: bytes
    values: Sequence[bytes | None] = ()
    formats: Sequence[int] = ()


def command(text: bytes, values: Sequence[tuple[bytes | None, int]]) -> Command:
    return Command(text, [value for value, _ in values], [form for _, form in values])


def one(value: object) -> tuple[bytes | None, int]:
    if isinstance(value, bytes):
        return value, _BINARY
    if isinstance(value, datetime):
        value = to_number(value)
    return None if value is None else str(value).encode(), _TEXT


def array(kind: TypeEngine[Any], values: Sequence[Any]) -> tuple[bytes, int]:
    number = _TYPE_NUMBERS.get(type(kind))
    if number is None:
        numbers = map(to_number, values) if isinstance(kind, Moment) else values
        return f"{{{','.join('NULL' if x is None else str(x) for x in numbers)}}}".encode(), _TEXT
    pieces = [_HEAD.pack(1, 1, number, len(values), 1)]
    for value in values:
        if value is None:
            pieces.append(_NULL)
        else:
            raw = value.encode() if isinstance(value, str) else value
            pieces += (_LENGTH.pack(len(raw)), raw)
    return b"".join(pieces), _BINARY
