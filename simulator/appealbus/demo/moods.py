"""Makes agencies and receivers fail in turn, so that one can watch the bus react."""

import asyncio
from collections.abc import Sequence

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.broker.broker import Argument, Broker, Consumer, Delivered
from appealbus.demo.live_setting import ARCHIVE, OUT, RECEPTION, ROADS
from appealbus.demo.setting import MISBEHAVIOUR
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Misbehaviour

_DOWN = Misbehaviour(http_502=1.0)
_MOODS: Sequence[tuple[str, Misbehaviour, float]] = (
    ("egkn", _DOWN, 240),
    ("gbdul", Misbehaviour(latency=0.3, latency_tail=0.2, latency_max=3, status=0.3, cut=0.2), 180),
    ("egkn", Misbehaviour(latency=0.05, wrong_types=0.4, wrong_namespace=0.2), 180),
    ("gbdfl", Misbehaviour(latency=0.4, latency_tail=0.3, latency_max=3, fault=0.4), 180),
    ("address", Misbehaviour(silent=1.0), 120),
)
"""Agency, failure and seconds, in turn; the previous agency recovers."""
_KEEPS = 100
"""Maximum number of messages in a receiver's queue, the newest; nobody reads them here."""
_FULL = 40
"""Messages at which the queue of `roads` is full."""
_SHUT, _OPEN = 200.0, 100.0
"""Seconds for which `roads` takes nothing, and everything."""


async def receive(brokers: Brokers) -> None:
    """Declare the queues of channels and receivers on started brokers."""
    await brokers.get().declare_queue(RECEPTION)
    for name, broker in (("register", brokers.get()), (ROADS, brokers.get(ROADS)), (ARCHIVE, brokers.get(ARCHIVE))):
        kept: dict[str, Argument] = {"x-max-length": _KEEPS}
        if name == ROADS:
            kept = {"x-max-length": _FULL, "x-overflow": "reject-publish"}
        await broker.declare_queue(f"out.{name}", kept)
        await broker.bind_queue(f"out.{name}", OUT, "#")


async def be_moody(simulator: Simulator) -> None:
    """Make one agency after the other fail, until cancelled."""
    for service, rules in MISBEHAVIOUR.items():
        simulator.misbehave(service, rules)
    while True:
        for service, rules, seconds in _MOODS:
            simulator.misbehave(service, rules)
            await asyncio.sleep(seconds)
            simulator.misbehave(service, MISBEHAVIOUR[service])


async def open_and_shut(broker: Broker) -> None:
    """Empty the queue of `roads` at times, until cancelled."""
    while True:
        await asyncio.sleep(_SHUT)
        taking: Consumer = await broker.consume(f"out.{ROADS}", _take, prefetch=20)
        try:
            await asyncio.sleep(_OPEN)
        finally:
            await taking.stop(1.0)


async def _take(delivered: Delivered) -> None:
    delivered.ack()
