"""The newest appeals with the warnings that they were taken with: nothing is counted when an appeal comes."""

from collections import Counter, defaultdict
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from appealbus.core.domain.counts import Warned
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import codec
from appealbus.core.journal.tables import appeal, document
from appealbus.core.packing import unpack
from appealbus.schemas.notes import UNKNOWN

MOST = 300
"""Appeals that are looked at: some 10 ms."""
_LARGEST = 64 * 1024
"""Bytes of one: a hundred times as long as letters are."""
_WITH_BODY = select(*appeal.columns, document.c.body).join(
    document, (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
)


def newest_with_warnings(connection: Connection) -> list[tuple[AppealRow, list[Any]]]:
    """Return the newest appeals of all channels, each with its warnings as JSON, without very large ones."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    query = _WITH_BODY.where(appeal.c.id > last - MOST, appeal.c.size <= _LARGEST).order_by(appeal.c.id.desc())
    rows: Any = connection.execute(query)
    return [(codec.appeal_from_row(row), _warnings(row)) for row in rows]


def warned(connection: Connection) -> list[Warned]:
    """Count the newest appeals by channel and by the codes of their warnings."""
    of: Counter[str] = Counter()
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row, warnings in newest_with_warnings(connection):
        of[row.channel] += 1
        for code in {warning["code"] for warning in warnings}:
            found[row.channel, code].append(row.number)
    return [Warned(*key, len(those), of[key[0]], tuple(those[:3])) for key, those in sorted(found.items())]


def unread(connection: Connection, channel: str, after: int, limit: int) -> tuple[list[AppealRow], int | None]:
    """Return appeals of a channel of which something was not read, of the next so many, and the id of the last."""
    query = _WITH_BODY.where(appeal.c.channel == channel, appeal.c.id > after).order_by(appeal.c.id).limit(limit)
    found: list[AppealRow] = []
    last = None
    rows: Any = connection.execute(query)
    for row in rows:
        last = row.id
        if any(warning["code"] in UNKNOWN for warning in _warnings(row)):
            found.append(codec.appeal_from_row(row))
    return found, last


def _warnings(row: Any) -> list[Any]:
    try:
        text = unpack(row.body)
        return orjson.loads(text).get("warnings") or [] if b'"warnings"' in text else []
    except ValueError:  # damaged: whoever reads the appeal is told
        return []
