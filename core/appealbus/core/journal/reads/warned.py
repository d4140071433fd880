"""The newest appeals with the warnings that they were taken with: nothing is counted when an appeal comes."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.warned import Warned, counted
from appealbus.core.journal import codec
from appealbus.core.journal.tables import appeal, document
from appealbus.core.packing import unpack

MOST = 300
"""Appeals that are looked at: some 10 ms."""
_FAR = 20 * MOST
"""Among how many of all channels those of one are looked for."""
_LARGEST = 64 * 1024
"""Bytes of one: a hundred times as long as letters are."""
_WITH_BODY = select(*appeal.columns, document.c.body).join(
    document, (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
)


def newest_with_warnings(connection: Connection, channel: str | None = None) -> list[tuple[AppealRow, list[Any]]]:
    """Return the newest appeals, of one channel or of all, each with its warnings as JSON, without very large ones."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    query = _WITH_BODY.where(appeal.c.size <= _LARGEST, appeal.c.id > last - (MOST if channel is None else _FAR))
    if channel is not None:
        query = query.where(appeal.c.channel == channel)
    rows: Sequence[Any] = connection.execute(query.order_by(appeal.c.id.desc()).limit(MOST)).all()
    return [(codec.appeal_from_row(row), _warnings(row)) for row in rows]


def warned(connection: Connection) -> list[Warned]:
    """Count the newest appeals by channel and by the codes of their warnings."""
    return counted(newest_with_warnings(connection))


def _warnings(row: Row[Any]) -> list[Any]:
    try:
        text = unpack(row.body)
        return orjson.loads(text).get("warnings") or [] if b'"warnings"' in text else []
    except ValueError:  # damaged: whoever reads the appeal is told
        return []
