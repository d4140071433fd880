"""Contracts with a defect in one part: it takes away what is built on it, and nothing else."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.connectors.soap.contract import load_contract
from appealbus.core import CallFailed, ConfigError, Request
from appealbus.core.interfaces.wire import Call
from tests.services.forms import form

Write = Callable[..., Path]
_WSDL = """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"><w:types>{schema}</w:types>
{messages}
<w:portType name="P">{abstract}</w:portType>
<w:binding name="B" type="t:P"><s:binding style="document"/>{bound}</w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://x.invalid/"/></w:port></w:service>
</w:definitions>"""
_MESSAGE = '<w:message name="{0}"><w:part name="b" element="t:{0}"/></w:message>'
_OPERATION = '<w:operation name="Ask{0}"><w:input message="t:{0}"/><w:output message="t:R"/></w:operation>'
_BODY = '<s:body use="literal"/>'
_BOUND = (
    '<w:operation name="Ask{0}"><s:operation soapAction=""/>'
    f"<w:input>{_BODY}</w:input><w:output>{_BODY}</w:output></w:operation>"
)
# A group that is extended by a group: libxml2 takes it, and zeep does not.
ONLY_XML = (
    '<xs:group name="G"><xs:choice><xs:element name="x"/></xs:choice></xs:group>'
    '<xs:complexType name="Base"><xs:group ref="t:G"/></xs:complexType><xs:element name="A1"><xs:complexType>'
    '<xs:complexContent><xs:extension base="t:Base"><xs:group ref="t:G"/></xs:extension></xs:complexContent>'
    "</xs:complexType></xs:element>"
)


def element(name: str, of: str = "xs:string") -> str:
    """Return an element with one child."""
    child = f'<xs:element name="x" type="{of}" minOccurs="0"/>'
    return f'<xs:element name="{name}"><xs:complexType><xs:sequence>{child}</xs:sequence></xs:complexType></xs:element>'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a contract of operations that ask A1, A2 … and are answered by R."""

    def write(count: int, *declared: str) -> Path:
        schema = f'<xs:schema targetNamespace="urn:t">\n{chr(10).join([element("R"), *declared])}</xs:schema>'
        names = [f"A{number}" for number in range(1, count + 1)]
        file = tmp_path / "c.wsdl"
        file.write_text(
            _WSDL.format(
                schema=schema,
                messages="".join(map(_MESSAGE.format, [*names, "R"])),
                abstract="".join(map(_OPERATION.format, names)),
                bound="".join(map(_BOUND.format, names)),
            )
        )
        return file

    return write


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("<xs:sequence><xs:sequenc/></xs:sequence>", "The content is not valid"),
        ('<xs:complexContent><xs:extension base="t:No"/></xs:complexContent>', "'{urn:t}No' does not resolve"),
        ('<xs:attribute name="a"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="("/>'
         "</xs:restriction></xs:simpleType></xs:attribute>", "not a valid regular expression"),
        ('<xs:sequence><xs:any minOccurs="0"/><xs:element name="y"/></xs:sequence>', "model is not determinist"),
        ('<xs:simpleContent><xs:restriction base="xs:int"/></xs:simpleContent>', "simpleContent"),
    ],
)  # fmt: skip
def test_a_type_takes_its_operations_away(write: Write, broken: str, says: str) -> None:
    """Those that are built on it, directly and through others, are told; ten others work, by mapping and by XML."""
    others = [element(f"A{number}") for number in range(3, 13)]
    broken = f'<xs:complexType name="T">{broken}</xs:complexType>'
    wsdl = write(12, broken, '<xs:complexType name="U"><xs:sequence><xs:element name="x" type="t:T"/></xs:sequence>'
                 "</xs:complexType>", element("A1", "t:T"), element("A2", "t:U"), *others)  # fmt: skip
    contract = load_contract(wsdl)
    assert list(contract.port.operations) == [f"AskA{number}" for number in range(3, 13)]
    first, *rest = contract.notes
    assert first.startswith(f"{wsdl}, line 4, ")
    assert says in first
    assert rest == [
        f"operation AskA{number}: the request {{urn:t}}A{number} is built on a broken part of the schema"
        for number in (1, 2)
    ]
    assert contract.checker is not None
    assert contract.builder is not None
    for number in range(3, 13):
        made = contract.builder.build(f"{{urn:t}}A{number}", {"x": "1"})
        contract.checker.check(made, "c", "it")
    with pytest.raises(CallFailed):
        contract.checker.check(etree.fromstring('<A3 xmlns="urn:t"><y/></A3>'), "c", "it")


def test_everything_is_broken(write: Write) -> None:
    """A contract of which nothing is left is an error that says what broke."""
    says = (
        r"no SOAP operation that can be used\n.*, line \d+, element A1: .*No' does not resolve.*\n.*AskA1: the request"
    )
    with pytest.raises(ConfigError, match=says):
        load_contract(write(1, element("A1", "t:No")))


def test_what_is_no_declaration(write: Write) -> None:
    """A defect that stands in no single declaration is the whole schema's."""
    wsdl = write(1, element("A1"))
    wsdl.write_text(wsdl.read_text().replace("<xs:schema target", '<xs:schema elementFormDefault="no" target'))
    with pytest.raises(ConfigError, match=r"c\.wsdl: the schema is not valid: .*elementFormDefault.*\nrepair it, or"):
        load_contract(wsdl)


