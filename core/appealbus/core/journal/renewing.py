"""The part of the journal for a new key."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, select

from appealbus.core.domain.case import Case
from appealbus.core.domain.document import fact_parts, is_fact
from appealbus.core.journal.key import RENEWED
from appealbus.core.journal.naming import Named, named_by_appeal, named_by_record
from appealbus.core.journal.tables import counter, document
from appealbus.core.journal.writes import renewing
from appealbus.core.journal.writing import Writing
from appealbus.core.packing import unpack
from appealbus.schemas.record import stored_record
from appealbus.schemas.stored import APPEAL

_BATCH = 200
"""Appeals of one transaction: what was done since the last one is lost by a kill."""
_FORMER = "former"
"""The role of whom a record names that a newer one has replaced."""

Rekey = Callable[[Case], Mapping[tuple[str, str], str]]
"""Returns the new keys of a case's questions, by lookup and old key."""


class Renewing(Writing):
    """Marks everything anew."""

    async def mark_anew(self, rekey: Rekey, tell: Callable[[int], None]) -> int:
        """Mark all appeals anew that are not yet, a batch in each transaction; return how many were.

        Whoever is killed meanwhile has lost a batch, and goes on the next time.

        Args:
            rekey: makes the keys of questions.
            tell: told after each batch how many are done.

        """
        done = 0
        last = await self._read(_last)
        while rows := await self.appeals(last, _BATCH):
            ids, last = [row.appeal_id for row in rows], rows[-1].appeal_id
            documents = await self._read(lambda connection, ids=ids: _documents(connection, ids))  # type: ignore[misc]
            # One that cannot be read keeps what it has: nobody can say whom it names.
            batch = [
                renewing.Anew(case.appeal_id, self.key.marked(_named(case, documents[case.appeal_id])), rekey(case))
                for case in await self.cases(ids)
            ]
            await self._write.submit(renewing.mark_anew, renewing.Batch(batch, last))
            done += len(rows)
            tell(done)
        await self._write.submit(renewing.end, done)
        return done


def _last(connection: Connection) -> int:
    return connection.scalar(select(counter.c.value).where(counter.c.name == RENEWED)) or 0


def _documents(connection: Connection, ids: list[int]) -> dict[int, dict[bytes, bytes]]:
    found: dict[int, dict[bytes, bytes]] = {appeal_id: {} for appeal_id in ids}
    for row in connection.execute(select(document).where(document.c.appeal_id.in_(ids))):
        found[row.appeal_id][row.digest] = row.body
    return found


def _named(case: Case, documents: Mapping[bytes, bytes]) -> list[Named]:
    """Return whom and what an appeal names in all its forms, and all records that were found for it."""
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
