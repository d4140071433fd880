"""Writes messages to disk as appeals or changes, with a receipt, or to quarantine, with a reason."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

import structlog

from appealbus.core.bus.intake.decoding import MAX_BYTES, SENT_BACK, Decoder, Unacceptable
from appealbus.core.bus.intake.quarantine import CameMeanwhile, copy_of
from appealbus.core.clocks import day_of, wall
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.case import Case
from appealbus.core.domain.change import without_odd_dates
from appealbus.core.domain.client import EVERY, NOT_ALLOWED, Says, Sender
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.fair_share import FairShare, on_behalf_of
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal import leaving
from appealbus.core.journal.appeals import accepting, numbering, suspects
from appealbus.core.journal.appeals.accepting import Accepted, NewAppeal
from appealbus.core.journal.changes import changing, targets
from appealbus.core.journal.changes.changes import ChangeTaken, NewChange
from appealbus.core.journal.changes.changes import refused as why_refused
from appealbus.core.journal.codec import digest
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine, QuarantineRow
from appealbus.core.process.failpoints import failpoint
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.senders import Senders
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.change import Change
from appealbus.schemas.notes import numbered, warned
from appealbus.schemas.renames import RENAMED

log = structlog.get_logger(__name__)

TRIES = 3
"""Crashes during a message's turn before it is quarantined unread. Two may be coincidence."""
PAUSES = (0.0, 2.0, 8.0)
"""Seconds before a message's turn, by number of crashes, so that random kills do not hit the same one each time."""
_KNOWN = 1000
"""Messages remembered because the end of their turns is not recorded; a forgotten one counts as one crash."""


