"""Common parts of the agencies: what they are asked, and how they write XML."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from importlib.resources import files
from typing import Final

from lxml import etree

from appealbus.schemas.record import Coded
from appealbus.simulator.content import BAD_FORMAT, RequestRefused, Shape
from appealbus.simulator.messages import CONTRACT, complaint
from appealbus.simulator.population import Population

ZONE = timezone(timedelta(hours=5))
"""The country's only time zone."""

_LONGEST_KEPT = 200
"""Characters; an id has 36, and a query's key some hundred."""


def node(tag: str, *content: etree._Element | str | None) -> etree._Element:
    """Return an element with text and children; None is left out."""
    made = etree.Element(tag)
    for item in content:
        if isinstance(item, str):
            made.text = item
        elif item is not None:
            made.append(item)
    return made


def leaf(tag: str, value: object | None) -> etree._Element | None:
    if value is None:
        return None
    made = etree.Element(tag)
    made.text = str(value).lower() if isinstance(value, bool) else str(value)
    return made


def coded(tag: str, value: Coded | None, *, names: tuple[str, str, str]) -> etree._Element | None:
    """Return a code with its Russian and Kazakh texts, under the register's three element names."""
    if value is None:
        return None
    code, ru, kk = names
    return node(tag, leaf(code, value.code), leaf(ru, value.name_ru or ""), leaf(kk, value.name_kk or ""))


def only(made: etree._Element) -> etree._Element | None:
    return made if len(made) else None


def day(tag: str, value: date | None) -> etree._Element | None:
    """Return a date with a zone, as two of the three registers have it."""
    return None if value is None else leaf(tag, f"{value.isoformat()}+05:00")


def moment(tag: str, value: datetime | None) -> etree._Element | None:
    return None if value is None else leaf(tag, value.astimezone(ZONE).isoformat(timespec="milliseconds"))


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
