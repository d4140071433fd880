"""Replay of quarantined messages, or a dry run; the same for every entry point."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from appealbus.core.bus.intake.decoding import Unacceptable
from appealbus.core.bus.intake.quarantine import copies
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.errors import JournalError
from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.leaving import LEFT
from appealbus.core.journal.quarantine import QuarantineRow

_PAGE = 200
"""Rows per read, without messages: these are read one by one, since each may have megabytes."""


@dataclass(frozen=True, slots=True)
class Retaking:
    """Options of a replay.

    Attributes:
        message_id: a new id to use in place of its own.
        anyway: accept it although another appeal has its number, its sender may not make the change, or it was
            closed.
    """

    message_id: str | None = None
    anyway: bool = False
    reason: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """Result of a replay or a dry run.

    Attributes:
        taken: whether it is an appeal or a change now; else it stays in quarantine.
        number: of its appeal or, if refused, of the conflicting one; None: new. Empty for a waiting change.
        is_copy: it is unreadable or differs, and the appeal with `number` may be its corrected copy.
    """

    row: QuarantineRow
    taken: bool
    number: str | None = None
    code: str = ""
    problem: str = ""
    is_copy: bool = False


async def retake(reception: Reception, row: QuarantineRow, how: Retaking) -> Tried:
    """Replay a message, or find out the result. Repeated calls still give one appeal."""
    try:
        if how.dry_run:
            return Tried(row, True, await reception.would_take(row, how.message_id, anyway=how.anyway))
        receipt = await reception.replay(row, how.message_id, anyway=how.anyway, reason=how.reason)
        return Tried(row, True, receipt.number)
    except (Unacceptable, JournalError) as error:
        if isinstance(error, JournalError) and error.passes:
            raise
        if error.code == LEFT:  # what is there is this very message, and no copy of it
            return Tried(row, False, None, error.code, str(error))
        number = getattr(error, "number", None)
        if number is not None:
            return Tried(row, False, number, error.code, str(error), is_copy=error.code == "message.differs")
        number = (await copies(reception.journal, [row])).get(row.id)
        return Tried(row, False, number, error.code, str(error), is_copy=number is not None)


async def each_waiting(journal: Journal) -> AsyncIterator[QuarantineRow]:
    after = 0
    while page := await journal.ask(quarantine.quarantined, after=after, limit=_PAGE):
        for listed in page:
            whole = await journal.ask(quarantine.quarantine_row, listed.id)
            if whole is not None and whole.closed_at is None and whole.replayed_at is None:
                yield whole
        after = page[-1].id