def test_twice_in_one_schema(write: Write) -> None:
    """An element that is declared twice means two things, and is not used."""
    contract = load_contract(write(2, element("A1"), element("A1", "xs:int"), element("A2")))
    assert list(contract.port.operations) == ["AskA2"]
    assert "A global element declaration '{urn:t}A1' does already exist." in contract.notes[0]


def test_twice_the_same(write: Write, tmp_path: Path) -> None:
    """What several files of a contract bring along is one thing, and no defect."""
    copy = tmp_path / "copy.xsd"
    xs, more = "http://www.w3.org/2001/XMLSchema", '<xs:element name="More" type="t:T"/>'
    same = element("A1") + '<xs:simpleType name="T"><xs:restriction base="xs:int"/></xs:simpleType>'
    copy.write_text(f'<xs:schema xmlns:xs="{xs}" xmlns:t="urn:t" targetNamespace="urn:t">{same}{more}</xs:schema>')
    contract = load_contract(write(1, same), xsd=[copy])
    assert (list(contract.port.operations), contract.notes) == (["AskA1"], ())
    assert "{urn:t}More" in contract.schemas.elements


def test_types_that_are_built_on_each_other(write: Write) -> None:
    """A long chain on a broken type is taken away in a time that grows with its length."""
    count = form(40, 90)
    chain = [
        f'<xs:complexType name="T{number}"><xs:sequence><xs:element name="x" type="t:T{number + 1}"/></xs:sequence>'
        "</xs:complexType>"
        for number in range(count)
    ]
    began = time.process_time()
    contract = load_contract(write(2, *chain, element("A1", "t:T0"), element("A2")))
    assert time.process_time() - began < form(2, 8)
    assert [note.partition(":")[0] for note in contract.notes][1:] == ["operation AskA1"]


async def test_what_zeep_cannot_build_is_brought_as_an_element(write: Write, peer: Any, call: Call) -> None:
    """It is told, once; the operation works with XML, and the nine others with mappings too."""
    wsdl = write(10, ONLY_XML, *(element(f"A{number}") for number in range(2, 11)))
    contract = load_contract(wsdl)
    assert list(contract.notes) == [
        "operation AskA1: {urn:t}A1 can be brought as an element alone: zeep cannot build it from a mapping "
        "(NotImplementedError)"
    ]
    wire = SoapWire("s", SoapSettings(wsdl=wsdl, url=peer.url), HttpClient())
    await wire.start()
    try:
        for request in (Request({"x": "1"}, "AskA1"), Request(etree.fromstring('<A1 xmlns="urn:t"/>'))):
            with pytest.raises(CallFailed, match=r"^soap\.request: "):
                await wire.call(request, call)
        assert peer.seen == []
        envelope = "http://schemas.xmlsoap.org/soap/envelope/"
        text = f'<s:Envelope xmlns:s="{envelope}"><s:Body><R xmlns="urn:t"/></s:Body></s:Envelope>'
        peer.answer = web.Response(body=text.encode(), content_type="text/xml")
        await wire.call(Request(etree.fromstring('<t:A1 xmlns:t="urn:t"><x>1</x><x>2</x></t:A1>')), call)
        await wire.call(Request({"x": "1"}, "AskA2"), call)
        assert len(peer.seen) == 2
    finally:
        await wire.close()


def test_schemas_of_what_is_left_open(write: Write, tmp_path: Path) -> None:
    """`xsd` says what an xs:any and an xs:anyType hold: it is checked, and its types may be named by xsi:type."""
    holds = (
        '<xs:element name="A1"><xs:complexType><xs:sequence><xs:element name="data"/>'
        '<xs:any namespace="##other" processContents="lax" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
    )
    payload = tmp_path / "payload" / "p.xsd"
    payload.parent.mkdir()
    payload.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:p" xmlns:p="urn:p">'
        '<xs:include schemaLocation="q.xsd"/><xs:element name="N" type="p:N"/></xs:schema>'
    )
    payload.with_name("q.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:p"><xs:complexType name="N">'
        '<xs:sequence><xs:element name="n" type="xs:int"/></xs:sequence></xs:complexType></xs:schema>'
    )
    wsdl = write(1, holds)

    def is_valid(data: str, more: str = "", xsd: tuple[Path, ...] = (payload,)) -> bool:
        checker = load_contract(wsdl, xsd=xsd).checker
        assert checker is not None
        text = f'<t:A1 xmlns:t="urn:t" xmlns:p="urn:p" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">{data}{more}</t:A1>'
        try:
            checker.check(etree.fromstring(text), "c", "it")
        except CallFailed:
            return False
        return True

    typed = '<data i:type="p:N"><n>{}</n></data>'
    assert [is_valid(typed.format(value)) for value in ("1", "x")] == [True, False]
    assert not is_valid(typed.format("1"), xsd=())
    assert [is_valid("<data/>", f"<p:N><n>{value}</n></p:N>") for value in ("1", "x")] == [True, False]
    assert is_valid("<data/>", "<p:N><n>x</n></p:N>", xsd=())
