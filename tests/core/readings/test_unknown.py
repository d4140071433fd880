"""What a changed reply no longer tells where it is read: attributes, open content, XML in text, and many at once."""

from datetime import date
from pathlib import Path
from time import process_time
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, JsonValue, create_model

from appealbus.core import From, Query
from appealbus.core.domain.usual import ENOUGH, Usual
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.readings import At, By, Declared, Reading, Send, Take, Tree
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.testing import appeal
from appealbus.core.testing.asking import ask_all
from appealbus.schemas import Iin, Record
from appealbus.schemas.base import Model
from appealbus.schemas.safexml import parse

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="A"><xs:complexType><xs:sequence>
 <xs:element name="Head" minOccurs="0"><xs:complexType>
  <xs:sequence><xs:element name="city" type="xs:date" minOccurs="0"/></xs:sequence>
  <xs:attribute name="when" type="xs:date"/><xs:attribute name="x"/><xs:attribute name="must" use="required"/>
 </xs:complexType></xs:element>
 <xs:element name="List" minOccurs="0"><xs:complexType><xs:sequence>
  <xs:element name="Item" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
   <xs:element name="iin" type="xs:string" minOccurs="0"/>
   <xs:element name="one"/><xs:element name="two"/><xs:element name="three"/>
  </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="Place" minOccurs="0"><xs:complexType><xs:sequence>
  <xs:element name="street" minOccurs="0"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="phone" minOccurs="0" maxOccurs="unbounded"/>
 <xs:element name="Form20001" minOccurs="0"/>
 <xs:element name="Text" minOccurs="0"/>
 <xs:element name="fax" minOccurs="0"/>
 <xs:element name="Sign" minOccurs="0"><xs:complexType><xs:sequence>
  <xs:any namespace="http://www.w3.org/2000/09/xmldsig#" processContents="lax"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="first" minOccurs="0"/><xs:element name="last" minOccurs="0"/>
 <xs:element name="odd" type="xs:date" minOccurs="0"/>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""


class Item(Model):
    """One of a list."""

    iin: Annotated[Iin | None, At("iin")] = None
    one: Annotated[str | None, At("one")] = None
    two: Annotated[str | None, At("two")] = None
    three: Annotated[str | None, At("three")] = None


class Place(Model):
    """A structure that may be empty."""

    street: Annotated[str | None, At("street")] = None


class Changed(Record):
    """What may lack anything."""

    type: Literal["test.Changed"] = "test.Changed"
    when: Annotated[date | None, At("Head/@when")] = None
    x: Annotated[str | None, At("Head/@x")] = None
    must: Annotated[str | None, At("Head/@must")] = None
    head: Annotated[dict[str, JsonValue] | None, Tree("Head")] = None
    items: Annotated[list[Item], At("List/Item[*]")] = Field(default_factory=list)
    total: Annotated[int | None, By(lambda texts: sum(map(int, texts)), "List/Item[*]/two")] = None
    place: Annotated[Place | None, At("Place")] = None
    phones: Annotated[list[str], At("phone")] = Field(default_factory=list)
    form: Annotated[date | None, At("Form20001")] = None
    inner: Annotated[str | None, At("Text/xml()/Q/iin")] = None
    fax: Annotated[str | None, At("fax", "facsimile")] = None
    name: Annotated[str | None, By(lambda *parts: " ".join(filter(None, parts)), "first", "last")] = None


class Street(Record):
    """A record within."""

    type: Literal["test.Street"] = "test.Street"
    street: Annotated[str | None, At("street")] = None


TAKE = Take(Reading(Changed), ".", same=lambda query, record: True)
ITEM = "<Item><one>1</one><two>2</two><three>3</three></Item>"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> MessageSchema:
    file = Path(tmp_path_factory.mktemp("xsd")) / "answer.xsd"
    file.write_text(XSD)
    return MessageSchema(file, "A")


def notes_of(text: str, schema: MessageSchema) -> Notes:
    notes = Notes(ReplyCheck.LENIENT)
    root = parse(text.encode())
    schema.checker.take(root, notes)
    TAKE.answer(root, notes).records()
    return notes


