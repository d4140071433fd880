"""Checking against a schema costs what the message is large, however broken it is."""

import time
from functools import partial
from pathlib import Path

import pytest
from lxml import etree

from appealbus.connectors.amqp.agency.body import load_schema
from appealbus.connectors.soap.contract import load_contract
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.schemas import Vocabulary
from appealbus.core.replies.xmlread import is_refused
from appealbus.core.replies.xmlschema import Checker, MessageSchema
from appealbus.schemas.outcome import OutcomeKind

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:l" elementFormDefault="qualified">
<xs:element name="Rows"><xs:complexType><xs:sequence>
<xs:element name="row" type="xs:int" minOccurs="0" maxOccurs="unbounded"/>
<xs:element name="file" type="xs:base64Binary" minOccurs="0"/>
<xs:element name="any" minOccurs="0"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""
WSDL = f"""<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
xmlns:t="urn:w" xmlns:l="urn:l" targetNamespace="urn:w"><w:types>{XSD}</w:types>
<w:message name="M"><w:part name="p" element="l:Rows"/></w:message>
<w:portType name="P"><w:operation name="Get"><w:input message="t:M"/><w:output message="t:M"/></w:operation>
</w:portType>
<w:binding name="B" type="t:P"><s:binding style="document"/><w:operation name="Get"><s:operation soapAction=""/>
<w:input><s:body use="literal"/></w:input><w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://x.invalid/"/></w:port></w:service>
</w:definitions>"""


def rows(inner: str, attributes: str = "") -> etree._Element:
    """Return a message."""
    parser = etree.XMLParser(huge_tree=True)
    return etree.fromstring(f'<Rows xmlns="urn:l" {attributes}>{inner}</Rows>', parser)


@pytest.fixture(scope="module")
def checker() -> Checker:
    """Return a checker."""
    return Checker(etree.XMLSchema(etree.fromstring(XSD)), Vocabulary(frozenset({"Rows", "row", "file", "any"})))


@pytest.mark.parametrize("place", ["plugin", "soap", "amqp"])
def test_many_errors(tmp_path: Path, place: str) -> None:
    """Two hundred thousand broken siblings are refused at once, in all three places that check."""
    (tmp_path / "s.xsd").write_text(XSD)
    (tmp_path / "s.wsdl").write_text(WSDL)
    message, notes = rows("<row>x</row>" * 200_000), Notes()
    if place == "soap":
        checker = load_contract(tmp_path / "s.wsdl").checker
        assert checker is not None
        check = partial(checker.take, message, notes)
    elif place == "amqp":
        check = partial(load_schema(tmp_path / "s.xsd", "k").take, message, notes)
    else:
        check = partial(MessageSchema(tmp_path / "s.xsd", "{urn:l}Rows").check, message, notes)
    began = time.process_time()
    with pytest.raises(CallFailed, match=r"in a large message$") as caught:
        check()
    assert time.process_time() - began < 1.0
    assert (caught.value.kind, caught.value.at_scale) == (OutcomeKind.INVALID, True)
    assert caught.value.code == "reply.schema"
    notes.check = ReplyCheck.LENIENT
    began = time.process_time()
    with pytest.raises(CallFailed, match=r"in a large message$"):
        check()
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("count", [1_500, 5_000])
def test_size_changes_nothing_else(checker: Checker, count: int) -> None:
    """What is valid in a small message is so in a large one, and what is not is not."""
    many = "<row>1</row>" * count
    inner = "&#13;&lt;\u049b" + "x" * 11_000_000
    typed = 'xmlns:q="http://www.w3.org/2001/XMLSchema" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    checker.check(rows(many, typed), "c", "it")
    checker.check(rows(f'{many}<any i:type="q:string">{inner}</any>', typed), "c", "it")
    holder = etree.fromstring(f"<h {typed}/>")
    holder.append(rows(f'{many}<any i:type="q:int">7</any>', typed))
    checker.check(holder[0], "c", "it")
    for broken in ("<row/>", "<row>1x</row>", '<any i:type="q:int">x</any>', "<row>1</row><other/>"):
        with pytest.raises(CallFailed):
            checker.check(rows(many + broken, typed), "c", "it")


