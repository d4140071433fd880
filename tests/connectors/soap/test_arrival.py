"""What a lookup gives arrives as it was given, or does not leave."""

import re
from dataclasses import make_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from appealbus.connectors.soap.arrival import lost
from appealbus.connectors.soap.builder import Builder
from appealbus.connectors.soap.documents import Document
from appealbus.connectors.soap.envelope import build_envelope, serialise
from appealbus.connectors.soap.schemas import DRIVER, Schemas, arrange
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.xmlschema import compiled
from appealbus.schemas.safexml import parse
from tests.services.forms import form

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:p" xmlns:p="urn:p"
elementFormDefault="qualified"><xs:complexType name="Empty"/>
<xs:complexType name="Part"><xs:sequence><xs:element name="text" type="xs:string" minOccurs="0"/>
<xs:element name="part" type="p:Part" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
<xs:attribute name="kind" type="xs:string"/></xs:complexType>
<xs:element name="Question"><xs:complexType><xs:sequence>
<xs:element name="text" type="xs:string" minOccurs="0"/><xs:element name="number" type="xs:int" minOccurs="0"/>
<xs:element name="share" type="xs:decimal" minOccurs="0"/><xs:element name="yes" type="xs:boolean" minOccurs="0"/>
<xs:element name="day" type="xs:date" minOccurs="0"/><xs:element name="at" type="xs:dateTime" minOccurs="0"/>
<xs:element name="part" type="p:Part" minOccurs="0" maxOccurs="unbounded"/>
<xs:element name="empty" type="p:Empty" minOccurs="0"/>
<xs:choice minOccurs="0"><xs:element name="one" type="p:Empty"/><xs:element name="other" type="p:Part"/></xs:choice>
<xs:element name="words" minOccurs="0"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>
<xs:element name="file" type="xs:base64Binary" minOccurs="0"/><xs:element name="clock" type="xs:time" minOccurs="0"/>
<xs:element name="any" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
<xs:complexType name="Sum"><xs:simpleContent><xs:extension base="xs:decimal">
<xs:attribute name="unit" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:element name="Twice"><xs:complexType><xs:sequence><xs:element name="x" type="xs:string"/>
<xs:element name="sum" type="p:Sum" minOccurs="0"/><xs:element name="x" type="xs:string" minOccurs="0"/>
<xs:any namespace="##other" processContents="skip" minOccurs="0" maxOccurs="9"/></xs:sequence></xs:complexType>
</xs:element>
</xs:schema>"""
NAME = "{urn:p}Question"
ELEMENT = etree.fromstring('<q:z xmlns:q="urn:q" a="1"><q:y>1</q:y></q:z>')


def arranged() -> Schemas:
    """Return the schemas of the contract."""
    return arrange([Document("/p.xsd", etree.fromstring(XSD))])


BUILDER, SCHEMA = Builder(arranged()), compiled(arranged().files, DRIVER)

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], include_characters="\t\n\r"), max_size=20
)
parts = st.recursive(
    st.fixed_dictionaries({}, optional={"text": texts, "kind": texts}),
    lambda inner: st.fixed_dictionaries({}, optional={"text": texts, "part": st.lists(inner, max_size=3)}),
    max_leaves=5,
)
questions = st.fixed_dictionaries(
    {},
    optional={
        "text": texts,
        "number": st.integers(-(2**31), 2**31 - 1),
        "share": st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
        "yes": st.booleans(),
        "day": st.dates(min_value=date(1900, 1, 1)),
        "at": st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)),
        "part": st.lists(parts, max_size=3),
        "empty": st.just({}),
        "other": parts,
        "any": st.one_of(texts, st.just(ELEMENT), st.just({"x": 1}), st.just([1])),
    },
)


def reads(element: etree._Element, value: Any, text: str | None) -> bool:
    """Say, by this test's own rules, whether a text means the value."""
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, datetime):
        return datetime.fromisoformat(text or "") == value
    if isinstance(value, date):
        return text == str(value)
    return Decimal(text or "") == value if isinstance(value, int | Decimal) else (text or "") == value


def holds(element: etree._Element, given: dict[str, Any]) -> bool:
    """Say whether an element that was read back has all that was given, and nothing else."""
    children: list[tuple[str, Any]] = []
    attributes = {}
    for key, value in given.items():
        if key == "kind":
            attributes[key] = value
        else:
            children += [(key, item) for item in (value if isinstance(value, list) else [value])]
    order = [re.sub(r"\{.*\}", "", str(child.tag)) for child in element]
    if sorted(order) != sorted(key for key, _ in children) or dict(element.attrib) != attributes:
        return False
    left = list(element)
    for key, value in children:
        child = left.pop(next(index for index, each in enumerate(left) if str(each.tag).endswith("}" + key)))
        if isinstance(value, dict):
            if not holds(child, value):
                return False
        elif isinstance(value, etree._Element):
            if etree.tostring(child[0], method="c14n2") != etree.tostring(value, method="c14n2"):
                return False
        elif len(child) or not reads(child, value, child.text):
            return False
    return True