class SuspectMessages:
    """Gives repeated messages one turn after the other; the journal records each turn first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._one = FairShare(1)
        self._survived: set[str] = set()

    @asynccontextmanager
    async def turn(self, message: Inbound) -> AsyncIterator[None]:
        """Wait for the message's turn; a new message needs none.

        Raises Unacceptable if three processes have died over it, JournalError if the turn cannot be recorded.
        """
        if not message.again or message.problem is not None:
            yield
            return
        mark = f"{message.channel} {sha256(message.raw).hexdigest()}"
        if mark in self._survived:
            await self._journal.do(suspects.TurnEnded(mark))
            self._survived.discard(mark)
        died = await self._journal.ask(suspects.turns, mark)
        await asyncio.sleep(PAUSES[min(died, len(PAUSES) - 1)])
        async with self._one.place():
            died = await self._journal.do(suspects.Turn(mark))
            try:
                if died >= TRIES:
                    raise Unacceptable(f"{died} processes died while they read it", "message.kills")
                yield
            finally:  # however the turn ends, this process lives
                await self._end(mark)

    async def _end(self, mark: str) -> None:
        try:
            await self._journal.do(suspects.TurnEnded(mark))
        except JournalError:
            if len(self._survived) < _KNOWN:
                self._survived.add(mark)


_KEPT = 64 * 1024
"""Bytes kept of an oversized message, enough to identify its sender."""
_CUT = "it was cut and cannot be replayed"
"""Part of the reason of truncated messages. Intakes that truncate use the same words."""

DueOn = Callable[[Appeal, Appeal, datetime], date | None]
"""Computes the deadline from the newest form of an appeal, its first form, and its time of arrival."""


@dataclass(frozen=True, slots=True)
class Received:
    taken: Taken
    case: Case | None
    """A new appeal that can be worked at once; None for a change, or if changes preceded the appeal."""
    is_appeal: bool = True
    waits: bool = False
    """Whether it is a change for an unknown appeal, or one its sender may not make. The sender is not told which."""
    refused: Quarantined | None = None
    """Quarantine row of a change that its sender may not make. For operators, never for the sender."""


class Reception:
    """Writes messages to the journal. Works with or without a running bus."""

    def __init__(
        self, journal: Journal, settings: BusSettings, due_on: DueOn | None = None, policy: Policy | None = None
    ) -> None:
        """`due_on` None: the appeal's own deadline counts; `policy` None: the default one."""
        self.journal = journal
        self.senders = Senders(policy or Policy(), settings.changes_from)
        self._due_on = due_on
        self._settings = settings
        self._alone = SuspectMessages(journal)
        self._decoder = Decoder()

    async def receive(
        self, message: Inbound, owner: str | None = None, lease: float = 60.0, *, sender: Sender | None = None
    ) -> Received | Quarantined:
        """Write a message to disk, then return.

        With an `owner` that worker starts the appeal at once, under a lease in seconds. `sender` None: any sender of
        the channel.

        Raises:
            JournalError: nothing could be written; the sender keeps the message.
            Unacceptable: it contradicts its sender (`SENT_BACK`); nothing is kept.
        """
        with on_behalf_of(message.channel):
            return await self._receive(message, owner, lease, sender)

    async def _receive(
        self, message: Inbound, owner: str | None, lease: float, sender: Sender | None
    ) -> Received | Quarantined:
        try:
            with _defects(message.channel):
                decode = await self._decoder.prepare(message)  # by no process that could take others with it
            async with self._alone.turn(message):
                with _defects(message.channel):
                    read = decode()
                if isinstance(read, Change):
                    new_change = self._new_change(read, sender or self.senders.channel(read.channel))
                    return await self._change(replace(new_change, position=message.position))
                new = await self._new(message, read)
                read = new.appeal
                accepted = await self.journal.accept(new, owner=owner, lease_seconds=lease)
        except (Unacceptable, JournalError) as error:
            if isinstance(error, JournalError) and error.passes:
                raise  # the journal is at fault, not the message
            if error.code in SENT_BACK:
                raise
            raw, reason = message.raw, str(error)
            if len(raw) > MAX_BYTES:
                raw, reason = raw[:_KEPT], f"{reason}: {_CUT}"
            number = (error.number or None) if isinstance(error, MessageDiffers) else None
            row = NewQuarantine(
                *(wall(), message.channel, message.position, reason, raw, message.media_type, error.code, number),
                sender=None if sender is None else sender.kept(),
            )
            quarantine_id = await self.journal.do(row)
            log.warning("intake.quarantined", channel=message.channel, quarantine_id=quarantine_id, code=error.code)
            return Quarantined(quarantine_id, reason, error.code)
        failpoint("reception.accepted")
        registered = self._registered(read, accepted)
        taken = Taken(warned(accepted.receipt, registered.warnings), accepted.new)
        if not accepted.leased:
            return Received(taken, None)
        case = Case(
            accepted.appeal_id,
            registered,
            accepted.receipt,  # in the dossier the appeal has the warnings, under masks of their own
            0,
            size=accepted.size,
            content=accepted.content,
            due_on=read.due_on or new.due_on,
            just_came=True,
        )
        return Received(taken, case)

    async def _change(self, new: NewChange) -> Received:
        taken = await self.journal.do(targets.Changing(new, most_waiting=self._settings.waiting_changes))
        failpoint("reception.changed")
        refused = None
        if taken.new and taken.refused is not None:
            refused = Quarantined(taken.quarantine_id, str(why_refused(taken.refused)), taken.refused)
            log.warning(
                "intake.quarantined", channel=new.change.channel, quarantine_id=taken.quarantine_id, code=taken.refused
            )
        else:
            _tell(taken, new.change.channel)
        waits = taken.appeal_id is None
        return Received(Taken(taken.receipt, taken.new), None, is_appeal=False, waits=waits, refused=refused)

    def _registered(self, appeal: Appeal, accepted: Accepted) -> Appeal:
        own = appeal.number is not None and numbering.is_own(appeal.number, self.journal.number_prefix)
        return numbered(appeal, accepted.receipt.number, own=own)

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Accept a message from an operator, with full results; the appeal waits to be claimed."""
        received = await self.receive(message)
        return received if isinstance(received, Quarantined) else received.refused or received.taken

    async def replay(
        self, row: QuarantineRow, message_id: str | None = None, *, anyway: bool = False, reason: str = ""
    ) -> Receipt:
        """Replay a quarantined message, under its own id or a new `message_id`.

        The current policy decides about a change, unless a person overrides it with `anyway`. Either option declares
        the message a separate letter, even if its number is taken.

        Raises:
            Unacceptable: it still cannot be accepted.
            CameMeanwhile: an appeal with its number came by another message, perhaps its corrected copy.
            MessageDiffers: its id belongs to another message.
            JournalError: the change cannot be applied, the row was taken or closed meanwhile, or the journal fails.
        """
        # A process that replayed it before may have died over it.
        async with self._alone.turn(_inbound(row, message_id)):
            read = await self._read_again(row, message_id, anyway=anyway)
            if isinstance(read, Change):
                new: NewAppeal | NewChange = self._again(row, read, anyway=anyway)
            else:
                new = await self._new(_inbound(row, message_id), read, apart=row.code == "message.kills")
                read = new.appeal
            waiting = self._settings.waiting_changes
            taken = await leaving.leave_quarantine(self.journal, row, new, most_waiting=waiting, reason=reason)
        _tell(taken, read.channel)
        if isinstance(read, Change) or isinstance(taken, ChangeTaken):
            return taken.receipt
        return warned(taken.receipt, self._registered(read, taken).warnings)

    async def would_take(
        self, row: QuarantineRow, message_id: str | None = None, *, anyway: bool = False
    ) -> str | None:
        """Return the number of the message's existing appeal, "" for a waiting change, or None if it would be new.

        Changes nothing; raises the same errors as `replay`.
        """
        read = await self._read_again(row, message_id, anyway=anyway)
        if isinstance(read, Change):
            new = self._again(row, read, anyway=anyway)
            return await self.journal.ask(changing.would_change, new, most_waiting=self._settings.waiting_changes)
        return await self.journal.ask(accepting.would_accept, read)

    async def _read_again(self, row: QuarantineRow, message_id: str | None, *, anyway: bool) -> Appeal | Change:
        if _CUT in row.reason:
            text = f"only the first {len(row.raw)} bytes of this message are kept; its sender has to send a smaller one"
            raise Unacceptable(text, "message.cut")
        read = await self._decoder.decode(_inbound(row, message_id), apart=row.code == "message.kills")
        if not anyway and message_id is None and (number := await copy_of(self.journal, read)) is not None:
            raise CameMeanwhile(number, row.id)
        return read

    def _again(self, row: QuarantineRow, change: Change, *, anyway: bool) -> NewChange:
        sender = Sender(changes=frozenset({EVERY})) if anyway else self.senders.kept(row.sender, row.channel)
        return self._new_change(change, sender)

    async def _new(self, message: Inbound, appeal: Appeal, *, apart: bool = False) -> NewAppeal:
        now, said = wall(), None
        renames = self._settings.renames_of(message.channel, day_of(now)) if appeal.as_written else []
        if renames:
            with suppress(Unacceptable), _defects(message.channel):  # then it is taken as it was written
                again = await self._decoder.decode(message, renames, apart=apart)
                if isinstance(again, Appeal) and any(warning.code == RENAMED for warning in again.warnings):
                    appeal, said = again, digest(appeal)
        if (plausible := without_odd_dates(appeal, now)) is not appeal:
            appeal, said = plausible, said or digest(appeal)
        due_on = None if self._due_on is None else self._due_on(appeal, appeal, now)
        return NewAppeal(appeal, now, self._settings.accepted_by, due_on, self.senders.kept, said)

    def _new_change(self, change: Change, sender: Sender) -> NewChange:
        """Build a new change; raise Unacceptable if the sender may not send it for any appeal."""
        if not sender.may_send(Says.of(change)):
            kind = "no known kind" if change.kind is None else f"the kind {change.kind.value}"
            text = f"its sender may send no such change, {kind} with these fields; `changes` in the policy says which"
            raise Unacceptable(text, NOT_ALLOWED)
        return NewChange(change, wall(), self._settings.accepted_by, sender)

    async def aclose(self) -> None:
        await self._decoder.aclose()


def _tell(taken: Accepted | ChangeTaken, channel: str) -> None:
    if isinstance(taken, ChangeTaken) and taken.new and taken.appeal_id is None:
        log.info("change.waits", channel=channel)


@contextmanager
def _defects(channel: str) -> Iterator[None]:
    try:
        yield
    except (Unacceptable, JournalError):
        raise
    except Exception as error:  # a defect of ours, which must not bring the message back for ever
        log.exception("intake.defect", channel=channel)
        raise Unacceptable(f"the bus failed over it with {type(error).__name__}", "message.defect") from None


def _inbound(row: QuarantineRow, message_id: str | None) -> Inbound:
    return Inbound(row.channel, row.position, row.raw, row.media_type, again=True, message_id=message_id)
