"""RabbitMQ through pika: the connections, and its parameters by the settings."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pika

from appealbus.connectors.broker.broker import (
    Argument,
    Broker,
    BrokerUnreachable,
    Consumer,
    Handler,
    Message,
    Published,
    QueueInfo,
    Trouble,
)
from appealbus.connectors.broker.rabbit.consumer import RabbitConsumer
from appealbus.connectors.broker.rabbit.link import Link
from appealbus.connectors.broker.rabbit.publisher import Publisher
from appealbus.connectors.broker.rabbit.requests import Requests
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.connectors.http.tls import tls_context
from appealbus.core import ConfigError, LinkState, __version__
from appealbus.core.clocks import monotonic

_PORT = 5672
"""Default port of AMQP."""
_TLS_PORT = 5671
"""Default port of AMQP over TLS."""


class RabbitBroker(Broker):
    """Two connections, one to consume and one to publish, and their users."""

    def __init__(self, name: str, settings: BrokerSettings) -> None:
        self.name = name
        self._settings = settings
        self._key = f"plugins.amqp.brokers.{name}"
        self._users = 0
        self._opening = asyncio.Lock()
        self._open: _Open | None = None

    async def start(self) -> None:
        async with self._opening:
            if self._open is None:
                # A mistake is told now; each link then reads them anew.
                await asyncio.to_thread(parameters, self._settings, self._key, self.name)
                publish = self._link("publish")
                self._open = _Open(self._link("consume"), publish, Publisher(publish, self._settings))
            self._users += 1

    async def close(self) -> None:
        async with self._opening:
            self._users = max(0, self._users - 1)
            if self._users == 0 and self._open is not None:
                opened, self._open = self._open, None
                await opened.close()

    def links(self) -> tuple[LinkState, ...]:
        if (opened := self._open) is None:
            return ()
        return opened.consume.state(), opened.publish.state(opened.publisher.refusals)

    @property
    def requests_trouble(self) -> Trouble | None:
        requests = self._open.requests if self._open is not None else None
        return requests.trouble if requests is not None else None

    async def up(self, within: float) -> bool:
        deadline = monotonic() + within
        if (opened := self._open) is None:
            return False
        return all([await _is_up(link, deadline) for link in (opened.consume, opened.publish)])

    async def publish_all(
        self, messages: Sequence[Message], *, mandatory: bool = True, within: float = 10.0
    ) -> list[Published]:
        if (opened := self._open) is None:
            return [Published.UNREACHABLE] * len(messages)
        settled = await opened.publisher.send_all(messages, mandatory=mandatory, within=within)
        return [send.published for send in settled]

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> Consumer:
        opened = self._opened()
        consumer = RabbitConsumer(opened.consume, queue, handler, prefetch, self._settings.reconnect_max)
        opened.consumers = [other for other in opened.consumers if not other.is_stopped]
        opened.consumers.append(consumer)
        consumer.start()
        return consumer

    async def request(self, message: Message, within: float) -> Message:
        opened = self._opened()
        if opened.requests is None:
            opened.requests = Requests(opened.consume, opened.publisher, self._settings.reconnect_max)
            opened.requests.start()
        return await opened.requests.request(message, within)

    async def declare_exchange(
        self, name: str, kind: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> None:
        how = {"exchange_type": kind, "durable": True, "passive": passive, "arguments": dict(arguments or {}) or None}
        await self._opened().consume.ask(f"the exchange {name}", "exchange_declare", exchange=name, **how)

    async def declare_queue(
        self, name: str, arguments: Mapping[str, Argument] | None = None, *, passive: bool = False
    ) -> QueueInfo:
        return await self._opened().consume.declare_queue(name, arguments, passive=passive)

    async def bind_queue(self, queue: str, exchange: str, routing_key: str) -> None:
        where = {"queue": queue, "exchange": exchange, "routing_key": routing_key}
        await self._opened().consume.ask(f"the queue {queue} at the exchange {exchange}", "queue_bind", **where)

    def _link(self, which: str) -> Link:
        name = f"{self.name}.{which}"
        return Link(name, partial(parameters, self._settings, self._key, name), self._settings.reconnect_max)

    def _opened(self) -> "_Open":
        if self._open is None:
            raise BrokerUnreachable(f"the broker {self.name} is not started")
        return self._open


@dataclass(slots=True, eq=False)
class _Open:
    """State between start and close."""

    consume: Link
    publish: Link
    publisher: Publisher
    consumers: list[RabbitConsumer] = field(default_factory=list)
    requests: Requests | None = None

    async def close(self) -> None:
        await asyncio.gather(*(consumer.stop(0.0) for consumer in self.consumers))
        if self.requests is not None:
            await self.requests.close()
        await self.publisher.close()
        await asyncio.gather(self.consume.close(), self.publish.close())


async def _is_up(link: Link, deadline: float) -> bool:
    while not link.is_up:
        if not await link.change(deadline):
            return link.is_up
    return True


def parameters(settings: BrokerSettings, key: str, link: str) -> list[pika.ConnectionParameters]:
    """Return the connection parameters for each host. Reads files: call it in a thread.

    Raises ConfigError with the table's `key`. `link` is the connection's name in the broker's own lists.
    """
    tls = tls_context(settings.tls, f"{key}.tls") if settings.tls is not None else None
    return [
        pika.ConnectionParameters(
            host=host,
            port=int(port) if port else _TLS_PORT if tls else _PORT,
            virtual_host=settings.virtual_host,
            credentials=_credentials(settings, key),
            ssl_options=pika.SSLOptions(tls, host) if tls is not None else None,
            heartbeat=settings.heartbeat,
            socket_timeout=settings.connect_timeout,
            stack_timeout=settings.connect_timeout,
            blocked_connection_timeout=settings.blocked_timeout,
            client_properties={"product": "appealbus", "version": __version__, "connection_name": f"appealbus {link}"},
        )
        for host, _, port in (address.partition(":") for address in settings.hosts)
    ]


def _credentials(
    settings: BrokerSettings, key: str
) -> pika.credentials.PlainCredentials | pika.credentials.ExternalCredentials:
    if settings.password is not None:
        return pika.PlainCredentials(settings.user, settings.password.get())
    if settings.tls is not None and settings.tls.client_cert is not None:
        return pika.credentials.ExternalCredentials()
    raise ConfigError(f"{key}.password is missing; write it, or a client certificate in {key}.tls")
