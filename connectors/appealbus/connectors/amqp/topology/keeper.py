"""Comparing a topology by the most informative way available, and watching that of a running bus."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from appealbus.connectors.amqp.topology import by_amqp, by_api
from appealbus.connectors.amqp.topology.finding import Finding, contents_findings, contents_of
from appealbus.connectors.amqp.topology.management import Management, ManagementFailed
from appealbus.connectors.amqp.topology.wanted import WantedTopology
from appealbus.connectors.broker.broker import Broker, BrokerUnreachable
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import ConfigError, LinkState, LinkStatus
from appealbus.core.clocks import wall

log = structlog.get_logger(__name__)

PAUSE = 60.0
"""Seconds between comparisons, which cost the broker next to nothing."""
_IN_ORDER = "in order"


@dataclass(frozen=True, slots=True)
class Looked:
    findings: list[Finding]
    messages: dict[str, int] = field(default_factory=dict)
    """Number of messages in each watched queue."""

    @property
    def problems(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_problem]


async def look(broker: Broker, settings: BrokerSettings, wanted: WantedTopology) -> Looked:
    """Compare through the management API if configured, else over AMQP, and inspect the contents of queues.

    Creates nothing. The broker must be started. Raises ManagementFailed, BrokerUnreachable and ConfigError.
    """
    if settings.management is None:
        findings = await by_amqp.look(broker, wanted)
    else:
        async with await asyncio.to_thread(Management, broker.name, settings) as api:
            findings = await by_api.look(api, wanted)
    lies = await contents_of(broker, wanted)
    messages = {name: info.messages for name, info in lies.items()}
    return Looked([*findings, *contents_findings(wanted, lies)], messages)


class TopologyKeeper:
    """Creates what is missing, if allowed, and reports problems. Existing parts are never changed."""

    def __init__(self, broker: Broker, settings: BrokerSettings) -> None:
        self._broker = broker
        self._settings = settings
        self._name = f"{broker.name}.topology"
        self._wanted = WantedTopology()
        self._users = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._state = LinkState(self._name, LinkStatus.CONNECTING, "not looked at yet")
        self._told = ""
        self._messages: dict[str, int] = {}

    def start(self, wanted: WantedTopology) -> None:
        """Watch this topology, too. Call once for each `stop`."""
        self._users += 1
        both = self._wanted + wanted
        if both != self._wanted:
            self._wanted = both
            self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Stop after as many calls as there were of `start`."""
        self._users -= 1
        if self._users == 0 and self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])

    def links(self) -> Sequence[LinkState]:
        """Return the state of the topology, up to a minute old."""
        return (replace(self._state, messages=self._messages),)

    async def _keep(self) -> None:
        while True:
            new = self._news.is_set()
            self._news.clear()
            try:
                await self._look(declare=new and self._settings.declare)
            except Exception:
                log.exception("amqp.topology.failed", link=self._name)
            try:
                async with asyncio.timeout(PAUSE):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _look(self, *, declare: bool) -> None:
        while not await self._broker.up(PAUSE):
            self._note(LinkStatus.CONNECTING, "not looked at yet: there is no connection")
            await asyncio.sleep(1)  # a broker that is being closed says so at once
        wanted = self._wanted
        try:
            if declare:
                # Bindings cannot be seen over AMQP: at first they are made in any case.
                await by_amqp.declare(self._broker, wanted, self._made)
            looked = await look(self._broker, self._settings, wanted)
            if looked.problems and self._settings.declare and not declare:
                await by_amqp.declare(self._broker, wanted, self._made)
                looked = await look(self._broker, self._settings, wanted)
        except BrokerUnreachable as error:
            self._news.set()
            self._note(LinkStatus.CONNECTING, str(error))
            await asyncio.sleep(1)
        except (ManagementFailed, ConfigError) as error:
            self._note(LinkStatus.UP, f"cannot be looked at: {error}")
        else:
            self._messages = looked.messages
            problems = looked.problems
            more = f" (and {len(problems) - 1} more: run `appealbus topology check`)" if len(problems) > 1 else ""
            if problems:
                # The connections stand; a queue that is really missing is told by whoever consumes from it.
                self._note(LinkStatus.UP, f"{problems[0]}{more}")
            else:
                self._note(LinkStatus.UP, _IN_ORDER)

    def _made(self, what: str) -> None:
        log.info("amqp.topology.made", detail=what)

    def _note(self, status: LinkStatus, detail: str) -> None:
        if (status, detail) != (self._state.status, self._state.detail):
            differs = status is LinkStatus.UP and detail != _IN_ORDER
            self._state = LinkState(self._name, status, detail, wall(), warning=differs)
            if differs and detail != self._told:
                log.warning("amqp.topology.differs", link=self._name, detail=detail)
        if status is LinkStatus.UP:
            self._told = detail
