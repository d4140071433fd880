"""Findings of a comparison, in words, and those about the contents of queues."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appealbus.connectors.amqp.topology.wanted import Foreign, Queue, WantedTopology
from appealbus.connectors.broker.broker import Broker, BrokerRefused, QueueInfo

APPLY = "run `appealbus topology apply`"

_PASSED = "a bus takes them by itself; find out why the queue of appeals was not there, or not bound"
_ALONE = "start a bus that takes from it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: the problem and its remedy."""

    text: str
    todo: str
    is_problem: bool = True
    """False if something merely cannot be seen, or will be in order soon."""
    by_declaring: bool = False
    """Whether a bus with `declare = true` creates it at start."""

    def __str__(self) -> str:
        return f"{self.text}; {self.todo}"


def not_there(foreign: Foreign) -> Finding:
    """Report that something of another owner is missing."""
    return Finding(f"{foreign.part.about}, which {foreign.setting} names, is missing", "have it made, or mend the name")


async def contents_of(broker: Broker, wanted: WantedTopology) -> dict[str, QueueInfo]:
    """Return the queue information for the queues that need watching. Raises BrokerUnreachable."""
    infos = {}
    for queue in wanted.queues:
        if queue.holds:
            try:
                infos[queue.name] = await broker.declare_queue(queue.name, passive=True)
            except BrokerRefused:
                continue  # that it is not there, or not ours to see, is told by who compares
    return infos


def contents_findings(wanted: WantedTopology, contents: Mapping[str, QueueInfo]) -> list[Finding]:
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
