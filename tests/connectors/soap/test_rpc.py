"""Operations of the style rpc: what stands around their parts, and what is refused."""

from pathlib import Path
from typing import Annotated, Literal
from xml.etree.ElementTree import canonicalize

import pytest
import zeep
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.connectors.soap.contract import WsdlContract, load_contract
from appealbus.core import CallFailed, From, Query
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.readings.proof import prove
from appealbus.core.replies.xsd import SchemaModel
from appealbus.schemas.base import Day
from appealbus.schemas.record import Record

RPC = Path(__file__).with_name("rpc.wsdl")
NS = "{urn:example:rpc}"
ASKED = {"iin": "850312180019", "options": {"withAddresses": True, "year": 2026}}
ANSWER = (
    '<r:FindResponse xmlns:r="urn:example:rpc" xmlns:t="urn:example:rpc:types"><person><t:name>Қуаныш</t:name>'
    "<t:birthDate>1985-03-12</t:birthDate></person><count>1</count></r:FindResponse>"
)


@pytest.fixture(scope="module")
def contract() -> WsdlContract:
    """The contract of the tests."""
    return load_contract(RPC)


def canonical(element: etree._Element) -> str:
    """Return what does not depend on prefixes."""
    return canonicalize(etree.tostring(element), rewrite_prefixes=True)


def test_operations(contract: WsdlContract) -> None:
    """Each message of an rpc operation is an element; an encoded one is refused in words, once."""
    assert {name: (each.input, each.output) for name, each in contract.port.operations.items()} == {
        "Find": (f"{NS}Find", f"{NS}FindResponse"),
        "Explain": (f"{NS}Explain", f"{NS}ExplainResponse"),
    }
    assert contract.port.operations["Find"].action == "urn:example:rpc#Find"
    (note,) = contract.notes
    assert note.startswith("operation Old: it is rpc/encoded: ")


@pytest.mark.parametrize(
    ("operation", "content", "given"),
    [
        ("Find", ASKED, {**ASKED, "options": {"withAddresses": True, "year": (2026, None)}}),
        ("Explain", {"Reason": {"law": "94-V"}, "number": 3}, {"Reason": {"law": "94-V"}, "number": 3}),
    ],
)
def test_the_request_is_zeeps(
    contract: WsdlContract, operation: str, content: dict[str, object], given: dict[str, object]
) -> None:
    """zeep's own client makes the same element of the same WSDL, for parts of a type and of an element."""
    client = zeep.Client(str(RPC))
    theirs = client.create_message(client.service, operation, **given)[0][0]
    assert contract.builder is not None
    ours = contract.builder.build(f"{NS}{operation}", content)
    assert canonical(ours) == canonical(theirs)
    assert contract.checker is not None
    contract.checker.check(ours, "soap.request", "the request")


def test_requests_are_checked(contract: WsdlContract) -> None:
    """A part that is not there, and one whose value is none, are told."""
    assert contract.builder is not None
    with pytest.raises(CallFailed, match="inn is not in the contract, which has iin, options there"):
        contract.builder.build(f"{NS}Find", {**ASKED, "inn": "1"})
    assert contract.checker is not None
    broken = contract.builder.build(f"{NS}Find", {"iin": "1", "options": {"withAddresses": True, "year": "20x6"}})
    with pytest.raises(CallFailed, match="at Find/options/year: its text is no xs:gYear"):
        contract.checker.check(broken, "soap.request", "the request")


def test_replies_are_checked(contract: WsdlContract) -> None:
    """Parts of replies are in no namespace, and have the types that the message says."""
    assert contract.checker is not None
    contract.checker.check(etree.fromstring(ANSWER), "soap.schema", "the reply")
    for old, new in (("<count>1<", "<count>x<"), ("<count>1</count>", ""), ("<person>", "<person><t:x/>")):
        with pytest.raises(CallFailed, match="the reply breaks its schema at FindResponse"):
            contract.checker.check(etree.fromstring(ANSWER.replace(old, new)), "soap.schema", "the reply")


def test_the_model_knows_the_parts(contract: WsdlContract) -> None:
    """What is declared over such a contract can be proved like any other."""
    place = SchemaModel(contract.schemas.roots()).element(f"{NS}FindResponse")
    assert place is not None
    model = SchemaModel(contract.schemas.roots())
    assert set(model.shape(place).children) == {"person", "count"}


def test_a_message_with_the_name_of_an_element(tmp_path: Path) -> None:
    """An operation is left out where its message has the name of an element that the contract declares otherwise."""
    wsdl = tmp_path / "r.wsdl"
    text = RPC.read_text(encoding="utf-8").replace('namespace="urn:example:rpc"', 'namespace="urn:example:rpc:types"')
    wsdl.write_text(
        text.replace('<xs:element name="Reason">', '<xs:element name="Explain"/><xs:element name="Reason">')
    )
    contract = load_contract(wsdl)
    assert list(contract.port.operations) == ["Find"]
    assert "operation Explain: a schema of the contract declares an element Explain as the name of its message" in (
        contract.notes
    )


def test_a_part_whose_type_is_nowhere(tmp_path: Path) -> None:
    """It takes its own operation away, and no other."""
    wsdl = tmp_path / "r.wsdl"
    wsdl.write_text(
        RPC.read_text(encoding="utf-8").replace('name="options" type="r:Options"', 'name="o" type="r:Gone"')
    )
    contract = load_contract(wsdl)
    assert list(contract.port.operations) == ["Explain"]
    assert f"operation Find: the request {NS}Find is built on a broken part of the schema" in contract.notes


class Person(Record):
    type: Literal["rpc.Person"] = "rpc.Person"
    name: Annotated[str, At("name")]
    born: Annotated[Day | None, At("birthDate")] = None


class PersonQuery(Query):
    iin: Annotated[str, From("applicant.iin")]
    name: Annotated[str, From("applicant.surname")] = ""


class PersonByIin(Declared[PersonQuery, Person]):
    name = "rpc.person"
    purpose = "a test"
    send = Send("", {"iin": "iin", "options/withAddresses": lambda _: True}, operation="Find")
    take = Take(Reading(Person), "person", same=("name",))


async def test_a_declared_lookup_is_proved() -> None:
    """Paths through rpc messages are proved like any other: right ones pass, wrong ones are told."""
    wire = SoapWire("register", SoapSettings(wsdl=RPC), HttpClient())
    await wire.start()
    try:
        assert prove([PersonByIin()], wire) == []
        wrong = Send("", {"inn": "iin", "options/withAddresses": lambda _: True}, operation="Find")
        told = [one.text for one in prove([type("Wrong", (PersonByIin,), {"send": wrong})()], wire)]
        assert told[0].startswith("inn cannot occur in the request by the contract")
        lost = Take(Reading(Person), "persons", same=("name",))
        told = [one.text for one in prove([type("Lost", (PersonByIin,), {"take": lost})()], wire)]
        assert told == ["records: persons cannot occur in the contract; did you mean person?"]
    finally:
        await wire.close()
