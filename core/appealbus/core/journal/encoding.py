"""How values go to PostgreSQL and come back: the driver's own ways take it several times as long."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlalchemy.types import TypeEngine

from appealbus.core.journal.tables import Moment, to_moment, to_number

_TEXT, _BINARY = 0, 1
_TYPE_NUMBERS: Mapping[type[TypeEngine[Any]], int] = {Text: 25, LargeBinary: 17}
_HEAD, _LENGTH, _NULL = Struct("!5I"), Struct("!i"), Struct("!i").pack(-1)


class Command(NamedTuple):
    """A statement with its parameters, as they go over the line."""

    text: bytes
    values: Sequence[bytes | None] = ()
    formats: Sequence[int] = ()


def command(text: bytes, values: Sequence[tuple[bytes | None, int]]) -> Command:
    """Return a statement with what `one` and `array` have made of its parameters."""
    return Command(text, [value for value, _ in values], [form for _, form in values])


def one(value: object) -> tuple[bytes | None, int]:
    """Return a value as it goes over the line, and in which format."""
    if isinstance(value, bytes):
        return value, _BINARY
    if isinstance(value, datetime):
        value = to_number(value)
    return None if value is None else str(value).encode(), _TEXT


def array(kind: TypeEngine[Any], values: Sequence[Any]) -> tuple[bytes, int]:
    """Return values of one type of column as an array."""
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


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _moment(raw: bytes) -> datetime | None:
    return to_moment(_number(raw))


READS: Mapping[type[TypeEngine[Any]], Callable[[bytes], Any]] = {
    Integer: _number,
    BigInteger: _number,
    Moment: _moment,
    Text: bytes.decode,
    LargeBinary: bytes,
}
"""What makes a value of a type of column out of the bytes of a result in binary."""
