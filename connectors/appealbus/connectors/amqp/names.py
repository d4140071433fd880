"""Names of the exchanges and queues of a bus."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """All names for one prefix."""

    prefix: str = "appealbus"

    @property
    def incoming(self) -> str:
        """The topic exchange for incoming appeals."""
        return f"{self.prefix}.in"

    @property
    def intake(self) -> str:
        """The queue of incoming appeals."""
        return f"{self.prefix}.intake"

    @property
    def work(self) -> str:
        """The queue of hints for workers."""
        return f"{self.prefix}.work"

    @property
    def out(self) -> str:
        """The topic exchange of dossiers; receivers bind their queues to it."""
        return f"{self.prefix}.out"

    @property
    def dead(self) -> str:
        """The dead-letter exchange."""
        return f"{self.prefix}.dead"

    @property
    def quarantine(self) -> str:
        """The dead-letter queue; the bus quarantines its messages."""
        return f"{self.prefix}.quarantine"

    @property
    def unrouted(self) -> str:
        """The alternate exchange for unroutable messages, and its queue."""
        return f"{self.prefix}.unrouted"

    @property
    def alarms(self) -> str:
        """The topic exchange of alarms; receivers bind their queues to it."""
        return f"{self.prefix}.alarms"

    def answers(self, source: str) -> str:
        """The queue of an agency's asynchronous answers."""
        return f"{self.prefix}.answers.{source}"

    def dead_answers(self, source: str) -> str:
        """The dead-letter queue of asynchronous answers; the bus consumes it like the first."""
        return f"{self.answers(source)}.dead"
