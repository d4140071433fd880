"""Licences: a lookup with a schema, replies to it, and a way to put them to it in each degree."""

from collections import Counter
from copy import deepcopy
from typing import Annotated, Any, ClassVar, Literal

from lxml import etree
from pydantic import Field

from appealbus.core import From, Lookup, Outcome, Query, ReplyCheck, Source, found, not_found
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import Request
from appealbus.core.readings import At, Declared, Present, Reading, Send, Take, Tree
from appealbus.core.replies.codes import BusinessCodes
from appealbus.core.replies.xmlread import element_of, text
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.testing import ScriptedWire, appeal, ask
from appealbus.schemas.base import Day, Model, Text
from appealbus.schemas.record import Record

IIN, OTHER = "750301100019", "821224202626"
NS = "urn:deg"
CANARY = "Канарейкина"
XSD = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}" xmlns:t="{NS}"
 elementFormDefault="qualified">
<xs:simpleType name="Iin">
<xs:restriction base="xs:string"><xs:pattern value="\\d{{12}}"/></xs:restriction></xs:simpleType>
<xs:simpleType name="State"><xs:restriction base="xs:string"><xs:enumeration value="valid"/>
<xs:enumeration value="revoked"/></xs:restriction></xs:simpleType>
<xs:complexType name="Paper"><xs:sequence><xs:element name="number"><xs:simpleType><xs:restriction base="xs:string">
<xs:maxLength value="8"/></xs:restriction></xs:simpleType></xs:element><xs:element name="day" type="xs:date"/>
</xs:sequence></xs:complexType>
<xs:element name="Ask"><xs:complexType><xs:sequence><xs:element name="iin" type="t:Iin"/></xs:sequence></xs:complexType>
</xs:element>
<xs:element name="Answer"><xs:complexType><xs:sequence>
 <xs:element name="code" type="xs:string" minOccurs="0"/>
 <xs:element name="licence" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
  <xs:element name="iin" type="t:Iin"/>
  <xs:element name="serial" type="xs:int"/>
  <xs:element name="state" type="t:State"/>
  <xs:element name="until" type="xs:date" minOccurs="0"/>
  <xs:element name="points" type="xs:int" minOccurs="0"/>
  <xs:element name="stolen" type="xs:boolean" minOccurs="0"/>
  <xs:element name="main" type="t:Paper" minOccurs="0"/>
  <xs:element name="paper" type="t:Paper" minOccurs="0" maxOccurs="unbounded"/>
  <xs:element name="open" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="colour" type="t:State"/>
  </xs:sequence></xs:complexType></xs:element>
  </xs:sequence><xs:attribute name="kind" type="t:State"/>
<xs:attribute name="rank" type="t:State"/></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""
LICENCE = (
    f'<licence kind="valid" rank="valid"><iin>{IIN}</iin><serial>4</serial><state>valid</state>'
    "<until>2030-01-01</until>"
    "<points>3</points><stolen>true</stolen><main><number>1</number><day>2020-01-01</day></main>"
    "<paper><number>2</number><day>2021-01-01</day></paper><paper><number>3</number><day>2022-01-01</day></paper>"
    "<open><colour>valid</colour></open></licence>"
)
SIGNATURE = '<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignedInfo/></d:Signature>'


class Paper(Model):
    number: Annotated[Text, At("number")]
    day: Annotated[Day, At("day")]


class Licence(Record):
    type: Literal["degrees.Licence"] = "degrees.Licence"
    iin: Annotated[Text, At("iin")]
    state: Annotated[Text | None, At("state")] = None
    until: Annotated[Day | None, At("until")] = None
    points: Annotated[int | None, At("points")] = None
    stolen: Annotated[bool | None, Present("stolen")] = None
    kind: Annotated[Text | None, At("@kind")] = None
    rank: Annotated[Text | None, At("@rank")] = None
    main: Annotated[Paper | None, At("main")] = None
    papers: Annotated[list[Paper], At("paper[*]")] = Field(default_factory=list)
    open: Annotated[dict[str, Any] | None, Tree("open")] = None


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class Codes(BusinessCodes):
    success_codes: frozenset[str] = frozenset({"0"})
    not_found_codes: frozenset[str] = frozenset({"404"})


class ByIin(Declared[LicenceQuery, Licence]):
    """A licence."""

    name = "degrees.licence"
    purpose = "a test"
    send = Send(f"{{{NS}}}Ask", {"iin": "iin"}, qualified=True)
    take = Take(Reading(Licence), "licence", same=("iin",))
    schema: ClassVar[MessageSchema | None] = None


class ByCode(ByIin):
    """The same, with a code."""

    take = Take(Reading(Licence), "licence", code="code", same=("iin",))


class ByHand(Lookup[LicenceQuery, Licence]):
    """Written by hand: reads what it likes."""

    name = "degrees.by_hand"
    purpose = "a test"

    async def ask(self, query: LicenceQuery, source: Source) -> Outcome[Record] | Outcome[Licence]:
        element = element_of(await source.call(Request({})))
        assert ByIin.schema is not None
        ByIin.schema.check(element, source.notes)
        iin = text(element, "licence/iin")
        return found(Licence(iin=iin)) if iin is not None else not_found()


def xml(inside: str, name: str = "Answer") -> etree._Element:
    return etree.fromstring(f'<{name} xmlns="{NS}">{inside}</{name}>')


async def put(reply: etree._Element, check: ReplyCheck = ReplyCheck.LENIENT, lookup: Any = None) -> Outcome[Any]:
    wire = ScriptedWire([deepcopy(reply)])
    wire.replies = check
    return await ask(lookup or ByIin(), appeal(applicant={"iin": IIN}), replies=wire)


def differences(reply: etree._Element) -> Counter[str]:
    notes = Notes(ReplyCheck.LENIENT)
    assert ByIin.schema is not None
    ByIin.schema.check(deepcopy(reply), notes)
    return notes.differences


async def whole() -> Licence:
    outcome = await put(xml(LICENCE), ReplyCheck.STRICT)
    assert isinstance(outcome.record, Licence)
    return outcome.record
