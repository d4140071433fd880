"""Settings of brokers, and of the intake, the delivery and the work queue `amqp`; names on a broker."""

from typing import Annotated

from pydantic import Field, StringConstraints

from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Settings
from appealbus.core.config.types import Seconds

MAIN = "main"
"""The default broker."""

QueueName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x20\x7f\[\]?]+$")]


class Names:
    """Names of the exchanges and queues of a bus."""

    def __init__(self, prefix: str = "appealbus") -> None:
        self.prefix = prefix
        self.incoming = f"{prefix}.in"
        """The topic exchange for incoming appeals."""
        self.intake = f"{prefix}.intake"
        """The queue of incoming appeals."""
        self.work = f"{prefix}.work"
        """The queue of hints for workers."""
        self.out = f"{prefix}.out"
        """The topic exchange of dossiers; receivers bind their queues to it."""
        self.dead = f"{prefix}.dead"
        """The dead-letter exchange."""
        self.quarantine = f"{prefix}.quarantine"
        """The dead-letter queue; the bus quarantines its messages."""
        self.unrouted = f"{prefix}.unrouted"
        """The alternate exchange for unroutable messages, and its queue."""
        self.alarms = f"{prefix}.alarms"
        """The topic exchange of alarms; receivers bind their queues to it."""

    def answers(self, source: str) -> str:
        """The queue of an agency's asynchronous answers."""
        return f"{self.prefix}.answers.{source}"

    def dead_answers(self, source: str) -> str:
        """The dead-letter queue of asynchronous answers; the bus consumes it like the first."""
        return f"{self.answers(source)}.dead"


class AmqpSettings(Settings):
    """The table `[plugins.amqp]`."""

    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] = "appealbus"
    """What the names of all exchanges and queues of this bus begin with."""
    source: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:/._~-]{1,200}$")] | None = None
    """What the CloudEvents attribute `source` begins with, a URI or a path: two buses that one receiver hears have two;
    none: `/PREFIX`."""
    brokers: dict[str, BrokerSettings] = {}
    """Brokers by name. `main` is the one that is meant where none is named; left out, it lives in memory."""


class IntakeSettings(Settings):
    """A table `[intakes.NAME]` with `kind = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    queue: str | None = None
    """The queue of appeals; none: `PREFIX.intake`."""
    dead_letters: str | None = None
    """The queue of what the broker gave up on, which goes into the bus's quarantine; none: `PREFIX.quarantine`."""
    prefetch: int = Field(default=20, ge=1, le=1000)
    """Messages that this worker holds at once; what a crash gives back to the broker."""
    reply_to: list[QueueName] = ["*"]
    """The queues that receipts may go to, by name or with `*` in it, where a sender's `reply_to` names them. Never
    those of the bus, nor others that this configuration names. `[]`: none."""
    direct_reply_to: bool = True
    """Whether receipts may go to a sender's direct reply-to."""


class PublishSettings(Settings):
    """A table `[deliveries.NAME]` with `kind = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    exchange: str | None = None
    """The topic exchange; none: `PREFIX.out`."""
    confirm_within: Seconds = Field(default=20.0, gt=0, le=50)
    """How long the broker may take to confirm a dossier; after that it is sent again, under the same message id."""


class WorkSettings(Settings):
    """The table `[work]` with `kind = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    queue: str | None = None
    """The queue that all workers of one journal share; none: `PREFIX.work`."""
    prefetch: int = Field(default=4, ge=1, le=100)
    """Hints that one worker holds at once."""
