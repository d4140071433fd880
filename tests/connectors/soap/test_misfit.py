"""What is said of a request that does not fit: the place and the rule, and never a value."""

from datetime import date
from typing import Any

import pytest
from lxml import etree

from appealbus.connectors.soap.builder import Builder
from appealbus.connectors.soap.documents import Document
from appealbus.connectors.soap.schemas import DRIVER, arrange
from appealbus.core import CallFailed
from appealbus.core.replies.xmlschema import Checker, compiled

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:m" xmlns:m="urn:m">
<xs:simpleType name="Iin"><xs:restriction base="xs:string"><xs:pattern value="[0-9]{12}"/></xs:restriction>
</xs:simpleType>
<xs:simpleType name="Kind"><xs:restriction base="xs:token"><xs:enumeration value="a"/></xs:restriction></xs:simpleType>
<xs:complexType name="Criteria"><xs:sequence><xs:element name="iin" type="m:Iin"/>
<xs:element name="year" type="xs:gYear" minOccurs="0"/><xs:element name="month" type="xs:gYearMonth" minOccurs="0"/>
<xs:element name="feast" type="xs:gMonthDay" minOccurs="0"/><xs:element name="m" type="xs:gMonth" minOccurs="0"/>
<xs:element name="d" type="xs:gDay" minOccurs="0"/>
<xs:element name="kind" type="m:Kind" minOccurs="0" maxOccurs="2"/>
<xs:element name="file" type="xs:base64Binary" minOccurs="0"/>
<xs:element name="link" type="xs:anyURI" minOccurs="0"/>
<xs:element name="open" minOccurs="0"><xs:complexType><xs:sequence><xs:any processContents="skip"/></xs:sequence>
</xs:complexType></xs:element>
</xs:sequence><xs:attribute name="version" type="xs:int"/></xs:complexType>
<xs:element name="Ask"><xs:complexType><xs:sequence><xs:element name="criteria" type="m:Criteria"/>
<xs:element name="page" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""
IIN = "850312180019"
SCHEMAS = arrange([Document("/m.xsd", etree.fromstring(XSD))])
BUILDER = Builder(SCHEMAS)
CHECKER = Checker(compiled(SCHEMAS.files, DRIVER), SCHEMAS.vocabulary)


def refused(content: dict[str, Any]) -> str:
    """Return what is said of a request that does not leave."""
    with pytest.raises(CallFailed) as caught:
        CHECKER.check(BUILDER.build("{urn:m}Ask", content), "soap.request", "the request")
    assert caught.value.code == "soap.request"
    assert IIN not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"criteria": {"inn": IIN}}, "criteria.inn is not in the contract, which has version, iin, year, "),
        ({"criteria": {IIN: 1}}, "criteria.(a key) is not in the contract"),
        ({"criteria": {f"n{IIN}": 1}}, "criteria.(a key) is not in the contract"),
        ({"criteria": {"Петров": 1}}, "criteria.(a key) is not in the contract"),
        ({"criteria": IIN}, "criteria takes a table, and is given a text"),
        ({"criteria": [{"iin": IIN}, {"iin": IIN}]}, "criteria takes a table, and is given a list"),
        ({"criteria": {"iin": {"x": IIN}}}, "criteria.iin takes Iin, and is given a table"),
        ({"criteria": {"iin": [IIN, IIN]}}, "criteria.iin takes Iin, and is given a list"),
        ({"criteria": {"iin": IIN, "year": True}}, "criteria.year takes xs:gYear, and is given a truth value"),
        ({"criteria": {"iin": IIN, "year": (2026, None)}}, "criteria.year takes xs:gYear, and is given a list"),
        ({"criteria": {"iin": IIN, "year": "20x6"}}, "at Ask/criteria/year: its text is no xs:gYear"),
        ({"criteria": {"iin": IIN, "year": 26000000}}, None),
        ({"criteria": {"iin": IIN, "month": "2026"}}, "at Ask/criteria/month: its text is no xs:gYearMonth"),
        ({"criteria": {"iin": IIN, "file": 5}}, "criteria.file takes xs:base64Binary, and is given a number"),
        ({"criteria": {"iin": IIN, "link": 5}}, "criteria.link takes xs:anyURI, and is given a number that is none"),
        ({"criteria": {"iin": IIN, "open": {}}}, "lacks what the contract leaves open there (xs:any); give an element"),
        ({"criteria": {"iin": IIN}, "page": True}, "page takes xs:int, and is given something else"),
        ({"criteria": {"iin": IIN}, "page": IIN}, "at Ask/page: its text is no xs:int"),
        ({"criteria": {"iin": IIN, "version": "x"}}, "at Ask/criteria: its attribute version is no xs:int"),
        ({"criteria": {"iin": "1"}}, "at Ask/criteria/iin: its text breaks a pattern"),
        ({"criteria": {"iin": IIN, "kind": "b"}}, "at Ask/criteria/kind: its text is not one of the values"),
        ({"criteria": {"iin": IIN, "kind": ["a"] * 3}}, "criteria.kind"),
        ({"criteria": {}}, "Ask.criteria.iin is missing"),
        ({}, "Ask.criteria is missing"),
    ],
)  # fmt: skip
def test_place_and_rule(content: dict[str, Any], says: str | None) -> None:
    """Unknown keys, values of a wrong kind, values that a rule forbids, and what is missing."""
    if says is None:
        assert BUILDER.build("{urn:m}Ask", content) is not None
    else:
        assert says in refused(content)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("year", 2026, "2026"),
        ("year", 26, "0026"),
        ("year", "2026+05:00", "2026+05:00"),
        ("year", date(985, 3, 12), "0985"),
        ("month", date(2026, 3, 12), "2026-03"),
        ("feast", date(2026, 3, 12), "--03-12"),
        ("m", date(2026, 3, 12), "--03"),
        ("d", date(2026, 3, 12), "---12"),
        ("d", "---12", "---12"),
    ],
)
def test_parts_of_dates(key: str, value: object, text: str) -> None:
    """Years, months and days are taken as texts and as dates, and a year as a number."""
    built = BUILDER.build("{urn:m}Ask", {"criteria": {"iin": IIN, key: value}})
    CHECKER.check(built, "soap.request", "the request")
    assert built[0][1].text == text