@pytest.mark.parametrize(
    ("inside", "fields"),
    [
        ('<Head must="1" whenn="2020-01-01"/>', {"when", "x"}),
        ('<Head must="1" x="1" when="in spring"/>', {"when"}),
        ('<Head x="1" when="2020-01-01"/>', {"must"}),
        ('<Head must="1" x="1" when="2020-01-01"><city>Almaty</city></Head>', {"head"}),
        (f"<List>{ITEM.replace('<one>', '<iin>1</iin><one>')}</List>", {"items[*].iin"}),
        (f"<List>{ITEM.replace('2', 'II')}</List>", {"total"}),
        ("<List><Item><two>2</two></Item></List>", {"items[*].one", "items[*].three"}),
        (f"<List>{ITEM}<one>1</one><two>2</two><three>3</three></List>", {"items"}),
        ("<Place>Abai 1</Place>", {"place"}),
        ("<phone>1</phone><mobile>2</mobile>", {"phones"}),
        ("<Form20001>in spring</Form20001>", {"form"}),
        ("<first>a</first><surname>b</surname>", {"name"}),
        ("<phone>1</phone><odd><fax>2</fax></odd>", {"fax"}),
        ("<first>a</first><last><x>b</x></last>", {"name"}),
        ("<List><Item><iin value='1'/><one/><two/><three/></Item></List>", {"items[*].iin"}),
        ("<fax>1</fax><fax>2</fax>", {"fax", "name"}),
        ("<Text>&lt;Q&gt;&lt;iin&gt;1&lt;/iin&gt;</Text>", {"inner"}),
        ('<Sign><S xmlns="http://www.w3.org/2000/09/xmldsig#"/></Sign>', set()),
    ],
)
def test_what_may_have_been_there_is_unknown(inside: str, fields: set[str], schema: MessageSchema) -> None:
    assert fields <= notes_of(f"<A>{inside}</A>", schema).unknown
    assert fields or notes_of(f"<A>{inside}</A>", schema).unknown == set()


def test_a_signature_in_open_content_of_the_schema_breaks_nothing(schema: MessageSchema) -> None:
    """It was looked away from, and then missed where the schema wants it."""
    text = '<A><Sign><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></Sign></A>'
    assert notes_of(text, schema).differences == {}
    schema.checker.check(parse(text.encode()), "reply.schema", "the reply")


def test_what_is_missing_in_a_large_reply_is_unknown(schema: MessageSchema) -> None:
    notes = notes_of(f"<A><List>{ITEM * 1000}{ITEM.replace('<one>1</one>', '')}{ITEM * 1000}</List></A>", schema)
    assert "items[*].one" in notes.unknown


def test_the_record_itself_in_another_namespace_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "answer.xsd"
    file.write_text(XSD.replace("<xs:schema ", '<xs:schema targetNamespace="urn:a" elementFormDefault="qualified" '))
    notes = Notes(ReplyCheck.LENIENT)
    root = parse(b'<A xmlns="urn:a"><Place xmlns="urn:b"><street>1</street></Place></A>')
    MessageSchema(file, "{urn:a}A").checker.take(root, notes)
    Take(Reading(Street), "Place", same=lambda query, record: True).answer(root, notes).records()
    assert notes.unknown == {"street"}


