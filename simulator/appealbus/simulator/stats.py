"""Counts of queries and answers."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime

from appealbus.core.clocks import wall

_REMEMBERED = 200_000
"""Latest queries: more than a test or the demonstration sends, so that they can count all."""


@dataclass(slots=True)
class Stats:
    """Counts by service, and ids of the latest messages, to prove that no query went unrecorded.

    Attributes:
        answers: by service and result: `found`, a kind of misbehaviour, or `outage`.
        refusals: by reason, requests that never reached a service.
        asked: service, correlation id, message id and time of the latest 200,000 queries.
    """

    answers: dict[str, Counter[str]] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    asked: deque[tuple[str, str, str, datetime]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def question(self, service: str, correlation_id: str | None, message_id: str) -> None:
        self.asked.append((service, correlation_id or "", message_id, wall()))

    def answer(self, service: str, how: str) -> None:
        self.answers.setdefault(service, Counter())[how] += 1

    def count(self, service: str) -> int:
        return self.answers.get(service, Counter()).total()

    def as_json(self, *, ids: bool) -> dict[str, object]:
        document: dict[str, object] = {
            "services": {name: dict(counter) for name, counter in self.answers.items()},
            "refusals": dict(self.refusals),
        }
        if ids:
            keys = ("service", "correlation_id", "message_id", "at")
            document["asked"] = [dict(zip(keys, row, strict=True)) for row in self.asked]
        return document
