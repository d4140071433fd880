"""Changes of appeals, and whether a message may come under its id."""

from sqlalchemy import Connection, func, select, tuple_

from appealbus.core.domain.change import order_of
from appealbus.core.errors import MessageDiffers
from appealbus.core.journal.duplicates import differ, digest
from appealbus.core.journal.rows import ChangeRow
from appealbus.core.journal.tables import appeal, change
from appealbus.schemas.appeal import Appeal

_OF_CHANGE = [change.c[name] for name in ChangeRow.__dataclass_fields__ if name != "document"]


def changes(connection: Connection, number: str) -> list[ChangeRow] | None:
    """Return an appeal's changes in the order in which they count; None where there is no such appeal."""
    appeal_id = connection.scalar(select(appeal.c.id).where(appeal.c.number == number))
    if appeal_id is None:
        return None
    mine = select(*_OF_CHANGE, change.c.document).where(change.c.appeal_id == appeal_id)
    return [ChangeRow(**row._mapping) for row in sorted(connection.execute(mine), key=order_of)]


def waiting_changes(connection: Connection, after: int = 0, limit: int = 100) -> list[ChangeRow]:
    """Return a page of the changes that wait for their appeals, without the changes themselves."""
    # `id + 0`: they are few and have an index; by id it would be looked for among all.
    waits = select(*_OF_CHANGE).where(change.c.appeal_id.is_(None), change.c.id + 0 > after)
    return [ChangeRow(**row._mapping) for row in connection.execute(waits.order_by(change.c.id + 0).limit(limit))]


def most_awaited(connection: Connection, limit: int = 10) -> list[tuple[str, str, int]]:
    """Return which appeals the most changes wait for: channel, number or message id, and how many they are."""
    named = (change.c.channel, func.coalesce(change.c.number, change.c.of_message).label("named"))
    counted = select(*named, func.count().label("number")).where(change.c.appeal_id.is_(None)).group_by(*named)
    rows = connection.execute(counted.order_by(func.count().desc(), *named).limit(limit))
    return [(row.channel, row.named, row.number) for row in rows]


def sent(connection: Connection) -> dict[str, set[str]]:
    """Return which kinds of change each channel has sent; of none that is known, the empty one."""
    found: dict[str, set[str]] = {}
    pair = tuple_(change.c.channel, change.c.kind)
    following = select(change.c.channel, change.c.kind).order_by(change.c.channel, change.c.kind).limit(1)
    row = connection.execute(following).first()
    while row is not None:  # from one to the next in the index: there may be millions of changes
        found.setdefault(row.channel, set()).add(row.kind)
        row = connection.execute(following.where(pair > (row.channel, row.kind))).first()
    return found


def would_accept(connection: Connection, new: Appeal) -> str | None:
    """Return the number of the appeal that the same message has become before; None: it is new.

    Raises:
        MessageDiffers: another message has come with its message id before.

    """
    named = (appeal.c.message_id == new.message_id) & (appeal.c.channel == new.channel)
    first = connection.execute(select(appeal.c.number, appeal.c.digest).where(named)).first()
    if first is None:
        return None
    if differ(first.digest, digest(new)):
        raise MessageDiffers(first.number)
    return str(first.number)
