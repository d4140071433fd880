"""A journal goes on anew: with another key, or in another epoch once it was restored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update

from appealbus.core.domain.case import Case
from appealbus.core.domain.document import fact_parts, is_fact
from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal import events, parts
from appealbus.core.journal.appeals import cases, forms, lists
from appealbus.core.journal.awaiting import awaited
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import RENEWED, Marked
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.naming import Named, named_by_appeal, named_by_record
from appealbus.core.journal.replies import reply
from appealbus.core.journal.state import Restored
from appealbus.core.journal.tables import counter, document, lookup, subject
from appealbus.core.journal.writes import Write
from appealbus.core.packing import unpack
from appealbus.schemas.record import stored_record
from appealbus.schemas.stored import APPEAL


@dataclass(frozen=True, slots=True)
class Anew:
    appeal_id: int
    marked: Sequence[Marked]
    keys: Mapping[tuple[str, str], str]
    """By lookup and old key the new one."""


@dataclass(frozen=True, slots=True)
class Batch(Write[None]):
    """Appeals to mark anew, and the id up to which all are done then."""

    appeals: Sequence[Anew]
    last: int


def _rekeyed(table: Table) -> Any:
    which = (table.c.appeal_id == bindparam("a"), table.c.lookup == bindparam("l"), table.c.key == bindparam("k"))
    return update(table).where(*which).values(key=bindparam("new"))


_REKEYED = [_rekeyed(table) for table in (lookup, awaited, reply)]


@Batch.each
def mark_anew(connection: Connection, item: Batch) -> None:
    """Replace marks and keys, and note how far that is."""
    ids = [appeal.appeal_id for appeal in item.appeals]
    parts.forget(connection, ids)  # made anew in the background
    connection.execute(delete(subject).where(subject.c.appeal_id.in_(direct.padded(ids))))
    forms.add_subjects(connection, [forms.Naming(appeal.appeal_id, appeal.marked) for appeal in item.appeals])
    keys = [
        {"a": appeal.appeal_id, "l": name, "k": old, "new": new}
        for appeal in item.appeals
        for (name, old), new in appeal.keys.items()
        if new != old
    ]
    for statement in _REKEYED if keys else ():
        connection.execute(statement, keys)
    bulk.upsert(connection, counter, [{"name": RENEWED, "value": item.last}])


@dataclass(frozen=True, slots=True)
class Renewed(Write[None]):
    count: int


@Renewed.batch
def end(connection: Connection, items: Sequence[Renewed]) -> list[None]:
    connection.execute(delete(counter).where(counter.c.name == RENEWED))
    happened = [Event(EventType.MIGRATED, None, "bus", "key", {"rows": item.count}) for item in items]
    events.note(connection, happened)
    return [None] * len(items)


_BATCH = 200
"""Appeals of one transaction: what was done since the last one is lost by a kill."""
_FORMER = "former"
"""The role of whom a record names that a newer one has replaced."""

Rekey = Callable[[Case], Mapping[tuple[str, str], str]]
"""Returns the new keys of a case's questions, by lookup and old key."""


async def renew(journal: Journal, rekey: Rekey, tell: Callable[[int], None]) -> int:
    """Mark all appeals anew that are not yet, a batch in each transaction; return how many were.

    Whoever is killed meanwhile has lost a batch, and goes on the next time. `tell` gets the count after each batch.
    """
    done = 0
    last = await journal.ask(_last)
    while rows := await journal.ask(lists.appeals, last, _BATCH):
        ids, last = [row.appeal_id for row in rows], rows[-1].appeal_id
        documents = await journal.ask(_documents, ids)
        # One that cannot be read keeps what it has: nobody can say whom it names.
        batch = [
            Anew(case.appeal_id, journal.key.marked(_named(case, documents[case.appeal_id])), rekey(case))
            for case in await journal.ask(cases.cases, ids)
        ]
        await journal.do(Batch(batch, last))
        done += len(rows)
        tell(done)
    await journal.do(Renewed(done))
    return done


def _last(connection: Connection) -> int:
    return connection.scalar(select(counter.c.value).where(counter.c.name == RENEWED)) or 0


def _documents(connection: Connection, ids: list[int]) -> dict[int, dict[bytes, bytes]]:
    by_appeal: dict[int, dict[bytes, bytes]] = {appeal_id: {} for appeal_id in ids}
    for row in connection.execute(select(document).where(document.c.appeal_id.in_(ids))):
        by_appeal[row.appeal_id][row.digest] = row.body
    return by_appeal


def _named(case: Case, documents: Mapping[bytes, bytes]) -> list[Named]:
    """Return whom an appeal names in all its forms and in all records found for it."""
    roles = {state.fact.digest: state.lookup for state in case.states if state.fact is not None}
    named: list[Named] = []
    for digest, packed in documents.items():
        try:
            body = unpack(packed)
            if not is_fact(body):
                named += named_by_appeal(APPEAL.read(body))
            elif record := fact_parts(body)[0]:
                named += named_by_record(stored_record(record), roles.get(digest, _FORMER))
        except ValueError:  # damaged: it names nobody
            continue
    return named


async def begin_epoch(
    journal: Journal, epoch: int, beat: int, note: Callable[[JournalState], object] | None = None
) -> JournalState:
    """Begin an epoch later than this one and than the one given; nothing numbered from now on was ever so before.

    `epoch` and `beat` are the last known of this journal before it was restored. `note` gets the new state before
    anybody sees it and while nobody writes.
    """
    journal.opened_in(await journal.do(Restored(epoch, beat, note)))
    return await journal.look()
