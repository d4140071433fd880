"""Signed answers that have counted: each does so for one message of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from appealbus.core.interfaces.wire import SingleUse
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import used_answer
from appealbus.core.journal.writes.one_by_one import one_by_one

_BATCH = 1000
"""Rows of one transaction: they are small, and nobody else looks at those that go."""
_KEYS: BindParameter[list[str]] = bindparam("keys", expanding=True)
_USED = select(used_answer.c.key, used_answer.c.message_id).where(used_answer.c.key.in_(_KEYS))


@dataclass(frozen=True, slots=True)
class Use:
    """An answer that counts now, for a message of ours."""

    once: SingleUse
    message_id: str


def use(connection: Connection, items: Sequence[Use]) -> list[bool]:
    """Note uses; return for each whether it is the answer's only one.

    The same use may be noted twice, as where a connection is lost over the first time.
    """
    rows = [{"key": item.once.key, "message_id": item.message_id, "until": item.once.until} for item in items]
    bulk.insert_new(connection, used_answer, rows)
    keys = bulk.padded(list({item.once.key for item in items}))
    used = {row.key: row.message_id for row in connection.execute(_USED, {"keys": keys})}
    return [used.get(item.once.key) == item.message_id for item in items]


@one_by_one
def forget(connection: Connection, before: datetime) -> int:
    """Delete uses that nothing hangs on any more since before, a batch; return how many."""
    old = select(used_answer.c.key).where(used_answer.c.until < before).order_by(used_answer.c.until).limit(_BATCH)
    return connection.execute(delete(used_answer).where(used_answer.c.key.in_(old))).rowcount
