"""The part of the journal for what people do to many rows at once."""

from sqlalchemy import select

from appealbus.core import clocks
from appealbus.core.domain.operation import Frozen, Operation, OperationRow, Progress
from appealbus.core.journal.tables import operation
from appealbus.core.journal.writes import operating
from appealbus.core.journal.writing import Writing


class Operating(Writing):
    """Begins operations, and carries them out part after part."""

    async def begin_operation(self, frozen: Frozen, *, reason: str, purpose: str = "") -> Progress:
        """Write down what a person has decided; nothing is done yet. One that was stopped goes on as it was."""
        item = operating.Begin(frozen, self.actor, reason, purpose, self.now())
        return await self._write.submit(operating.begin, item)

    async def go_on(self, mark: str) -> Progress:
        """Do the next part of an operation, in one transaction; it is on disk when this returns.

        Raises:
            JournalError: with the code `unknown_operation` where none with this hash is under way.

        """
        return await self._write.submit(operating.go, operating.Go(mark, self.actor, self.now(), clocks.wall()))

    async def drop_operation(self, mark: str) -> bool:
        """Forget what is left of an operation; what is done stays done. False where there is none."""
        return await self._write.submit(operating.drop, mark)

    async def operations(self) -> list[OperationRow]:
        """Return the operations that have begun and are not finished, the oldest first."""
        query = select(operation).order_by(operation.c.at)
        rows = await self._read(lambda connection: connection.execute(query).all())
        return [
            OperationRow(row.hash, Operation(row.name), row.at, row.by, row.reason, row.total, seen)
            for row in rows
            for seen in (operating.seen(row),)
        ]
