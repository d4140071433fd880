"""An agency that is as unreliable as it is told to be, whatever wire its questions come by."""

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
    """One agency with its rules of misbehaviour: understands questions, decides fates and writes answers."""

    def __init__(
        self, agency: Agency, rules: Misbehaviour, chance: Chance, population: Population, stats: Stats
    ) -> None:
        """Put an agency up.

        Args:
            agency: what it is asked, and what it answers.
            rules: how it misbehaves until told otherwise.
            chance: decides the fate of each answer.
            population: whom it knows.
            stats: where its answers are counted.

        """
        self.agency = agency
        self._chance = chance
        self._population = population
        self._stats = stats
        self.misbehave(rules)

    @property
    def name(self) -> str:
        """The agency's name."""
        return self.agency.name

    def misbehave(self, rules: Misbehaviour) -> None:
        """Behave so from now on; times of outages count from now."""
        self.rules, self._since = rules, monotonic()

    def outage_left(self) -> float:
        """Return how many seconds the agency is still down; 0 where it is up."""
        return outage_left(self.rules, monotonic() - self._since)

    def question(self, payload: etree._Element, shape: Shape = Shape.CHILD) -> AgencyQuestion:
        """Return what is asked.

        Raises:
            RequestRefused: the request is not what the contract says.

        """
        return self.agency.question(payload, self._population, shape)

    def fate(self, question: AgencyQuestion) -> Fate:
        """Decide what befalls the answer to a question that has just come, and count it."""
        fate = self._chance.fate(self.name, question.key, self.rules)
        self._stats.answer(self.name, fate.kind.value if fate.kind else "answered")
        return fate

    def answer(self, question: AgencyQuestion, fate: Fate) -> etree._Element:
        """Write the answer; where that is its fate, about somebody else, an error, or with wrong types or names."""
        if fate.kind is Kind.BUSINESS_ERROR:
            return question.error()
        answer = question.answer(1 if fate.kind in _ABOUT_OTHERS else 0)
        if fate.kind is Kind.REPEATED and self.agency.echo:
            for repeated in answer.iterfind(self.agency.echo):
                repeated.text = str(uuid.UUID(int=int(fate.token)))
        if fate.kind is Kind.WRONG_TYPES:
            return spoil.wrong_types(answer, self.agency.typed)
        return spoil.wrong_namespace(answer) if fate.kind is Kind.WRONG_NAMESPACE else answer
