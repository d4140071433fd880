"""Everything is marked anew, since the journal has another key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, update

from appealbus.core.domain.event import Event, What
from appealbus.core.journal import bulk, events
from appealbus.core.journal.appeals import forms
from appealbus.core.journal.awaiting import awaited
from appealbus.core.journal.key import RENEWED, Marked
from appealbus.core.journal.one_by_one import one_by_one
from appealbus.core.journal.replies import reply
from appealbus.core.journal.tables import counter, lookup, subject


@dataclass(frozen=True, slots=True)
class Anew:
    """An appeal's marks and keys of questions, as the new key makes them."""

    appeal_id: int
    marked: Sequence[Marked]
    keys: Mapping[tuple[str, str], str]
    """By lookup and old key the new one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Appeals that are marked anew, and up to which one all are then."""

    appeals: Sequence[Anew]
    last: int


def _rekeyed(table: Table) -> Any:
    which = (table.c.appeal_id == bindparam("a"), table.c.lookup == bindparam("l"), table.c.key == bindparam("k"))
    return update(table).where(*which).values(key=bindparam("new"))


_REKEYED = [_rekeyed(table) for table in (lookup, awaited, reply)]


@one_by_one
def mark_anew(connection: Connection, item: Batch) -> None:
    """Write new marks and keys in place of the old ones, and how far that is."""
    ids = [each.appeal_id for each in item.appeals]
    forms.drop_sketches(connection, ids)  # made anew by whoever compares texts
    connection.execute(delete(subject).where(subject.c.appeal_id.in_(bulk.padded(ids))))
    forms.add_subjects(connection, [forms.Naming(each.appeal_id, each.marked) for each in item.appeals])
    keys = [
        {"a": each.appeal_id, "l": name, "k": old, "new": new}
        for each in item.appeals
        for (name, old), new in each.keys.items()
        if new != old
    ]
    for statement in _REKEYED if keys else ():
        connection.execute(statement, keys)
    bulk.upsert(connection, counter, [{"name": RENEWED, "value": item.last}])


def end(connection: Connection, items: Sequence[int]) -> list[None]:
    """Note that all appeals are marked anew, given how many."""
    connection.execute(delete(counter).where(counter.c.name == RENEWED))
    told = [Event(What.MIGRATED, None, "bus", "key", {"rows": count}) for count in items]
    events.note(connection, told)
    return [None] * len(items)
