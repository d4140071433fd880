"""Where messages become appeals: on disk with a receipt, or in quarantine with a reason."""

from dataclasses import dataclass

import structlog

from appealbus.core.bus.decoding import MAX_BYTES, Unacceptable, decode
from appealbus.core.clocks import wall
from appealbus.core.failpoints import failpoint
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal import series
from appealbus.core.journal.errors import NumberTaken
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Case, NewAppeal, NewQuarantine, QuarantineRow
from appealbus.schemas.appeal import Appeal, Receipt, Warning

log = structlog.get_logger(__name__)

_KEPT = 64 * 1024
_CUT = "it was cut and cannot be replayed"
"""Intakes that keep only a beginning say the same words in their reason."""


@dataclass(frozen=True, slots=True)
class Received:
    """An appeal that is on disk, as a case that can be worked at once."""

    taken: Taken
    case: Case


class Reception:
    """Takes messages into the journal. Works with or without a running bus."""

    def __init__(self, journal: Journal, accepted_by: str) -> None:
        self._journal = journal
        self._accepted_by = accepted_by

    async def receive(self, message: Inbound, owner: str | None = None, lease: float = 60.0) -> Received | Quarantined:
        """Take a message. On return it is on disk.

        Args:
            message: as it came.
            owner: of a bus that will work the appeal at once; None leaves it to whoever claims it.
            lease: seconds that the owner has for it.

        Raises:
            JournalError: if nothing could be written; the sender keeps the message.

        """
        try:
            appeal = _without_own(decode(message), self._journal.number_prefix)
            accepted = await self._journal.accept(
                NewAppeal(appeal, wall(), self._accepted_by), owner=owner, lease_seconds=lease
            )
        except (Unacceptable, NumberTaken) as error:
            # Of what nobody would read, the beginning is enough to find out whose it was.
            raw, reason = message.raw, str(error)
            if len(raw) > MAX_BYTES:
                raw, reason = raw[:_KEPT], f"{reason}: {_CUT}"
            row = NewQuarantine(wall(), message.channel, message.position, reason, raw, message.media_type)
            quarantine_id = await self._journal.quarantine(row)
            log.warning("intake.quarantined", channel=message.channel, quarantine_id=quarantine_id)
            return Quarantined(quarantine_id, reason, error.code)
        failpoint("reception.accepted")
        receipt = accepted.receipt
        if appeal.number != receipt.number:
            appeal = appeal.model_copy(update={"number": receipt.number})
        return Received(Taken(receipt, accepted.new), Case(accepted.appeal_id, appeal, receipt, 0))

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message and leave the appeal to whoever claims it."""
        received = await self.receive(message)
        return received if isinstance(received, Quarantined) else received.taken


async def replay(journal: Journal, row: QuarantineRow, accepted_by: str) -> Receipt:
    """Take a message out of quarantine.

    Raises:
        Unacceptable: it still cannot be taken.
        NumberTaken: its number belongs to another message.

    """
    appeal = _without_own(_decode(row), journal.number_prefix)
    accepted = await journal.accept(NewAppeal(appeal, wall(), accepted_by))
    await journal.replayed(row.id, accepted.receipt.number)
    return accepted.receipt


async def would_take(journal: Journal, row: QuarantineRow) -> None:
    """Find out whether a replay would take the message, and change nothing.

    Raises:
        Unacceptable: it still cannot be taken.
        NumberTaken: its number belongs to another message.

    """
    appeal = _without_own(_decode(row), journal.number_prefix)
    holder = await journal.case(appeal.number) if appeal.number else None
    if holder and (holder.receipt.channel, holder.receipt.message_id) != (appeal.channel, appeal.message_id):
        raise NumberTaken


def _without_own(appeal: Appeal, prefix: str) -> Appeal:
    """Return the appeal without a number that only the bus may give; a warning says so, and what was written."""
    if appeal.number is None or not series.is_own(appeal.number, prefix):
        return appeal
    text = f"{appeal.number} is of the bus's own series, which nobody else may use; the bus has given another number"
    warning = Warning(field="number", code="number.own_series", message=text)
    return appeal.model_copy(update={"number": None, "warnings": [*appeal.warnings, warning]})


def _decode(row: QuarantineRow) -> Appeal:
    if _CUT in row.reason:
        text = f"only the first {len(row.raw)} bytes of this message are kept; its sender has to send a smaller one"
        raise Unacceptable(text, "message.cut")
    return decode(Inbound(row.channel, row.position, row.raw, row.media_type))
