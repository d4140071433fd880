"""What all routes work with, and the application that is made of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import orjson
from starlette.requests import Request

from appealbus.connectors.amqp.asyncapi.document import asyncapi_document
from appealbus.core.management import Journal, feed
from appealbus.core.management import health as journal_health
from appealbus.core.management.health import Health, health_of
from appealbus.core.management.people import Client
from appealbus.core.management.viewing import Looks, Masker, Policy
from appealbus.core.serving import BusSettings, Host, Loaded, Reception
from appealbus.plugins.api.bodies import Bodies
from appealbus.plugins.api.credentials import Credentials
from appealbus.plugins.api.limits import Limits
from appealbus.plugins.api.metrics import Metrics
from appealbus.plugins.api.problems import TOO_MANY_WAITING, Problem
from appealbus.plugins.api.reads import Reads
from appealbus.plugins.api.reports import Reports
from appealbus.plugins.api.settings import ApiSettings
from appealbus.plugins.api.tail import Tail
from appealbus.plugins.api.turns import Turns
from appealbus.plugins.monitor.shared_result import SharedResult
from appealbus.plugins.report.process import Given, ReportProcess
from appealbus.plugins.report.settings import ReportSettings


@dataclass
class Api:
    """The parts of one server.

    Attributes:
        mounts: other applications of this server, by the path that they lie under.
        person: says whose session a request is of; None: nobody signs in here.
        draining: set once the server ends: whoever waits, answers with what there is.

    """

    settings: ApiSettings
    loaded: Loaded
    policy: Policy
    journal: Journal
    reception: Reception
    host: Host
    mounts: dict[str, Any] = field(default_factory=dict)
    person: Callable[[Request], Awaitable[Client | None]] | None = None
    metrics: Metrics = field(default_factory=Metrics)
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.credentials = Credentials(self.journal, self.settings.failed_attempts, self.metrics)
        self.limits = Limits(self.journal, self.settings.requests_per_minute, self.metrics)
        self.bodies = Bodies(self.settings.patience)
        self.tail = Tail(lambda after, limit: self.journal.ask(feed.page, after, limit))
        self.reads = Reads(self.journal)
        self.alive = SharedResult(partial(self.journal.ask, journal_health.how_it_stands), fresh=1.0, patience=4.0)
        given = Given(self.bus, self.loaded.settings.log, self.loaded.validate(ReportSettings, "plugins", "report"))
        self.figures = (ReportProcess(given), ReportProcess(given))
        self.reports = Reports(*(process.make for process in self.figures))
        self.comparing = Turns()
        self.found = SharedResult(self.health, fresh=1.0, patience=10.0)
        self.looks, self.tags, self.masker = Looks(), Looks(), Masker()
        self._waiting: Counter[str] = Counter()

    @property
    def bus(self) -> BusSettings:
        """What `[bus]` says."""
        return self.loaded.settings.bus

    @cached_property
    def queues(self) -> bytes:
        """The AsyncAPI document as JSON, made once: strangers may ask for it as often as they like."""
        return orjson.dumps(asyncapi_document(self.loaded))

    def note_defect(self, part: str) -> None:
        """Count what a plugin raised."""
        self.host.defects[part] += 1
        self.metrics.defects.labels(part).inc()

    async def health(self) -> Health:
        """Read what `appealbus health` looks at, and what it finds; raise JournalError."""
        return await health_of(self.journal, self.loaded, self.host, self.policy)

    def forget_other_epochs(self) -> None:
        """Forget how versions look, after a restore: one with the same number may say something else."""
        self.looks.in_epoch(self.journal.epoch)
        self.tags.in_epoch(self.journal.epoch)

    @classmethod
    def of(cls, request: Request) -> "Api":
        """Return that of the server that a request came to."""
        found = request.app.state.api
        assert isinstance(found, cls)  # noqa: S101 - the application was made with it
        return found

    def check_waiting(self, client: str) -> None:
        """Raise Problem where a client has as many streams and long polls as it may have."""
        if self._waiting[client] >= self.settings.waiting_per_client:
            self.metrics.limited.labels("waiting").inc()
            text = "the client has too many streams and long polls open here"
            raise Problem(TOO_MANY_WAITING, text, headers={"Retry-After": "5"})

    @contextmanager
    def waiting(self, client: str, kind: str) -> Iterator[None]:
        """Count a stream or a long poll of a client as long as the block lasts."""
        self._waiting[client] += 1
        self.metrics.waiting.labels(kind).inc()
        try:
            yield
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]
            self.metrics.waiting.labels(kind).dec()
