"""The topology that a bus requires of its broker.

Exchanges and queues get only arguments that nobody needs to change. Limits and dead-lettering are policies: an
administrator can change those at any time, and they apply to existing queues.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from appealbus.connectors.amqp.settings import Names
from appealbus.connectors.broker.broker import Argument

T = TypeVar("T")

QUORUM: Final = "quorum"
_QUORUM: Final[Mapping[str, Argument]] = {"x-queue-type": QUORUM}
RETURNS: Final = 20
"""How often a message may be returned: RabbitMQ's own default, made explicit."""
NO_LIMIT: Final = -1
"""RabbitMQ's value for unlimited returns."""
_INTAKE: Final = 1_000_000
"""Waiting appeals: months of a whole country's. Beyond that senders are refused, and notice it."""
_HINTS: Final = 100_000
"""Hints: as many as appeals pile up in an outage. The oldest may be dropped, as the journal has the appeals."""
_KEPT: Final = 100_000
"""Messages set aside. Beyond that dead letters stay in their queue, and unroutable messages are refused."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    @property
    def about(self) -> str:
        return f"exchange {self.name}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue, with the policy of the same name."""

    name: str
    policy: Mapping[str, Argument]
    arguments: Mapping[str, Argument] = field(default_factory=lambda: _QUORUM)
    holds: str = ""
    """Description of its messages, for people; empty if their number does not matter."""
    passes: bool = True
    """Whether messages may wait in it as long as it has a consumer."""

    @property
    def about(self) -> str:
        return f"queue {self.name}"

    @property
    def pattern(self) -> str:
        """Policy pattern that matches this queue alone."""
        return f"^{re.escape(self.name)}$"

    @property
    def all_arguments(self) -> dict[str, Argument]:
        """The queue's arguments with its policy merged in, for a broker without policies."""
        return {**self.arguments, **{f"x-{key}": value for key, value in self.policy.items()}}


Part: TypeAlias = Exchange | Queue


@dataclass(frozen=True, slots=True)
class Binding:
    """A route from an exchange to a queue."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """An exchange or a queue that a setting names and another owner creates, with any arguments."""

    part: Part
    setting: str


@dataclass(frozen=True, slots=True)
class WantedTopology:
    """A topology, or a part of one."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    outlets: tuple[str, ...] = ()
    """Exchanges of dossiers, to which receivers bind their queues."""

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*self.exchanges, *self.queues)

    def __add__(self, other: "WantedTopology") -> "WantedTopology":
        return WantedTopology(
            _united(self.exchanges, other.exchanges),
            _united(self.queues, other.queues),
            _united(self.bindings, other.bindings),
            _united(self.foreign, other.foreign),
            _united(self.outlets, other.outlets),
        )


def bus_of(names: Names) -> WantedTopology:
    """Return the topology of every bus."""
    return WantedTopology(
        exchanges=(
            Exchange(names.dead, "fanout"),
            Exchange(names.unrouted, "fanout"),
            Exchange(names.incoming, "topic", {"alternate-exchange": names.unrouted}),
            # A dossier that nobody is bound for stays in the outbox until somebody is.
            Exchange(names.out, "topic"),
        ),
        queues=(
            Queue(names.quarantine, _bounded(_KEPT), holds="messages that the broker gave up on"),
            Queue(names.unrouted, _bounded(_KEPT), holds="appeals that no queue wanted", passes=False),
            # No limit of returns: a consumer that dies would count against all that it held. The bus itself knows
            # which message kills.
            Queue(names.intake, {**_bounded(_INTAKE), **_dead_letters(names.dead)}, holds="appeals"),
            # Hints: the journal has the appeals, so the oldest may go.
            Queue(names.work, {"delivery-limit": RETURNS, "max-length": _HINTS, "overflow": "drop-head"}),
        ),
        bindings=(
            Binding(names.dead, names.quarantine, ""),
            Binding(names.unrouted, names.unrouted, ""),
            Binding(names.incoming, names.intake, "#"),
        ),
    )


def answers_of(names: Names, source: str) -> WantedTopology:
    """Return the topology for a source with asynchronous answers. The agency publishes directly to the first queue."""
    dead = names.dead_answers(source)
    # An answer died because we were away, or it expired: nobody has to look at it, it is taken from the second queue.
    policy = {**_bounded(_KEPT, RETURNS), **_dead_letters(""), "dead-letter-routing-key": dead}
    late = Queue(dead, _bounded(_KEPT), holds="answers that the broker gave up on")
    return WantedTopology(queues=(late, Queue(names.answers(source), policy, holds="answers")))


def alarms_of(names: Names) -> WantedTopology:
    """Return the topology for alarms of surges. An alarm without a receiver is sent again."""
    return WantedTopology(exchanges=(Exchange(names.alarms, "topic"),))


def _united(some: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    return (*some, *(other for other in others if other not in some))


def _bounded(length: int, returns: int = NO_LIMIT) -> dict[str, Argument]:
    """Return a policy that refuses messages when the queue is full, so that publishers notice."""
    return {"delivery-limit": returns, "max-length": length, "overflow": "reject-publish"}


def _dead_letters(exchange: str) -> dict[str, Argument]:
    # A dead letter leaves its queue once the other one has it, and not before.
    return {"dead-letter-exchange": exchange, "dead-letter-strategy": "at-least-once"}
