"""What a bus wants of its broker.

Exchanges and queues get only arguments that nobody may want to change. Limits and dead-lettering are policies: an
administrator can change those at any time, and a queue that is there already takes them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from appealbus.connectors.amqp.names import Names
from appealbus.connectors.broker.broker import Argument

T = TypeVar("T")

QUORUM: Final = "quorum"
_QUORUM: Final[Mapping[str, Argument]] = {"x-queue-type": QUORUM}
RETURNS: Final = 20
"""How often a message may be given back: RabbitMQ's own default, written down."""
NO_LIMIT: Final = -1
"""RabbitMQ's own number for no limit of returns."""
_INTAKE: Final = 1_000_000
"""Appeals that may wait: months of a whole country's. Past that a sender is refused, and learns of it."""
_HINTS: Final = 100_000
"""Hints: as many as a backlog after an outage has appeals. The oldest may go, for the journal has the appeals."""
_KEPT: Final = 100_000
"""Messages put aside: past that dead letters stay where they died, and what no queue wanted is refused."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What it is called in a finding."""
        return f"exchange {self.name}"


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue, and the policy that it needs; the policy has the queue's name."""

    name: str
    policy: Mapping[str, Argument]
    arguments: Mapping[str, Argument] = field(default_factory=lambda: _QUORUM)
    holds: str = ""
    """What the messages in it are, for people; empty where nobody needs to know how many there are."""
    passes: bool = True
    """Whether messages may lie in it for a while, as long as somebody takes them."""

    @property
    def about(self) -> str:
        """What it is called in a finding."""
        return f"queue {self.name}"

    @property
    def pattern(self) -> str:
        """What the policy is applied to: this queue alone."""
        return f"^{re.escape(self.name)}$"

    @property
    def all_arguments(self) -> dict[str, Argument]:
        """The queue's arguments and its policy as further ones, for a broker that has no policies."""
        return {**self.arguments, **{f"x-{key}": value for key, value in self.policy.items()}}


@dataclass(frozen=True, slots=True)
class Binding:
    """What an exchange puts into a queue."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """An exchange or a queue that a setting names and that somebody else makes, with arguments of his own."""

    part: Exchange | Queue
    setting: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topology, or a part of it."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    outlets: tuple[str, ...] = ()
    """Exchanges of dossiers, which receivers bind their queues to."""

    def __add__(self, other: "Wanted") -> "Wanted":
        return Wanted(
            _united(self.exchanges, other.exchanges),
            _united(self.queues, other.queues),
            _united(self.bindings, other.bindings),
            _united(self.foreign, other.foreign),
            _united(self.outlets, other.outlets),
        )


def bus_of(names: Names) -> Wanted:
    """Return what every bus wants."""
    return Wanted(
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


def answers_of(names: Names, source: str) -> Wanted:
    """Return what a source wants whose answers take hours. The agency publishes them straight to the first queue."""
    dead = names.dead_answers(source)
    # An answer died because we were away, or it expired: nobody has to look at it, it is taken from the second queue.
    policy = {**_bounded(_KEPT, RETURNS), **_dead_letters(""), "dead-letter-routing-key": dead}
    late = Queue(dead, _bounded(_KEPT), holds="answers that the broker gave up on")
    return Wanted(queues=(late, Queue(names.answers(source), policy, holds="answers")))


def alarms_of(names: Names) -> Wanted:
    """Return what a bus wants that publishes alarms of surges. One that nobody is bound for is sent again."""
    return Wanted(exchanges=(Exchange(names.alarms, "topic"),))


def _united(some: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    return (*some, *(each for each in others if each not in some))


def _bounded(length: int, returns: int = NO_LIMIT) -> dict[str, Argument]:
    """A queue that refuses when it is full: whoever publishes learns of it."""
    return {"delivery-limit": returns, "max-length": length, "overflow": "reject-publish"}


def _dead_letters(exchange: str) -> dict[str, Argument]:
    # A dead letter leaves its queue once the other one has it, and not before.
    return {"dead-letter-exchange": exchange, "dead-letter-strategy": "at-least-once"}
