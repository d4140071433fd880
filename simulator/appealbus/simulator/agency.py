"""What the agencies behind the gateway have in common."""

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
"""Characters: an id has 36, and what is asked about somebody a hundred."""


@dataclass(frozen=True, slots=True)
class AgencyQuestion:
    """A question that an agency understood.

    Attributes:
        key: what is asked, the same whenever the same is asked: chance hangs on it.
        answer: writes the answer; with `shift` the one about somebody else, as a mixed-up agency would.
        error: writes the answer that tells an error of the service's own, without a record.
        id: the question's own id, which the answer repeats; None: the service has none.
        refused: whether the answer is such an error already.

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
        name: of the source, as its lookups call it.
        service_id: its id in the gateway's register.
        forms: how its questions may lie in `data`.
        roots: what the root of a question may be, `{namespace}name`; `data` where that has the content's type.
        answer_type: the answer's type, for answers that stand directly in `data`.
        schema: the contract of its questions.
        typed: elements of its answers that are dates, numbers or booleans.
        read: takes the valid request and the population, and gives the question.
        asks_signature: whether its questions are signed.
        signs: whether it signs its answers.
        echo: the element of an answer's root that repeats the question's id.

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
        """Return what is asked.

        Raises:
            RequestRefused: the request is not what the contract says.

        """
        if shape not in self.forms:
            raise RequestRefused(BAD_FORMAT, f"{self.service_id} does not take its content as {_FORMS[shape]}")
        if payload.tag not in self.roots:
            raise RequestRefused(BAD_FORMAT, f"{self.service_id} does not know the root of the content")
        told = complaint(self.schema, payload)
        if told:
            raise RequestRefused(
                BAD_FORMAT, f"the content is not valid against the contract of {self.service_id}: {told}"
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
"""Forms of content that has a root of its own."""


def contract(folder: str, file: str) -> etree.XMLSchema:
    """Return the schema that ships with a lookup's plugin: of services that the bus models itself."""
    return etree.XMLSchema(etree.parse(str(files(f"appealbus.plugins.{folder}") / "contract" / file)))


def published(folder: str, file: str) -> etree.XMLSchema:
    """Return the simulator's own schema of a service whose contract is published."""
    return etree.XMLSchema(etree.parse(CONTRACT / folder / file))


def bounded(text: str) -> str:
    """Return the text, or its hash where it is long: of what is remembered by the hundred thousand, each is short."""
    return text if len(text) <= _LONGEST_KEPT else hashlib.sha256(text.encode()).hexdigest()


def value(request: etree._Element, tag: str) -> str | None:
    """Return the text of a child of the request; None if it is absent or blank."""
    return (request.findtext(tag) or "").strip() or None
