"""An agency with configurable failures, independent of the transport: its chance, its outages and its counts."""

import math
import uuid
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from appealbus.core.clocks import monotonic, wall
from appealbus.simulator import spoil
from appealbus.simulator.agency import Agency, AgencyQuestion
from appealbus.simulator.content import Shape
from appealbus.simulator.draw import Draw
from appealbus.simulator.population import Population
from appealbus.simulator.settings import Kind, Misbehaviour

_SHOWN = 200_000
"""Latest queries: more than a test or the demonstration sends, so that they can count all."""

_REMEMBERED = 100_000
"""Queries whose count is kept: a source repeats a query within seconds, long before so many others."""

_ABOUT_OTHERS = frozenset({Kind.REPEATED, Kind.OTHER_PERSON})


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
    asked: deque[tuple[str, str, str, datetime]] = field(default_factory=lambda: deque(maxlen=_SHOWN))

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


@dataclass(frozen=True, slots=True)
class Fate:
    kind: Kind | None
    delay: float
    token: str
    """Derived from the same inputs: the source of ids in answers."""


class Chance:
    """Decides fates. Counts repetitions of the latest 100,000 queries; older ones start from 0 again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._times: OrderedDict[tuple[str, str], int] = OrderedDict()

    def fate(self, service: str, question: str, rules: Misbehaviour) -> Fate:
        """Decide the fate of the next answer to a query; counts the query."""
        times = self._times.pop((service, question), 0)
        self._times[service, question] = times + 1
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        draw = Draw(self._seed, "fate", service, question, times)
        lot, delay = draw.share(), _delay(draw.share(), rules)
        token = draw.digits(12)
        for kind in Kind:
            lot -= rules.probability(kind)
            if lot < 0:
                return Fate(kind, delay, token)
        return Fate(None, delay, token)


def _delay(share: float, rules: Misbehaviour) -> float:
    # Pareto's law with exponent 1.5: most answers are quick, a few take very long.
    tail = rules.latency_tail * (math.pow(1 - share, -1 / 1.5) - 1)
    return min(rules.latency + tail, max(rules.latency_max, rules.latency))


class SimulatedService:
    """One agency with its misbehaviour: parses queries, decides fates and writes answers."""

    def __init__(
        self, agency: Agency, rules: Misbehaviour, chance: Chance, population: Population, stats: Stats
    ) -> None:
        self.agency = agency
        self._chance = chance
        self._population = population
        self._stats = stats
        self.misbehave(rules)

    @property
    def name(self) -> str:
        return self.agency.name

    def misbehave(self, rules: Misbehaviour) -> None:
        """Set the misbehaviour; outages are timed from now."""
        self.rules, self._since = rules, monotonic()

    def outage_left(self) -> float:
        """Return the remaining seconds of an outage; 0 if it is up."""
        elapsed = monotonic() - self._since
        ends = (outage.after + outage.lasts for outage in self.rules.outages if elapsed >= outage.after)
        return max(0.0, max(ends, default=elapsed) - elapsed)

    def question(self, payload: etree._Element, shape: Shape = Shape.CHILD) -> AgencyQuestion:
        """Parse a query; raise RequestRefused if it violates the contract."""
        return self.agency.question(payload, self._population, shape)

    def fate(self, question: AgencyQuestion) -> Fate:
        fate = self._chance.fate(self.name, question.key, self.rules)
        self._stats.answer(self.name, fate.kind.value if fate.kind else "answered")
        return fate

    def answer(self, question: AgencyQuestion, fate: Fate) -> etree._Element:
        """Write the answer; its fate may be another subject, an error, or wrong types or names."""
        if fate.kind is Kind.BUSINESS_ERROR:
            return question.error()
        answer = question.answer(1 if fate.kind in _ABOUT_OTHERS else 0)
        if fate.kind is Kind.REPEATED and self.agency.echo:
            for repeated in answer.iterfind(self.agency.echo):
                repeated.text = str(uuid.UUID(int=int(fate.token)))
        if fate.kind is Kind.WRONG_TYPES:
            return spoil.wrong_types(answer, self.agency.typed)
        return spoil.wrong_namespace(answer) if fate.kind is Kind.WRONG_NAMESPACE else answer