async def test_what_nobody_could_check_is_marked(tmp_path: Path) -> None:
    """It stands in open content of the schema: what a schema describes is checked, and what is absent is nothing."""
    any_inside = '<xs:element name="Box"><xs:complexType><xs:sequence><xs:any processContents="lax"/>'
    box = f"{any_inside}</xs:sequence></xs:complexType></xs:element>"
    told = '<xs:sequence><xs:element name="name"/></xs:sequence>'
    own = f'<xs:element name="Own"><xs:complexType>{told}</xs:complexType></xs:element>'
    (tmp_path / "b.xsd").write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{box}{own}</xs:schema>')

    class Boxed(Record):
        type: Literal["test.Boxed"] = "test.Boxed"
        name: Annotated[str | None, At("Free/name")] = None
        other: Annotated[str | None, At("Free/other")] = None
        own: Annotated[str | None, At("Own/name")] = None

    class BoxQuery(Query):
        iin: Annotated[Iin, From("applicant.iin")]

    class BoxByIin(Declared[BoxQuery, Boxed]):
        name = "box.box"
        purpose = "a test"
        schema = MessageSchema(tmp_path / "b.xsd", "Box")
        send = Send("Ask", {"iin": "iin"})
        take = Take(Reading(Boxed), ".", same=lambda query, record: True)

    for body, unchecked in (("<Free><name>a</name></Free>", ["name"]), ("<Own><name>a</name></Own>", None)):
        about = appeal(applicant={"iin": "750301100019"})
        (asked,) = await ask_all(BoxByIin(), about, replies=[f"<Box>{body}</Box>"])
        assert asked.provenance is not None
        assert asked.provenance.unchecked == unchecked


ANY = '<xs:sequence><xs:any processContents="{}" minOccurs="0"/></xs:sequence>'
OPEN = {
    "lax, in a namespace of nobody": (ANY.format("lax"), '<o:Own xmlns:o="urn:o"><o:name>a</o:name></o:Own>', {"own"}),
    "lax, declared": (ANY.format("lax"), "<Own><name>a</name></Own>", set()),
    "skip, though declared": (ANY.format("skip"), "<Own><name>a</name></Own>", {"own"}),
    "of the name of one beside it": (
        '<xs:sequence><xs:element name="name" minOccurs="0"/><xs:any namespace="##other" processContents="lax"/>'
        "</xs:sequence>",
        '<o:name xmlns:o="urn:o">a</o:name>',
        {"name"},
    ),
    "declared beside it": (
        '<xs:sequence><xs:element name="name" minOccurs="0"/><xs:any namespace="##other" processContents="lax"'
        ' minOccurs="0"/></xs:sequence>',
        "<name>a</name>",
        set(),
    ),
    "whole": (
        f'<xs:sequence><xs:element name="Whole"><xs:complexType>{ANY.format("lax")}</xs:complexType>'
        "</xs:element></xs:sequence>",
        "<Whole><x>1</x></Whole>",
        {"whole"},
    ),
    "of any type": ('<xs:sequence><xs:element name="Typed"/></xs:sequence>', "<Typed><x>1</x></Typed>", {"typed"}),
    "an attribute": ('<xs:attribute name="own"/><xs:anyAttribute processContents="lax"/>', '<Box mark="1"/>', {"mark"}),
    "behind what is declared": (ANY.format("lax"), "<Open><b>1</b></Open>", {"inside"}),
}


class Opened(Record):
    """What stands in open content."""

    type: Literal["test.Opened"] = "test.Opened"
    own: Annotated[str | None, At("Own/name")] = None
    name: Annotated[str | None, At("name")] = None
    whole: Annotated[JsonValue, Tree("Whole")] = None
    typed: Annotated[str | None, At("Typed/x")] = None
    mark: Annotated[str | None, At("@mark")] = None
    inside: Annotated[str | None, At("Open/b")] = None


@pytest.mark.parametrize(("inside", "body", "unchecked"), OPEN.values(), ids=OPEN)
def test_whatever_leaves_it_open_is_marked(inside: str, body: str, unchecked: set[str], tmp_path: Path) -> None:
    """A name that the schema has is not enough: what bears it may be another element, of which it says nothing."""
    own = '<xs:element name="Own"><xs:complexType><xs:sequence><xs:element name="name"/></xs:sequence></xs:complexType>'
    free = f'<xs:element name="Open"><xs:complexType>{ANY.format("lax")}</xs:complexType></xs:element>'
    box = f'<xs:element name="Box"><xs:complexType>{inside}</xs:complexType></xs:element>'
    file = tmp_path / "b.xsd"
    file.write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{box}{own}</xs:element>{free}</xs:schema>')
    text = body if body.startswith("<Box") else f"<Box>{body}</Box>"
    schema, root = MessageSchema(file, "Box"), parse(text.encode())
    schema.check(root)
    answer = Take(Reading(Opened), ".", same=lambda query, record: True).answer(root)
    (record,) = answer.records()
    assert {each for each in answer.unchecked(schema) if getattr(record, each) is not None} == unchecked


