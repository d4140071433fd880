"""What the three agencies behind the gateway have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from appealbus.core import AppealBusError
from appealbus.plugins.simulator.population import Population

_PLUGINS = Path(__file__).parent.parent


class QuestionRefused(AppealBusError):
    """The question is not valid against the agency's contract. Quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class AgencyQuestion:
    """A question that an agency understood.

    Attributes:
        key: what is asked, the same whenever the same is asked: chance hangs on it.
        answer: writes the answer; with `shift` the one about somebody else, as a mixed-up agency would.

    """

    key: str
    answer: Callable[[int], etree._Element]


@dataclass(frozen=True, slots=True)
class Agency:
    """One service behind the gateway.

    Attributes:
        name: of the source, as its lookups call it.
        service_id: its id in the gateway's register.
        root: the request's root, `{namespace}name`.
        answer_type: the answer's type, for answers that stand directly in `data`.
        schema: its contract.
        typed: elements of its answers that are dates, numbers or booleans.
        read: takes the valid request and the population, and gives the question.

    """

    name: str
    service_id: str
    root: str
    answer_type: str
    schema: etree.XMLSchema
    typed: frozenset[str]
    read: Callable[[etree._Element, Population], AgencyQuestion]

    def question(self, payload: etree._Element, population: Population) -> AgencyQuestion:
        """Return what is asked.

        Raises:
            QuestionRefused: the request is not what the contract says.

        """
        if payload.tag == "data":
            # A typed request: its children stand directly in `data`, the name is the type's.
            root = etree.Element(self.root)
            root.extend(list(payload))
            payload = root
        if payload.tag != self.root or not self.schema.validate(payload):
            raise QuestionRefused(f"the request is not valid against the contract of {self.service_id}")
        return self.read(payload, population)


def contract(folder: str, file: str) -> etree.XMLSchema:
    """Return the schema that ships with a lookup's plugin."""
    return etree.XMLSchema(etree.parse(_PLUGINS / folder / "contract" / file))


def value(request: etree._Element, tag: str) -> str | None:
    """Return the text of a child of the request; None if it is absent or blank."""
    return (request.findtext(tag) or "").strip() or None
