"""What the simulator was asked and how it answered."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime

from appealbus.core.clocks import wall

_REMEMBERED = 200_000
"""Latest questions: more than a test or the demonstration asks, so that these can count them all."""


@dataclass(slots=True)
class Stats:
    """Counts by service, and the ids of the latest messages: enough to prove that no question went unrecorded.

    Attributes:
        answers: by service and how it was answered: `found`, or a kind of misbehaviour, or `outage`.
        refusals: by reason, requests that never reached a service.
        asked: (service, correlation id, message id, when it came) of the latest 200,000 questions.

    """

    answers: dict[str, Counter[str]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    asked: deque[tuple[str, str, str, datetime]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def question(self, service: str, correlation_id: str | None, message_id: str) -> None:
        """Count a question that reached a service."""
        self.asked.append((service, correlation_id or "", message_id, wall()))

    def answer(self, service: str, how: str) -> None:
        """Count how a service answered."""
        self.answers.setdefault(service, Counter())[how] += 1

    def count(self, service: str) -> int:
        """Return how many questions reached a service."""
        return self.answers.get(service, Counter()).total()

    def as_json(self, *, ids: bool) -> dict[str, object]:
        """Return all of it for the endpoint; the ids only where asked for."""
        told: dict[str, object] = {
            "services": {name: dict(counter) for name, counter in self.answers.items()},
            "refusals": dict(self.refusals),
        }
        if ids:
            keys = ("service", "correlation_id", "message_id", "at")
            told["asked"] = [dict(zip(keys, row, strict=True)) for row in self.asked]
        return told
