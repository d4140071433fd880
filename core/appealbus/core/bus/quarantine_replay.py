"""Messages in quarantine that a person has taken again, or asks what would become of: the same for every way in."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from appealbus.core.bus.copies import copies
from appealbus.core.bus.decoding import Unacceptable
from appealbus.core.bus.reception import Reception
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.leaving import LEFT
from appealbus.core.journal.quarantine import QuarantineRow

_PAGE = 200
"""Rows of one read, without their messages: those are read one by one, for each may have megabytes."""


@dataclass(frozen=True, slots=True)
class Retaking:
    """How messages are taken.

    Attributes:
        message_id: the id that a person gives one in the place of its own.
        anyway: as an appeal of its own, where another has its number; a change that its sender may not make; and what
            was closed.
        reason: why, for the log.
        dry_run: nothing is changed: what would become of it.

    """

    message_id: str | None = None
    anyway: bool = False
    reason: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one message, or would.

    Attributes:
        row: the message.
        taken: whether it is an appeal or a change now; else it stays where it is.
        number: of the appeal that it became; in a dry run, of the one that it has become already, None if it would be
            new. Where it is refused, of the appeal that stands in its way, if one does. Empty: of a change that waits.
        code: why it is refused, in a word.
        problem: the same in words.
        is_copy: it cannot be read, or differs, and the appeal with `number` may be its corrected copy.

    """

    row: QuarantineRow
    taken: bool
    number: str | None = None
    code: str = ""
    problem: str = ""
    is_copy: bool = False


async def retake(reception: Reception, row: QuarantineRow, how: Retaking) -> Tried:
    """Take a message again, or find out what would become of it. One that is taken twice is still one appeal.

    Raises:
        JournalError: the journal as a whole fails, for now.

    """
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
    """Yield every message that waits in quarantine, oldest first, with what it says."""
    after = 0
    while page := await journal.quarantined(after=after, limit=_PAGE):
        for listed in page:
            whole = await journal.quarantine_row(listed.id)
            if whole is not None and whole.closed_at is None and whole.replayed_at is None:
                yield whole
        after = page[-1].id
