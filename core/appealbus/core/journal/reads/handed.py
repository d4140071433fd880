"""What the newest part of the log tells of a receiver: it has no index by receiver, and is read to a bound."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, or_, select

from appealbus.core.domain.event import What
from appealbus.core.domain.handed import PastHandover, PastHandovers
from appealbus.core.journal import direct
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.log import READ, newest
from appealbus.core.journal.tables import dossier

_ATTEMPTED = 2_000
"""Attempts that are told of: of each version that was delivered it is looked up when it was made."""
_ATTEMPTS = (
    select(*(log_entry.c[name] for name in ("at", "what", "appeal_id", "detail")))
    .where(
        log_entry.c.position > bindparam("after"),
        log_entry.c.about == bindparam("receiver"),
        or_(*(log_entry.c.what == each.value for each in (What.DELIVERED, What.FAILED, What.SET_ASIDE))),
    )
    .order_by(log_entry.c.position.desc())
    .limit(bindparam("most"))
)
_MADE = select(dossier.c.appeal_id, dossier.c.version, dossier.c.created_at).where(
    direct.among(dossier.c.appeal_id, "ids")
)


def past_handovers(connection: Connection, receiver: str, most: int = READ) -> PastHandovers:
    """Return the attempts for a receiver that the newest part of the log tells of."""
    part = newest(connection, most)
    given = {"after": part.after, "receiver": receiver, "most": _ATTEMPTED}
    (rows,) = direct.ask(connection, (_ATTEMPTS, given))
    rows.reverse()
    details = [orjson.loads(row.detail) if row.detail else {} for row in rows]
    made = _made(connection, rows)
    attempts = []
    for row, detail in zip(rows, details, strict=True):
        begun = made.get((row.appeal_id, detail.get("version"))) if row.what == What.DELIVERED else None
        waited = None if begun is None else max(0, int((row.at - begun).total_seconds()))
        attempts.append(PastHandover(row.at, row.what, str(detail.get("code", "")), waited))
    if len(rows) == _ATTEMPTED:
        return PastHandovers(rows[0].at, False, attempts)
    return PastHandovers(part.since, part.whole, attempts)


def _made(connection: Connection, rows: Sequence[Any]) -> dict[tuple[int, int], datetime]:
    """Return by appeal and version when the newest of these versions that were delivered were made."""
    ids = [row.appeal_id for row in rows if row.what == What.DELIVERED and row.appeal_id is not None]
    (found,) = direct.ask(connection, (_MADE, {"ids": sorted(set(ids))}))
    return {(row.appeal_id, row.version): row.created_at for row in found}
