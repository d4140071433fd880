"""Agencies and receivers that are well and ill in turn, so that one sees what the bus makes of that."""

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
"""Who is ill how for how many seconds, in turn; the one before is as well as ever by then."""
_KEEPS = 100
"""Messages that a receiver's queue keeps, the newest: nobody here needs them any more."""
_FULL = 40
"""Messages after which the queue of the roads' takes none."""
_SHUT, _OPEN = 200.0, 100.0
"""Seconds for which the roads' take nothing, and all."""


async def receive(brokers: Brokers) -> None:
    """Bring up the queues of channels and receivers, on brokers that are started."""
    await brokers.get().declare_queue(RECEPTION)
    for name, broker in (("register", brokers.get()), (ROADS, brokers.get(ROADS)), (ARCHIVE, brokers.get(ARCHIVE))):
        kept: dict[str, Argument] = {"x-max-length": _KEEPS}
        if name == ROADS:
            kept = {"x-max-length": _FULL, "x-overflow": "reject-publish"}
        await broker.declare_queue(f"out.{name}", kept)
        await broker.bind_queue(f"out.{name}", OUT, "#")


async def be_moody(simulator: Simulator) -> None:
    """Have one agency after the other be ill, until cancelled."""
    for service, rules in MISBEHAVIOUR.items():
        simulator.misbehave(service, rules)
    while True:
        for service, rules, seconds in _MOODS:
            simulator.misbehave(service, rules)
            await asyncio.sleep(seconds)
            simulator.misbehave(service, MISBEHAVIOUR[service])


async def open_and_shut(broker: Broker) -> None:
    """Take what is for the roads' at times, until cancelled."""
    while True:
        await asyncio.sleep(_SHUT)
        taking: Consumer = await broker.consume(f"out.{ROADS}", _take, prefetch=20)
        try:
            await asyncio.sleep(_OPEN)
        finally:
            await taking.stop(1.0)


async def _take(delivered: Delivered) -> None:
    delivered.ack()
