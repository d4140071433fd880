"""How values go to PostgreSQL: lists for whole columns above all, for which the driver takes five to ten times as long.

How they come back is left to the driver, which is the faster one there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Text
from sqlalchemy.types import TypeEngine

from appealbus.core.journal.tables import Moment, to_number

_TEXT, _BINARY = 0, 1
_TYPE_NUMBERS: Mapping[type[TypeEngine[Any]], int] = {Text: 25, LargeBinary: 17}
_HEAD, _LENGTH, _NULL = Struct("!5I"), Struct("!i"), Struct("!i").pack(-1)


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
