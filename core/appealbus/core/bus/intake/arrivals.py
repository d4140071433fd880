"""Entry of messages and of late answers into a running bus."""

import asyncio

import structlog

from appealbus.core.bus.counters import Tally
from appealbus.core.bus.intake.quarantine import EVERY, trim_quarantine
from appealbus.core.bus.intake.reception import Received, Reception
from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.bus.work.work_hints import WorkHints
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal import awaiting
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.plugin_calls.boundary import entered
from appealbus.core.process.failpoints import failpoint

log = structlog.get_logger(__name__)


class Arrivals:
    """Writes arriving messages and answers to the journal and starts their appeals, here or in another worker."""

    def __init__(
        self,
        settings: BusSettings,
        journal: Journal,
        reception: Reception,
        dispatcher: Dispatcher,
        *,
        hints: WorkHints,
        host: Host,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._reception = reception
        self._dispatcher = dispatcher
        self._hints = hints
        self._host = host
        self._under_way: set[asyncio.Task[Taken | Quarantined]] = set()
        self.messages = Tally()
        self.answers = Tally()

    @property
    def busy(self) -> bool:
        return bool(self._under_way)

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Return once the message is on disk. On JournalError the sender keeps it."""
        # A sender that goes away must not leave an appeal on disk that is leased to us and that nobody works.
        arrival = asyncio.get_running_loop().create_task(self._accept(message), context=entered(""))
        self._under_way.add(arrival)
        arrival.add_done_callback(self._under_way.discard)
        return await asyncio.shield(arrival)

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep a late answer and schedule its appeal. On JournalError the sender keeps the answer."""
        kept = await self._journal.do(awaiting.Answered(source, answer))
        failpoint("bus.answered")
        self.answers.add(source, kept.value)
        if kept is Kept.STORED:
            self._dispatcher.more()
        else:
            log.warning("answer.dropped", source=source, state=kept.value)
        return kept

    async def wait(self, seconds: float) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    async def _accept(self, message: Inbound) -> Taken | Quarantined:
        try:
            received = await self._take(message)
        except JournalError:
            self.messages.add(message.channel, "failed")
            raise
        kept = received if isinstance(received, Quarantined) else received.refused
        if kept is not None and not kept.quarantine_id % EVERY:
            await trim_quarantine(self._journal, self._settings)
        if isinstance(received, Quarantined):
            self.messages.add(message.channel, "quarantined")
            return received
        taken = received.taken
        self.messages.add(message.channel, "quarantined" if kept is not None else "new" if taken.new else "repeated")
        return taken

    async def _take(self, message: Inbound) -> Received | Quarantined:
        with self._dispatcher.place(len(message.raw)) as here:
            owner = self._dispatcher.owner if here else None
            received = await self._reception.receive(message, owner, self._dispatcher.lease)
            if isinstance(received, Quarantined):
                return received
            if received.taken.new and received.is_appeal:
                # Before it is worked on; a command that takes appeals shows each receipt by itself.
                log.info("appeal.accepted", number=received.taken.receipt.number, channel=message.channel)
            case = received.case
            if received.taken.new:
                if here and case is not None:
                    self._dispatcher.start(case)
                else:
                    self._dispatcher.more()
                    if case is not None:
                        self._hints.offer(case)
        if received.taken.new and received.is_appeal:
            self._host.appeal_accepted(received.taken.receipt)
        return received
