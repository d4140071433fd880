"""Common parts of the agencies behind the gateway."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final

from lxml import etree

from appealbus.simulator.content import Shape
from appealbus.simulator.messages import CONTRACT, complaint
from appealbus.simulator.population import Population
from appealbus.simulator.refusal import BAD_FORMAT, RequestRefused

_LONGEST_KEPT = 200
"""Characters; an id has 36, and a query's key some hundred."""


@dataclass(frozen=True, slots=True)
class AgencyQuestion:
    """A query that an agency has parsed.

    Attributes:
        key: the same for equal queries: it determines chance.
        answer: writes the answer; with `shift`, one about another subject.
        error: writes the service's own error, without a record.
        id: the query's own id, repeated in the answer; None: the service has none.
        refused: whether the answer is such an error.
    """

    key: str
    answer: Callable[[int], etree._Element]
    error: Callable[[], etree._Element]
    id: str | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Agency:
    """One service behind the gateway.

    Attributes:
        name: of the source, as its lookups have it.
        service_id: its id in the gateway's register.
        forms: accepted forms of queries in `data`.
        roots: accepted root elements, `{namespace}name`; `data` if it has the content's type.
        answer_type: type of the answer, for answers directly in `data`.
        schema: of the queries.
        typed: elements of the answers that are dates, numbers or booleans.
        read: parses a valid request, given the population.
        asks_signature: whether queries must be signed.
        signs: whether answers are signed.
        echo: element of the answer with the query's id.
    """

    name: str
    service_id: str
    forms: frozenset[Shape]
    roots: frozenset[str]
    answer_type: str
    schema: etree.XMLSchema
    typed: frozenset[str]
    read: Callable[[etree._Element, Population], AgencyQuestion]
    asks_signature: bool = False
    signs: bool = False
    echo: str | None = None

    def question(self, payload: etree._Element, population: Population, shape: Shape = Shape.CHILD) -> AgencyQuestion:
        """Parse a query; raise RequestRefused if it violates the contract."""
        if shape not in self.forms:
            raise RequestRefused(BAD_FORMAT, f"{self.service_id} does not take its content as {_FORMS[shape]}")
        if payload.tag not in self.roots:
            raise RequestRefused(BAD_FORMAT, f"{self.service_id} does not know the root of the content")
        problem = complaint(self.schema, payload)
        if problem:
            raise RequestRefused(
                BAD_FORMAT, f"the content is not valid against the contract of {self.service_id}: {problem}"
            )
        question = self.read(payload, population)
        return replace(question, key=bounded(question.key))


_FORMS = {
    Shape.CHILD: "one element inside data",
    Shape.BARE: "elements directly in data",
    Shape.TYPED: "elements directly in data with xsi:type",
    Shape.TEXT: "a document in the text of data",
    Shape.CDATA: "a document in the text of data",
}
DOCUMENTS: Final = frozenset({Shape.CHILD, Shape.TEXT, Shape.CDATA})
"""Forms of content with its own root."""


def contract(folder: str, file: str) -> etree.XMLSchema:
    """Return the schema in a lookup's plugin, for services modelled by the bus."""
    return etree.XMLSchema(etree.parse(str(files(f"appealbus.plugins.{folder}") / "contract" / file)))


def published(folder: str, file: str) -> etree.XMLSchema:
    """Return the simulator's own copy of a published schema."""
    return etree.XMLSchema(etree.parse(CONTRACT / folder / file))


def bounded(text: str) -> str:
    """Replace a long text by its hash, to bound the memory of remembered texts."""
    return text if len(text) <= _LONGEST_KEPT else hashlib.sha256(text.encode()).hexdigest()


def value(request: etree._Element, tag: str) -> str | None:
    return (request.findtext(tag) or "").strip() or None
