"""The calls of a source that the newest part of the log tells of: it has no index by source, and is read to a bound."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection, select

from appealbus.core.domain.calls import PastCall, PastCalls
from appealbus.core.domain.event import What
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.log import READ, newest


def past_calls(connection: Connection, lookups: Collection[str], most: int = READ) -> PastCalls:
    """Return the calls of these lookups that the newest part of the log tells of, some thousand appeals back."""
    part = newest(connection, most)
    query = select(log_entry.c.about, log_entry.c.detail).where(
        log_entry.c.position > part.after, log_entry.c.what == What.ENDED.value, log_entry.c.about.in_(sorted(lookups))
    )
    calls = [call for row in connection.execute(query.order_by(log_entry.c.position)) for call in _calls(row.detail)]
    return PastCalls(part.since, part.whole, calls)


def _calls(raw: bytes | None) -> Iterator[PastCall]:
    """Yield the attempts of a question; what a later release may write otherwise is passed over."""
    detail = orjson.loads(raw) if raw else {}
    for each in detail.get("tries", ()):
        if isinstance(each, dict) and isinstance(each.get("at"), int) and isinstance(each.get("ms"), int):
            kind, code = each.get("kind", detail.get("kind", "")), each.get("code", detail.get("code", ""))
            yield PastCall(datetime.fromtimestamp(each["at"] / 1e6, UTC), str(kind), str(code), each["ms"])
