"""The part of the journal for what people do to many rows at once."""

from appealbus.core import clocks
from appealbus.core.domain.operation import Frozen, Progress
from appealbus.core.journal.asking import asks
from appealbus.core.journal.reads import operations as operation_reads
from appealbus.core.journal.writes import operating
from appealbus.core.journal.writing import Writing


class Operating(Writing):
    """Begins operations, carries them out part after part, and tells how far they are."""

    async def begin_operation(
        self, frozen: Frozen, *, reason: str, purpose: str = "", newest: int | None = None
    ) -> Progress:
        """Write down what a person has decided; nothing is done yet. One that was stopped goes on as it was.

        Args:
            frozen: what is to be done.
            reason: why.
            purpose: why somebody is looked for; empty where nobody is.
            newest: the newest operation that was there as the person looked; the same one that has begun since is
                theirs, whoever has begun it, and ended or not. None: only one that has not ended is.

        """
        item = operating.Begin(frozen, self.actor, reason, purpose, self.now(), newest)
        return await self._write.submit(operating.begin, item)

    async def go_on(self, mark: str) -> Progress:
        """Do the next part of an operation, in one transaction; it is on disk when this returns.

        Raises:
            JournalError: with the code `unknown_operation` where none with this hash is under way, or
                `operation_stopped` where a person has stopped it.

        """
        return await self._write.submit(operating.go, operating.Go(mark, self.actor, self.now(), clocks.wall()))

    async def stop_operation(self, mark: str, *, reason: str) -> bool:
        """Have no further part of an operation done; False where none is under way or somebody has stopped it."""
        return await self._write.submit(operating.switch, operating.Switch(mark, False, self.actor, reason))

    async def resume_operation(self, mark: str, *, reason: str) -> bool:
        """Have an operation go on that was stopped, or that nobody carries out; False where none is under way."""
        return await self._write.submit(operating.switch, operating.Switch(mark, True, self.actor, reason))

    operations = asks(operation_reads.under_way)
    newest_operations = asks(operation_reads.newest)
    operation = asks(operation_reads.one)
    not_done = asks(operation_reads.not_done)
