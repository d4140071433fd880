"""One reconnecting connection: hosts in turn, pauses with jitter, and its state."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from pika import ConnectionParameters
from pika.exceptions import AMQPError

from appealbus.connectors.broker.broker import Argument, BrokerRefused, BrokerUnreachable, QueueInfo
from appealbus.connectors.broker.rabbit.channel import ANSWER, Channel
from appealbus.connectors.broker.rabbit.connection import PikaConnection, guarded, resolve
from appealbus.connectors.broker.rabbit.errors import connection_lost, not_opened
from appealbus.core import ConfigError, LinkState, LinkStatus
from appealbus.core.backoff import Backoff
from appealbus.core.clocks import monotonic, wall

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
"""Seconds: a restarting broker is back in a few, and one that is up must not be asked by all at once."""


class Link:
    """A connection and the task that keeps it up."""

    def __init__(self, name: str, hosts: Callable[[], Sequence[ConnectionParameters]], longest_pause: float) -> None:
        """Begin to connect.

        `hosts` reads the parameters in a thread for each round of attempts, as passwords change; `longest_pause` is in
        seconds.
        """
        self.name = name
        self.counts: Counter[str] = Counter()
        self._read_hosts = hosts
        self._next = 0
        self._longest_pause = longest_pause
        self._connection: PikaConnection | None = None
        self.is_blocked = False
        """Whether the broker accepts nothing for now."""
        self.is_closed = False
        """Whether it is closed for good."""
        self._status = LinkStatus.CONNECTING
        self._detail = ""
        self._since: datetime = wall()
        self._ups = 0
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._supervise())

    @property
    def is_up(self) -> bool:
        """Whether there is a connection. It may be blocked."""
        return self._connection is not None

    def state(self, warning: str = "") -> LinkState:
        """Return the connection's state; `warning` is shown while it is up."""
        warns = self._status is LinkStatus.UP and warning != ""
        detail = warning if warns else self._detail
        reconnects = max(0, self._ups - 1)
        return LinkState(self.name, self._status, detail, self._since, reconnects, dict(self.counts), warns)

    def announce(self) -> None:
        """Wake all waiters of `change`."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, deadline: float) -> bool:
        """Wait until anything changes; False if closed or the time is up."""
        if self.is_closed:
            return False
        try:
            async with asyncio.timeout_at(deadline):
                await self._changed.wait()
        except TimeoutError:
            return False
        return not self.is_closed

    async def channel(self, within: float, *, patient: bool = False) -> Channel:
        """Open a channel as soon as there is a connection, within so many seconds.

        With `patient` also wait while the broker is known to be away. Raises BrokerUnreachable and BrokerRefused.
        """
        deadline = monotonic() + within
        while self._connection is None:
            hopeless = not patient and self._status in {LinkStatus.DOWN, LinkStatus.REFUSED}
            if hopeless or not await self.change(deadline):
                raise BrokerUnreachable(self._detail or "there is no connection to the broker")
        opened = asyncio.get_running_loop().create_future()
        try:
            raw = self._connection.channel(on_open_callback=guarded(partial(resolve, opened)))
        except AMQPError:
            raise BrokerUnreachable("the connection is being closed, or has no room for a channel") from None
        channel = Channel(raw)
        try:
            await channel.answer(lambda callback: opened.add_done_callback(lambda _: callback()))
        except BaseException:
            with suppress(AMQPError):
                raw.close()
            raise
        return channel

    async def ask(self, about: str, method: str, **arguments: Any) -> Any:
        """Call one of pika's methods on a channel of its own, which a refusal closes. Raises as `channel`."""
        channel = await self.channel(ANSWER)
        try:
            return await channel.call(getattr(channel.raw, method), **arguments)
        except BrokerRefused as refused:
            raise BrokerRefused(refused.code, f"{about}: {refused}") from None
        finally:
            await channel.close()

    async def declare_queue(
        self, name: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> QueueInfo:
        how = {"durable": True, "passive": passive, "arguments": dict(arguments or {}) or None}
        method = (await self.ask(f"the queue {name}", "queue_declare", queue=name, **how)).method
        return QueueInfo(method.queue, method.message_count, method.consumer_count)

    async def close(self) -> None:
        """Close the connection for good."""
        self.is_closed = True
        self.announce()
        self._task.cancel()
        await asyncio.wait([self._task])
        self._connection = None

    async def _supervise(self) -> None:
        backoff = Backoff(FIRST_PAUSE, self._longest_pause)
        while True:
            stood, slow = 0.0, False
            try:
                stood, slow = await self._round()
            except Exception:
                # Whatever it is: without this task there would never be a connection again.
                log.exception("amqp.task_failed", link=self.name)
                self._note(LinkStatus.CONNECTING, "the connection ended by a defect of ours; see the log")
            await asyncio.sleep(backoff.pause(stood, slow=slow))

    async def _round(self) -> tuple[float, bool]:
        """Try each host until one connection has been up; return for how long, and whether all hosts refuse us."""
        try:
            hosts = await asyncio.to_thread(self._read_hosts)
        except ConfigError as error:
            self._note(LinkStatus.REFUSED, str(error))
            return 0.0, True
        failures = []
        for index in range(self._next, self._next + len(hosts)):
            host = hosts[index % len(hosts)]
            connection = PikaConnection(host)
            try:
                if (failure := await connection.open()) is not None:
                    failures.append(not_opened(failure, *_who(host)))
                    continue
                self._next = index + 1
                return await self._stand(connection), False
            finally:
                await connection.end()
        # A refusal needs somebody; a host that is away may come back.
        self._note(*min(failures, key=lambda trouble: trouble[0] is not LinkStatus.REFUSED))
        return 0.0, all(status is LinkStatus.REFUSED for status, _ in failures)

    async def _stand(self, connection: PikaConnection) -> float:
        """Wait until the connection is lost; return for how many seconds it was up."""
        began = monotonic()
        self._connection = connection
        connection.add_on_connection_blocked_callback(guarded(self._on_blocked))
        connection.add_on_connection_unblocked_callback(guarded(self._on_unblocked))
        self._ups += 1
        where = _where(connection.params)
        self._note(LinkStatus.UP, f"connected to {where}")
        try:
            await asyncio.wait([connection.ended])
        finally:
            self._connection, self.is_blocked = None, False
        self._note(LinkStatus.CONNECTING, connection_lost(connection.ended.result(), where))
        return monotonic() - began

    def _note(self, status: LinkStatus, detail: str) -> None:
        if (status, detail) == (self._status, self._detail):
            return
        news = status is not self._status
        self._status, self._detail = status, detail
        if news:
            self._since = wall()
        match status:
            case LinkStatus.UP:
                log.info("amqp.link.up", link=self.name)
            case LinkStatus.REFUSED:
                log.error("amqp.link.refused", link=self.name, detail=detail)
            case LinkStatus.BLOCKED:
                log.warning("amqp.link.blocked", link=self.name, detail=detail)
            case LinkStatus.CONNECTING:
                log.warning("amqp.link.lost", link=self.name, detail=detail)
            case _ if news:
                log.warning("amqp.link.down", link=self.name, detail=detail)
        self.announce()

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.is_blocked = True
        reason = str(frame.method.reason)[:100]
        self._note(LinkStatus.BLOCKED, f"the broker takes nothing for now: {reason}")

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.is_blocked = False
        self._note(LinkStatus.UP, "the broker takes messages again")


def _where(host: ConnectionParameters) -> str:
    return f"{host.host}:{host.port}"


def _who(host: ConnectionParameters) -> tuple[str, str, str]:
    return _where(host), getattr(host.credentials, "username", "our certificate"), host.virtual_host
