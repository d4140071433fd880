"""Exchanges, queues and bindings, each on its own channel: a refusal closes the channel."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from appealbus.connectors.broker.broker import Argument, BrokerRefused, QueueInfo
from appealbus.connectors.broker.rabbit.channel import ANSWER, Channel
from appealbus.connectors.broker.rabbit.link import Link


async def declare_exchange(
    link: Link, name: str, kind: str, arguments: Mapping[str, Argument] | None, passive: bool
) -> None:
    async def declare(channel: Channel) -> None:
        await channel.call(
            channel.raw.exchange_declare,
            exchange=name,
            exchange_type=kind,
            durable=True,
            passive=passive,
            arguments=_given(arguments),
        )

    await _aside(link, f"the exchange {name}", declare)


async def declare_queue(link: Link, name: str, arguments: Mapping[str, Argument] | None, passive: bool) -> QueueInfo:
    async def declare(channel: Channel) -> QueueInfo:
        frame = await channel.call(
            channel.raw.queue_declare, queue=name, durable=True, passive=passive, arguments=_given(arguments)
        )
        return QueueInfo(frame.method.queue, frame.method.message_count, frame.method.consumer_count)

    info: QueueInfo = await _aside(link, f"the queue {name}", declare)
    return info


async def bind_queue(link: Link, queue: str, exchange: str, routing_key: str) -> None:
    async def bind(channel: Channel) -> None:
        await channel.call(channel.raw.queue_bind, queue=queue, exchange=exchange, routing_key=routing_key)

    await _aside(link, f"the queue {queue} at the exchange {exchange}", bind)


def _given(arguments: Mapping[str, Argument] | None) -> dict[str, Argument] | None:
    return dict(arguments) if arguments else None


async def _aside(link: Link, about: str, ask: Callable[[Channel], Awaitable[Any]]) -> Any:
    channel = await link.channel(ANSWER)
    try:
        return await ask(channel)
    except BrokerRefused as refused:
        raise BrokerRefused(refused.code, f"{about}: {refused}") from None
    finally:
        await channel.close()