OPEN = XSD.replace('<xs:element name="any" minOccurs="0"/>', '<xs:any minOccurs="0" namespace="##other"/>')


@pytest.mark.parametrize("count", [1, 113, 5_000])
@pytest.mark.parametrize("name", ["person", "file"])
def test_open_content_that_no_schema_declares(tmp_path: Path, count: int, name: str) -> None:
    """A strict wildcard wants a schema of what is there: without one it is read, however large, and told."""
    (tmp_path / "s.xsd").write_text(OPEN)
    schema = MessageSchema(tmp_path / "s.xsd", "{urn:l}Rows")
    held = f'<o:persons xmlns:o="urn:o">{f"<o:{name}>x</o:{name}>" * count}</o:persons>'
    reply, notes = rows(f"<row>1</row>{held}"), Notes(ReplyCheck.LENIENT)
    schema.check(reply, notes)
    assert etree.tostring(reply) == etree.tostring(rows(f"<row>1</row>{held}"))
    assert notes.differences == {"more" if count == 5_000 else "*": 1}
    with pytest.raises(CallFailed, match=r"^reply\.schema"):
        schema.check(rows(f"<row>1</row>{held}"), Notes(ReplyCheck.STRICT))


@pytest.mark.parametrize("count", [1, 5_000])
def test_what_is_wrong_beside_open_content_is_found(tmp_path: Path, count: int) -> None:
    """What a schema knows is held to it, there too."""
    (tmp_path / "s.xsd").write_text(OPEN)
    schema = MessageSchema(tmp_path / "s.xsd", "{urn:l}Rows")
    held = '<o:person xmlns:o="urn:o">x</o:person>'
    reply, notes = rows("<row>1</row>" * count + f"<row>x</row>{held}"), Notes(ReplyCheck.LENIENT)
    if count > 1:
        with pytest.raises(CallFailed):
            schema.check(reply, notes)
    else:
        schema.check(reply, notes)
        assert (is_refused(reply[1]), reply[2].text) == (True, "x")


def test_many_attributes(checker: Checker) -> None:
    """A tag with a hundred thousand attributes is refused without a look at each."""
    message = rows("", " ".join(f'a{number}=""' for number in range(100_000)))
    began = time.process_time()
    with pytest.raises(CallFailed):
        checker.check(message, "c", "it")
    assert time.process_time() - began < 0.5


def test_the_place(checker: Checker) -> None:
    """A small message's failure has the path, with and without prefixes; foreign names are not repeated."""
    for message, place in (
        (rows("<row>1</row><row>x</row>"), "Rows/row[2]"),
        (etree.fromstring('<l:Rows xmlns:l="urn:l"><l:row>1</l:row><l:Petrov/></l:Rows>'), "Rows/*"),
    ):
        with pytest.raises(CallFailed) as caught:
            checker.check(message, "c", "it")
        assert caught.value.reason.startswith(f"it breaks its schema at {place}: ")


@pytest.mark.proof
def test_a_pattern_with_too_many_ways() -> None:
    """A text that libxml2 gives up on is a broken reply of the source, not a defect of the lookup."""
    xsd = XSD.replace(
        'name="row" type="xs:int" minOccurs="0" maxOccurs="unbounded"/>',
        'name="row" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="(a|aa)+b"/>'
        "</xs:restriction></xs:simpleType></xs:element>",
    )
    checker = Checker(etree.XMLSchema(etree.fromstring(xsd)), Vocabulary(frozenset()))
    checker.check(rows("<row>aab</row>"), "reply.schema", "the reply")
    with pytest.raises(CallFailed, match="too many ways to fit") as caught:
        checker.check(rows(f"<row>{'a' * 20_000}</row>"), "reply.schema", "the reply")
    assert (caught.value.code, caught.value.at_scale) == ("reply.schema", True)