@settings(max_examples=form(50, 1000), deadline=None)
@given(questions)
def test_what_arrives_is_what_was_given(question: dict[str, Any]) -> None:
    """A mapping that is built, sent and read back by the schema is the mapping; else nothing is built."""
    misfit = isinstance(question.get("any"), dict | list)
    if misfit:
        with pytest.raises(CallFailed):
            BUILDER.build(NAME, question)
        return
    built = BUILDER.build(NAME, question)
    arrived = parse(serialise(build_envelope(built)))[0][0]
    assert SCHEMA.validate(arrived), SCHEMA.error_log
    assert holds(arrived, question)


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ({"any": {"iin": "850312180019"}}, "any"),
        ({"any": ["850312180019"]}, "any"),
        ({"any": [None]}, "any"),
        ({"any": [{"iin": "850312180019"}]}, "any"),
        ({"any": {"a": [{"iin": "850312180019"}]}}, "any"),
        ({"any": {"850312180019"}}, "any"),
        ({"any": NamedTuple("Named", [("iin", str)])("850312180019")}, "any"),
        ({"any": make_dataclass("Made", ["iin"])("850312180019")}, "any"),
        ({"any": SimpleNamespace(iin="850312180019")}, "any"),
        ({"any": b"850312180019"}, "any"),
        ({"text": SimpleNamespace(iin="850312180019")}, "text"),
        ({"part": [{"text": "x"}, "850312180019"]}, "part"),
        ({"text": True}, "text"),
        ({"number": True}, "number"),
        ({"yes": "maybe"}, "yes"),
        ({"one": {}}, "one"),
        ({"other": {"part": [{"part": "x"}]}}, "other.part.part"),
    ],
)
def test_what_would_not_arrive_does_not_leave(question: dict[str, Any], place: str) -> None:
    """The failure names the place by the contract's own words, and no value."""
    with pytest.raises(CallFailed) as caught:
        BUILDER.build(NAME, question)
    assert (caught.value.code, f" {place} takes " in caught.value.reason) == ("soap.request", True)
    assert "8503" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("words", [1, 22], "1 22"),
        ("file", b"\x00\xff", "AP8="),
        ("clock", time(9, 30), "09:30:00"),
        ("day", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02"),
        ("yes", "1", "true"),
        ("number", "7", "7"),
        ("text", 7, "7"),
    ],
)
def test_other_ways_to_say_the_same(key: str, value: object, text: str) -> None:
    """Lists, bytes, times, and values of another kind that mean the same are taken."""
    assert BUILDER.build(NAME, {key: value})[0].text == text


class Kind(str, Enum):  # noqa: UP042 - its text is not its value, other than a StrEnum's
    """A choice of a lookup's own."""

    PERSON = "1"


def test_a_member_of_an_enumeration_is_its_value() -> None:
    """The other side is told the value, and not the name that it has here."""
    built = BUILDER.build(NAME, {"text": Kind.PERSON, "number": Kind.PERSON, "part": [{"kind": Kind.PERSON}]})
    assert [built[0].text, built[1].text, built[2].get("kind")] == ["1", "1", "1"]


def test_what_nobody_gave_does_not_leave() -> None:
    """A text that is missing beside attributes is not sent as the word that stands for nothing here."""
    with pytest.raises(CallFailed, match="given: sum takes a table"):
        BUILDER.build("{urn:p}Twice", {"x": "1", "sum": {"unit": "m2"}})
    assert BUILDER.build("{urn:p}Twice", {"x": "1", "sum": {"_value_1": "5", "unit": "m2"}})[1].text == "5"


def test_two_of_one_name() -> None:
    """Elements of one name in two places are told apart by their keys, and each is where it belongs."""
    built = BUILDER.build("{urn:p}Twice", {"x": "1", "sum": {"_value_1": "5"}, "x__1": "2"})
    assert [child.text for child in built] == ["1", "5", "2"]
    assert lost({"x": "1", "x__1": "2"}, etree.fromstring("<e><x>2</x><x>1</x></e>")) == "x"
    assert lost({"x__1": "2"}, etree.fromstring("<e><x>2</x></e>")) is None
    assert lost({"x__1": "2"}, etree.fromstring("<e/>")) == "x"


def test_elements_of_a_wildcard_stay_where_they_are() -> None:
    """One element may be given twice, is sent twice, and stays in the lookup's own document."""
    outer = etree.fromstring('<outer><q:z xmlns:q="urn:q"/></outer>')
    built = BUILDER.build("{urn:p}Twice", {"x": "1", "_value_1": [outer[0], outer[0]]})
    assert ([child.tag for child in built[1:]], len(outer)) == (["{urn:q}z"] * 2, 1)
    assert lost({"_value_1": [outer[0], outer[0]]}, outer) == "_value_1"  # it is there only once


def test_an_element_stays_where_it_is() -> None:
    """An element that is given as a part is copied into the request, and the caller keeps it."""
    outer = etree.fromstring('<outer><q:z xmlns:q="urn:q"/></outer>')
    built = BUILDER.build(NAME, {"any": outer[0]})
    assert (built[0][0].tag, len(outer)) == ("{urn:q}z", 1)


def test_what_a_choice_holds_is_counted() -> None:
    """Of what is given together, nothing may be missing, and nothing more often than it is there."""
    element = etree.fromstring('<e xmlns="urn:p"><a>1</a><b>2</b><a><c/></a></e>')
    assert lost({"_value_1": [{"a": "1"}, {"b": 2}, {"a": {"c": {}}}]}, element) is None
    assert lost({"_value_1": [{"a": "1"}, {"a": "1"}, {"a": "1"}]}, element) == "_value_1"
    assert lost({"_value_1": [{"a": "3"}]}, element) == "_value_1"
    assert lost({"_value_1": etree.fromstring('<b xmlns="urn:p">2</b>')}, element) is None
    assert lost({"_value_1": etree.fromstring('<b xmlns="urn:p">3</b>')}, element) == "_value_1"
    assert lost({"_raw": 1}, element) == "_raw"
