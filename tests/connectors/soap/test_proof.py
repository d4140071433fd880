"""What the SOAP wire knows of its contract, and what is proved with it.

APPEALBUS_CONTRACTS names a folder of more contracts: in it a folder for each, with `contract/` and, where it imports
by URL, `catalog.tsv`; with `replies/*.xml` or `*.http` too, where there are real answers.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from lxml import etree
from pydantic import JsonValue, create_model

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap.contract import WsdlContract, load_contract
from appealbus.connectors.soap.settings import SoapSettings
from appealbus.connectors.soap.wire import SoapWire
from appealbus.core import CallFailed, ConfigError, From, Query
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.readings.proof import prove
from appealbus.core.replies.xsd import Place, SchemaModel
from appealbus.schemas.base import Day, Moment
from appealbus.schemas.record import Record

REGISTER = Path(__file__).with_name("register.wsdl")
_MORE = Path(os.environ.get("APPEALBUS_CONTRACTS", "/nowhere"))
CASES = [None, *sorted(case for case in _MORE.glob("*") if (case / "contract").is_dir())]
NS = "{urn:example:register}"


class Person(Record):
    type: Literal["register.Person"] = "register.Person"
    iin: Annotated[str, At("iin")]
    born: Annotated[Day | None, At("birthDate")] = None
    addresses: Annotated[list[str], At("address")] = []


class PersonQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class PersonByIin(Declared[PersonQuery, Person]):
    name = "register.person"
    purpose = "a test"
    send = Send(f"{NS}FindPerson", {"criteria/iin": "iin"}, qualified=True)
    take = Take(Reading(Person), "person", same=("iin",))


@pytest.fixture
async def wire() -> Any:
    """A wire that has started."""
    made = SoapWire("register", SoapSettings(wsdl=REGISTER), HttpClient())
    await made.start()
    yield made
    await made.close()


async def test_what_is_right_is_not_told(wire: SoapWire) -> None:
    """With an element, and with a table that the wire builds it of."""
    assert prove([PersonByIin()], wire) == []
    table = type("Table", (PersonByIin,), {"send": Send("", {"criteria/iin": "iin"}, operation="FindPerson")})
    assert prove([table()], wire) == []


async def test_what_is_wrong_is_told(wire: SoapWire) -> None:
    """An element in no namespace, a wrong place, an operation that is not there, a path that leads nowhere."""
    send = {
        "plain": Send(f"{NS}FindPerson", {"criteria/iin": "iin"}),
        "table": Send("", {"criteria/inn": "iin"}, operation="FindPerson"),
        "operation": Send("", {"criteria/iin": "iin"}, operation="FindPersons"),
        "several": Send("", {"criteria/iin": "iin"}),
        "other": Send(f"{NS}FindPerson", {"criteria/iin": "iin"}, operation="Count"),
    }
    told = {
        name: [one.text for one in prove([type(name, (PersonByIin,), {"send": each})()], wire)]
        for name, each in send.items()
    }
    assert told == {
        "plain": [
            "criteria stands in the namespace urn:example:register in the contract, and is sent in none; "
            "see `qualified` of Send"
        ],
        "table": [
            "criteria/inn cannot occur in the request by the contract; did you mean iin?",
            "the contract wants criteria/iin in the request, and nothing fills it",
        ],
        "operation": ["the request a table cannot leave: the contract has no such operation"],
        "several": ["the request a table cannot leave: the contract has no such operation"],
        "other": [f"the request {NS}FindPerson cannot leave: the operation takes another element"],
    }
    lost = type("Lost", (PersonByIin,), {"take": Take(Reading(Person), "persons", same=("iin",))})
    assert [one.text for one in prove([lost()], wire)] == [
        "records: persons cannot occur in the contract; did you mean person?"
    ]


def contract(case: Path | None) -> WsdlContract:
    if case is None:
        return load_contract(REGISTER)
    catalog = case / "catalog.tsv"
    entries = sorted((case / "contract").glob("*.wsdl")) or sorted((case / "contract").iterdir())
    try:
        return load_contract(entries[0], catalog if catalog.exists() else None)
    except ConfigError as error:
        pytest.skip(f"no contract for this wire: {type(error).__name__}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name if case else "register")
def test_the_model_agrees_with_zeep(case: Path | None) -> None:
    """In all messages of the contract: which elements there are, which repeat and which must be there."""
    loaded = contract(case)
    if loaded.builder is None:
        pytest.skip("zeep takes this contract not")
    model = SchemaModel(loaded.schemas.roots())
    for name in messages(loaded):
        place = model.element(name)
        assert place is not None, name
        assert [*disagreements(model, place, loaded.builder.schema_for(name).get_element(name), (name,), set())] == []


def messages(loaded: WsdlContract) -> list[str]:
    operations = loaded.port.operations.values()
    return [name for each in operations for name in (each.input, each.output) if name is not None]


def disagreements(
    model: SchemaModel, place: Place, theirs: Any, path: tuple[str, ...], seen: set[Any]
) -> Iterator[tuple[str, ...]]:
    """Yield where zeep knows an element that the model rules out, or has it repeat or absent and the model not."""
    kind = theirs.type
    if len(path) > 9 or (id(kind), place) in seen:
        return
    seen.add((id(kind), place))
    shape = model.shape(place)
    for each in _named(kind):
        name = each.qname.localname
        if shape.open and name not in shape.children:
            continue
        child = shape.children.get(name)
        if child is None:
            yield *path, name, "is ruled out"
            continue
        if each.accepts_multiple and child.most == 1:
            yield *path, name, "may repeat"
        if child.least and each.is_optional and not _only_choice(child.place):
            yield *path, name, "may be absent"
        yield from disagreements(model, child.place, each, (*path, name), seen)


def _only_choice(place: Place) -> bool:
    """Say whether an element is the one member of a choice somewhere, which zeep takes to be optional."""
    (root, name) = (place[0].getroottree().getroot(), place[0].get("name"))
    choices = root.iter("{http://www.w3.org/2001/XMLSchema}choice")
    return any(len(choice) == 1 and str(choice[0].get("ref", "")).endswith(f":{name}") for choice in choices)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name if case else "register")
def test_nothing_in_a_real_answer_is_ruled_out(case: Path | None) -> None:
    """Each element of it is declared as a path, and the proof has nothing against it."""
    answers = [] if case is None else [*(case / "replies").glob("*.xml"), *(case / "replies").glob("r??.http")]
    if case is None or not answers:
        pytest.skip("no answers")
    loaded = contract(case)
    assert loaded.checker is not None
    proved = 0
    for answer in answers:
        envelope = re.search(rb"<([\w-]+:)?Envelope.*Envelope\s*>", answer.read_bytes(), re.DOTALL)
        body = etree.fromstring(envelope[0]).find("{*}Body") if envelope is not None else None
        root = body[0] if body is not None and len(body) else None
        if root is None or str(root.tag) not in messages(loaded):
            continue
        try:
            loaded.checker.check(root, "x", "it")
        except CallFailed:
            continue
        model = SchemaModel(loaded.schemas.roots())
        place = model.element(str(root.tag))
        assert place is not None
        assert [*ruled_out(model, place, root)] == []
        proved += 1
    if not proved:
        pytest.skip("its answers are not valid by this contract")


def ruled_out(model: SchemaModel, place: Place, node: etree._Element) -> Iterator[str]:
    """Yield what of an element the model says cannot be."""
    shape = model.shape(place)
    for child in node.iterchildren("{*}*"):
        name = str(etree.QName(child).localname)
        declared = shape.children.get(name)
        if declared is None:
            if not shape.open:
                yield f"{node.tag}/{name}"
            continue
        if len(node.findall(f"{{*}}{name}")) > declared.most:
            yield f"{node.tag}/{name} repeats"
        yield from ruled_out(model, declared.place, child)


class Made(Record):
    type: Literal["all.Made"] = "all.Made"


FIELDS: dict[str, Any] = {"date": Day, "dateTime": Moment, "boolean": bool, "decimal": Decimal, "int": int, "long": int}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name if case else "register")
def test_no_false_alarm(case: Path | None) -> None:
    """Declarations of all that zeep knows of each operation, typed and repeated as zeep says: nothing is told."""
    loaded = contract(case)
    if loaded.builder is None:
        pytest.skip("zeep takes this contract not")
    wire = object.__new__(SoapWire)
    wire._contract = loaded
    for operation in loaded.port.operations.values():
        sent = zeep_leaves(loaded, operation.input)
        taken = zeep_leaves(loaded, operation.output)
        places = {"/".join(path.names): "iin" for path in sent}
        model: Any = create_model("Made", __base__=Made, **{f"f{i}": (path.kind, None) for i, path in enumerate(taken)})
        reading: Reading[Any] = Reading(model, {f"f{i}": path.text for i, path in enumerate(taken)})
        members = {
            "name": f"all.{operation.name}",
            "purpose": "a test",
            "send": Send(operation.input or "", places, operation=operation.name),
            "take": Take(reading, ".", same=lambda query, record: True),
        }
        assert [str(each) for each in prove([type("All", (Declared,), members)()], wire)] == []


@dataclass(frozen=True)
class Leaf:
    """A place of a message: names with namespaces, a path with `[*]`, and the type of a field for it."""

    names: tuple[str, ...]
    text: str
    kind: Any


def zeep_leaves(loaded: WsdlContract, root: str | None) -> list[Leaf]:
    """Return the leaves of a message by zeep, down to what holds itself."""
    found: list[Leaf] = []

    def walk(kind: Any, names: tuple[str, ...], steps: tuple[str, ...], above: tuple[Any, ...]) -> None:
        for name, attribute in getattr(kind, "attributes", ()):
            if names and name and getattr(attribute, "qname", None) is not None:
                step = f"@{attribute.qname.localname}"
                found.append(Leaf((*names, step), "/".join((*steps, step)), _kind(attribute.type, steps)))
        elements = _named(kind)
        known = Counter(each.qname.localname for each in elements)
        for each in elements:
            name = each.qname.localname
            several = each.accepts_multiple or known[name] > 1
            inside = (*names, str(each.qname)), (*steps, f"{name}[*]" if several else name)
            if each.type in above:
                continue
            walk(each.type, *inside, (*above, each.type))
            if not _named(each.type):
                found.append(Leaf(inside[0], "/".join(inside[1]), _kind(each.type, inside[1])))

    if root is not None:
        assert loaded.builder is not None
        walk(loaded.builder.schema_for(root).get_element(root).type, (), (), ())
    return list({leaf.text: leaf for leaf in found}.values())


def _named(kind: Any) -> list[Any]:
    """Return the elements inside by zeep; `_value_1` is its own name for text and for wildcards."""
    found = [each for _, each in getattr(kind, "elements", ()) if getattr(each, "qname", None) is not None]
    return [each for each in found if each.qname.localname != "_value_1"]


def _kind(kind: Any, steps: tuple[str, ...]) -> Any:
    builtin = [getattr(each, "_default_qname", None) for each in type(kind).__mro__ if "builtins" in each.__module__]
    name = next((each.localname for each in builtin if each is not None), "")
    field = FIELDS.get(name, JsonValue if hasattr(kind, "elements") or not name else str)
    return list[field] if any("[*]" in step for step in steps) else field  # type: ignore[valid-type]
