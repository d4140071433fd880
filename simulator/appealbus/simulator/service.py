"""An agency with configurable failures, independent of the transport."""

import uuid

from lxml import etree

from appealbus.core.clocks import monotonic
from appealbus.simulator import spoil
from appealbus.simulator.agency import Agency, AgencyQuestion
from appealbus.simulator.chance import Chance, Fate
from appealbus.simulator.content import Shape
from appealbus.simulator.outages import outage_left
from appealbus.simulator.population import Population
from appealbus.simulator.settings import Kind, Misbehaviour
from appealbus.simulator.stats import Stats

_ABOUT_OTHERS = frozenset({Kind.REPEATED, Kind.OTHER_PERSON})


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
        return outage_left(self.rules, monotonic() - self._since)

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