@pytest.mark.parametrize(
    "broken", ["<code>x</code>", '<code xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>']
)
def test_a_value_that_breaks_two_rules_is_one_value(broken: str, tmp_path: Path) -> None:
    """It hides no element, so what is absent beside it is absent."""
    code = (
        '<xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="[0-9]+"/></xs:restriction></xs:simpleType>'
    )
    file = tmp_path / "a.xsd"
    file.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="A"><xs:complexType><xs:sequence>'
        f'<xs:element name="street" minOccurs="0"/><xs:element name="code" minOccurs="0">{code}</xs:element>'
        "</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )
    notes = Notes(ReplyCheck.LENIENT)
    root = parse(f"<A>{broken}</A>".encode())
    MessageSchema(file, "A").check(root, notes)
    Take(Reading(Street), ".", same=lambda query, record: True).answer(root, notes).records()
    assert (notes.unknown, [*notes.differences]) == (set(), ["code"])


def test_no_field_is_left_out_where_many_cannot_be_read() -> None:
    fields: dict[str, Any] = {f"d{i}": (date | None, None) for i in range(80)}
    kind: Any = (Literal["test.Wide"], "test.Wide")
    wide: type[Record] = create_model("Wide", __base__=Record, type=kind, **fields)
    notes = Notes()
    Reading(wide, {name: At(name) for name in fields}).read(dict.fromkeys(fields, "in spring"), notes)
    assert notes.unknown == fields.keys()


@pytest.mark.proof
def test_many_new_elements_take_no_time_by_their_square(schema: MessageSchema) -> None:
    """Ninety seconds for 100 KB, before."""
    begun = process_time()
    names = "".join(f"<N850101{i:06}/>" for i in range(20_000))
    notes = notes_of(f"<A>{names}</A>", schema)
    assert process_time() - begun < 5
    assert "850101" not in f"{notes.unknown}{notes.unread}{notes.differences}"


@pytest.mark.parametrize(("inside", "unknown"), [("facsimile>1", False), ("facsimile> ", True), ("telex>1", True)])
def test_what_stands_under_a_second_name_is_told(inside: str, unknown: bool, schema: MessageSchema) -> None:
    """Though the schema knows the first alone and misses that."""
    text = f"<A><{inside}</{inside.partition('>')[0]}></A>"
    assert ("fax" in notes_of(text, schema).unknown) == unknown


@pytest.mark.parametrize("content", ["lax", "skip", "strict"])
def test_what_is_renamed_in_open_content_is_unknown(content: str, tmp_path: Path) -> None:
    """No schema says what may be there: what usually comes does."""
    file = tmp_path / "b.xsd"
    box = f'<xs:element name="Box"><xs:complexType>{ANY.format(content)}</xs:complexType></xs:element>'
    file.write_text(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{box}</xs:schema>')
    usual, schema = Usual(), MessageSchema(file, "Box")

    def unknown(body: str) -> set[str]:
        notes = Notes(ReplyCheck.LENIENT, usual=usual)
        root = parse(f"<Box>{body}</Box>".encode())
        schema.check(root, notes)
        Take(Reading(Boxy), ".", same=lambda query, record: True).answer(root, notes).records()
        usual.learn(notes.beside)
        return notes.unknown

    for _ in range(ENOUGH):
        assert unknown("<Free><name>a</name><other>b</other><beside>1</beside></Free>") == set()
    assert unknown("<Free><name>a</name><beside>1</beside></Free>") == set()
    assert unknown("<Free><nom>a</nom><other>b</other><beside>1</beside></Free>") == {"name"}
    assert unknown("<Frei><name>a</name></Frei>") == {"name", "other"}


class Boxy(Record):
    """What stands in open content, and nothing else."""

    type: Literal["test.Boxy"] = "test.Boxy"
    name: Annotated[str | None, At("Free/name")] = None
    other: Annotated[str | None, At("Free/other")] = None
