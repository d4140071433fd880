"""Contents of the queues of a bus, and whether they are consumed."""

from collections.abc import Iterator, Mapping

from appealbus.connectors.amqp.topology.finding import Finding
from appealbus.connectors.amqp.topology.wanted import Queue, Wanted
from appealbus.connectors.broker.broker import Broker, BrokerRefused, QueueInfo

_PASSED = "a bus takes them by itself; find out why the queue of appeals was not there, or not bound"
_ALONE = "start a bus that takes from it"


async def contents_of(broker: Broker, wanted: Wanted) -> dict[str, QueueInfo]:
    """Return the queue information for the queues that need watching. Raises BrokerUnreachable."""
    infos = {}
    for queue in wanted.queues:
        if queue.holds:
            try:
                infos[queue.name] = await broker.declare_queue(queue.name, passive=True)
            except BrokerRefused:
                continue  # that it is not there, or not ours to see, is told by who compares
    return infos


def look(wanted: Wanted, contents: Mapping[str, QueueInfo]) -> list[Finding]:
    """Report messages that lie where they should not, or that nobody consumes."""
    return [item for queue in wanted.queues if queue.name in contents for item in _look(queue, contents[queue.name])]


def _look(queue: Queue, info: QueueInfo) -> Iterator[Finding]:
    if not info.messages:
        return
    text = f"{queue.about} holds {info.messages} {queue.holds}"
    if not info.consumers:
        yield Finding(f"{text}, and nobody takes them", _ALONE)
    elif not queue.passes:
        yield Finding(text, _PASSED)
