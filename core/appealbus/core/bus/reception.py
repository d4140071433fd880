"""Where messages become appeals: on disk with a receipt, or in quarantine with a reason."""

from dataclasses import dataclass

import structlog

from appealbus.core.bus.alone import Alone
from appealbus.core.bus.decoding import MAX_BYTES, Unacceptable, decode
from appealbus.core.clocks import wall
from appealbus.core.failpoints import failpoint
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal.errors import JournalError, NumberTaken
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import Case, NewAppeal, NewQuarantine, QuarantineRow
from appealbus.schemas.appeal import Appeal, Receipt

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
        self._alone = Alone(journal)

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
            async with self._alone.turn(message):
                appeal = _read(message)
                accepted = await self._journal.accept(
                    NewAppeal(appeal, wall(), self._accepted_by), owner=owner, lease_seconds=lease
                )
        except (Unacceptable, JournalError) as error:
            if isinstance(error, JournalError) and error.passes:
                raise  # it is not about this message
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
        return Received(
            Taken(receipt, accepted.new), Case(accepted.appeal_id, appeal, receipt, 0, size=len(message.raw))
        )

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take a message and leave the appeal to whoever claims it."""
        received = await self.receive(message)
        return received if isinstance(received, Quarantined) else received.taken


def _read(message: Inbound) -> Appeal:
    try:
        return decode(message)
    except Unacceptable:
        raise
    except Exception as error:  # a defect of ours, which must not bring the message back for ever
        log.exception("intake.defect", channel=message.channel)
        raise Unacceptable(f"the bus failed over it with {type(error).__name__}", "message.defect") from None


async def replay(journal: Journal, row: QuarantineRow, accepted_by: str) -> Receipt:
    """Take a message out of quarantine.

    Raises:
        Unacceptable: it still cannot be taken.
        NumberTaken: its number belongs to another message.

    """
    # Whoever replayed it before may have died of it.
    async with Alone(journal).turn(_inbound(row)):
        appeal = _decode(row)
        accepted = await journal.accept(NewAppeal(appeal, wall(), accepted_by))
    await journal.replayed(row.id, accepted.receipt.number)
    return accepted.receipt


async def would_take(journal: Journal, row: QuarantineRow) -> None:
    """Find out whether a replay would take the message, and change nothing.

    Raises:
        Unacceptable: it still cannot be taken.
        NumberTaken: its number belongs to another message.

    """
    appeal = _decode(row)
    holder = await journal.case(appeal.number) if appeal.number else None
    if holder and (holder.receipt.channel, holder.receipt.message_id) != (appeal.channel, appeal.message_id):
        raise NumberTaken


def _decode(row: QuarantineRow) -> Appeal:
    if _CUT in row.reason:
        text = f"only the first {len(row.raw)} bytes of this message are kept; its sender has to send a smaller one"
        raise Unacceptable(text, "message.cut")
    return decode(_inbound(row))


def _inbound(row: QuarantineRow) -> Inbound:
    return Inbound(row.channel, row.position, row.raw, row.media_type, again=True)
