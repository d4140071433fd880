"""Running a handler over a message, for both RabbitMQ and the in-memory broker."""

import asyncio
from abc import abstractmethod
from contextlib import suppress

import structlog

from appealbus.connectors.broker.broker import Delivered, Handler

log = structlog.get_logger(__name__)

_PAUSE = 1.0
"""Seconds before a failed message goes back: long for a processor, short for a queue with a limit of 20 returns."""


class Handled(Delivered):
    """A message that its consumer passes to a handler."""

    is_settled: bool
    """Whether the message was acknowledged, rejected or returned."""

    @abstractmethod
    def fail(self) -> bool:
        """Return the message as failed: the queue's delivery limit counts it."""


async def handle(delivered: Handled, handler: Handler, queue: str, stopping: asyncio.Event) -> None:
    """Run the handler; return the message if it fails or does not settle the message.

    A pause comes before that, unless `stopping` is set. `queue` is for the log.
    """
    try:
        await handler(delivered)
    except asyncio.CancelledError:
        delivered.requeue()
        raise
    except Exception:
        log.exception("amqp.handler_failed", queue=queue)
    else:
        if delivered.is_settled:
            return
        log.error("amqp.not_settled", queue=queue)
    # Otherwise a message that nobody can handle would keep us and the broker busy.
    with suppress(TimeoutError):
        async with asyncio.timeout(_PAUSE):
            await stopping.wait()
    delivered.fail()
