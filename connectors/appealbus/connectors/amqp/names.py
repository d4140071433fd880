"""What the exchanges and queues of a bus are called."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """The names with one prefix."""

    prefix: str = "appealbus"

    @property
    def incoming(self) -> str:
        """The topic exchange that channels publish appeals to."""
        return f"{self.prefix}.in"

    @property
    def intake(self) -> str:
        """The queue of appeals to take."""
        return f"{self.prefix}.intake"

    @property
    def work(self) -> str:
        """The queue of appeals that wait for a worker."""
        return f"{self.prefix}.work"

    @property
    def out(self) -> str:
        """The topic exchange of dossiers: receivers bind their queues to it."""
        return f"{self.prefix}.out"

    @property
    def dead(self) -> str:
        """The exchange of messages that the broker gave up on."""
        return f"{self.prefix}.dead"

    @property
    def quarantine(self) -> str:
        """The queue of messages that the broker gave up on; the bus takes them into its quarantine."""
        return f"{self.prefix}.quarantine"

    @property
    def unrouted(self) -> str:
        """The alternate exchange, and the queue behind it, of messages that no queue wants."""
        return f"{self.prefix}.unrouted"

    @property
    def alarms(self) -> str:
        """The topic exchange of alarms: whoever has to know binds a queue to it."""
        return f"{self.prefix}.alarms"

    def answers(self, source: str) -> str:
        """Return the queue to which an agency sends answers that take hours."""
        return f"{self.prefix}.answers.{source}"

    def dead_answers(self, source: str) -> str:
        """Return the queue of answers that the broker gave up on; they are taken from it as from the first."""
        return f"{self.answers(source)}.dead"
