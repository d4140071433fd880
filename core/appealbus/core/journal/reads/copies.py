"""Which messages in quarantine have a copy that was taken: under the same message id, or with the same number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from appealbus.core.journal import bulk
from appealbus.core.journal.tables import appeal, change, quarantine


@dataclass(frozen=True, slots=True)
class Named:
    """What a message in quarantine is called.

    Attributes:
        channel: that it came by.
        since: when it came: under its message id a copy counts that came later. An earlier one is another message,
            and that is why it is in quarantine. None: none counts.
        message_id: its sender's, if it is known.
        number: that the register gave to the appeal, if it is known; empty for a change.

    """

    channel: str
    since: datetime | None
    message_id: str | None
    number: str | None


def beginnings(connection: Connection, ids: Sequence[int], size: int) -> dict[int, bytes]:
    """Return the first bytes of messages in quarantine, by their ids."""
    first = select(quarantine.c.id, func.substr(quarantine.c.raw, 1, size)).where(quarantine.c.id.in_(ids))
    # Of what is empty SQLite cuts out NULL.
    return {row[0]: bytes(row[1] or b"") for row in connection.execute(first)}


def copies(connection: Connection, messages: Sequence[Named]) -> list[str | None]:
    """Return for each message the number of the appeal that a copy of it has become, corrected perhaps."""
    ids = bulk.padded(list({message.message_id for message in messages if message.message_id}))
    numbers = bulk.padded(list({message.number for message in messages if message.number}))
    came: dict[tuple[str, str], tuple[datetime, str]] = {}
    taken: dict[str, tuple[str, str]] = {}
    if ids:
        ours = select(appeal.c.channel, appeal.c.message_id, appeal.c.accepted_at, appeal.c.number)
        theirs = select(change.c.channel, change.c.message_id, change.c.received_at, appeal.c.number)
        of_changes = theirs.join(appeal, change.c.appeal_id == appeal.c.id).where(change.c.message_id.in_(ids))
        for query in (of_changes, ours.where(appeal.c.message_id.in_(ids))):
            came |= {(channel, name): (at, number) for channel, name, at, number in connection.execute(query)}
    if numbers:
        columns = (appeal.c.number, appeal.c.channel, appeal.c.message_id)
        found = connection.execute(select(*columns).where(appeal.c.number.in_(numbers)))
        taken = {number: (channel, name) for number, channel, name in found}
    return [_copy(message, came, taken) for message in messages]


def _copy(
    message: Named, came: Mapping[tuple[str, str], tuple[datetime, str]], taken: Mapping[str, tuple[str, str]]
) -> str | None:
    name = (message.channel, message.message_id or "")
    at, number = came.get(name, (None, None))
    if at is not None and message.since is not None and at >= message.since:
        return number
    return message.number if taken.get(message.number or "", name) != name else None
