"""What a contract says of declarations: each kind of finding, with its line, and nothing that is right."""

import inspect
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from lxml import etree
from pydantic import Field, JsonValue, create_model

from appealbus.core import (
    Call,
    CallFailed,
    Form,
    From,
    Health,
    MessageContract,
    OutcomeKind,
    Query,
    Reply,
    Request,
    Shape,
    Wire,
)
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.readings import At, By, Declared, Present, Reading, Send, Take, Tree
from appealbus.core.readings.paths import DeclarationError
from appealbus.core.readings.proof import prove
from appealbus.core.replies.codes import BusinessCodes
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.base import Day, Model, Moment
from appealbus.schemas.record import Coded, Record

CONTRACT = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t">
  <xs:element name="Ask"><xs:complexType><xs:sequence>
    <xs:element name="Head"><xs:complexType><xs:sequence>
      <xs:element name="Id" type="xs:string"/><xs:element name="Note" type="xs:string" minOccurs="0"/>
    </xs:sequence><xs:attribute name="version" use="required"/></xs:complexType></xs:element>
    <xs:choice><xs:element name="Iin" type="xs:string"/><xs:element name="Name" type="xs:string"/></xs:choice>
    <xs:element name="Own" type="xs:string" form="qualified" minOccurs="0"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:element name="Answer"><xs:complexType><xs:sequence>
    <xs:element name="Code" type="xs:string"/>
    <xs:element name="Item" type="t:Item" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:complexType name="Item"><xs:sequence>
    <xs:element name="Text" type="xs:string"/><xs:element name="Day" type="xs:date"/>
    <xs:element name="Moment" type="xs:dateTime"/><xs:element name="Number" type="xs:decimal"/>
    <xs:element name="Count" type="xs:int"/><xs:element name="Flag" type="xs:boolean"/>
    <xs:element name="Many" type="xs:string" maxOccurs="unbounded"/>
    <xs:element name="Word"><xs:simpleType><xs:restriction base="xs:string">
      <xs:enumeration value="Y"/><xs:enumeration value="N"/></xs:restriction></xs:simpleType></xs:element>
    <xs:element name="Empty"><xs:complexType/></xs:element>
    <xs:element name="Open" type="xs:anyType"/>
    <xs:element name="Part" type="t:Part"/><xs:element name="Other" type="t:Other"/>
    <xs:element name="Parts" type="t:Part" maxOccurs="9"/>
    <xs:element name="Kind" type="t:Kind"/><xs:element name="Short" type="t:Short"/>
    <xs:element name="Inner" type="xs:string"/>
  </xs:sequence><xs:attribute name="id" type="xs:date"/></xs:complexType>
  <xs:complexType name="Part"><xs:sequence><xs:element name="A" type="xs:string"/></xs:sequence></xs:complexType>
  <xs:complexType name="Other"><xs:sequence><xs:element name="B" type="xs:string"/></xs:sequence></xs:complexType>
  <xs:complexType name="Kind"><xs:sequence><xs:element name="code" type="xs:string"/>
    <xs:element name="nameRu" type="xs:string"/><xs:element name="nameKz" type="xs:string"/></xs:sequence>
  </xs:complexType>
  <xs:complexType name="Short"><xs:sequence><xs:element name="nameRu" type="xs:string"/></xs:sequence></xs:complexType>
</xs:schema>
"""
FILLED = {"Head/Id": "iin", "Head/@version": "iin", "Iin": "iin"}


class Part(Model):
    a: str | None = None
    b: str | None = None


class Item(Record):
    type: Literal["proof.Item"] = "proof.Item"


class Codes(BusinessCodes):
    success_codes: frozenset[str] = frozenset({"0"})


class ItemQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


def taking(
    folder: Path, *, codes: Any = ("code", "nameRu", "nameKz"), xml: Any = None, **fields: tuple[Any, Any]
) -> list[str]:
    """Return what is found of a record with these fields: of each its type and what is declared of it."""
    model: Any = create_model("Item", __base__=Item, **{name: (kind, None) for name, (kind, _) in fields.items()})  # type: ignore[call-overload]
    reading: Reading[Any] = Reading(model, {name: way for name, (_, way) in fields.items()}, codes=codes, xml=xml)
    return found(folder, Take(reading, "Item", code="", same=lambda query, record: True))


def found(folder: Path, take: Take[Any] | None = None, send: Send | None = None, wire: Wire | None = None) -> list[str]:
    (folder / "contract.xsd").write_text(CONTRACT, encoding="utf-8")
    members: dict[str, Any] = {
        "name": "proof.item",
        "purpose": "a test",
        "send": send or Send("{urn:t}Ask", FILLED),
        "take": take or Take(Reading(Item, {}), "Item", same=lambda query, record: True),
        "schema": None if wire is not None else MessageSchema(folder / "contract.xsd", "{urn:t}Answer"),
    }
    lookup: Lookup[Any, Any] = type("ItemByIin", (Declared,), members)(Codes())
    findings = prove([lookup], wire)
    assert all(finding.origin.file == __file__ for finding in findings)
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (str, "Text"), (str, "Day"), (str, "Number"), (str, "Flag"), (str, "Word"), (str, "Open"), (str, "@id"),
        (str, "Open/Anything/@at"), (str, "@type"), (str, "Open/a/b"),
        (Day, "Day"), (Day, "Moment"), (Day, "Text"), (Day, "@id"), (Day, "Open"),
        (Moment, "Moment"), (Moment, "Text"),
        (Decimal, "Number"), (Decimal, "Count"), (Decimal, "Text"), (float, "Number"), (int, "Count"), (int, "Number"),
        (bool, "Flag"), (bool, "Count"), (bool, "Text"), (bool, Present("Empty")), (bool, Present("Many")),
        (list[str], "Many"), (list[str], "Many[*]"), (list[str], "Text"), (list[str], "Parts[*]/A"),
        (str, By(lambda texts: texts[0], "Many[*]")), (str, By(str, "Text")),
        (JsonValue, "Part"), (JsonValue, Tree("Open")), (dict[str, JsonValue], "*"),
        (Coded, "Kind"), (Coded, "Open"), (Part, At("Open", of=Reading(Part, a="x", b="y/z"))),
        (list[Part], At("Part", "Other", of=Reading(Part, a="A", b="B"))),
        (str, ("Text", By(str, "Day"))), (Part, Reading(Part, a="Text")), (str, "Open/xml()/q/b"),
    ],
)  # fmt: skip
def test_what_fits_is_not_told(tmp_path: Path, kind: Any, way: Any) -> None:
    """A text takes everything, a text in the contract fits everything, and in open content there may be anything."""
    assert taking(tmp_path, field=(kind, way)) == []


@pytest.mark.parametrize(
    ("kind", "way", "expected"),
    [
        (str, "Texd", "Item/Texd cannot occur in the contract; did you mean Text?"),
        (str, "text", "Item/text cannot occur in the contract; did you mean Text?"),
        (str, "Part/B", "Item/Part/B cannot occur in the contract; write one of A"),
        (str, "Text/A", "Item/Text/A cannot occur in the contract; nothing stands inside Item/Text"),
        (str, "@idd", "Item/@idd cannot occur in the contract; did you mean @id?"),
        (str, By(str, "Texd"), "Item/Texd cannot occur in the contract; did you mean Text?"),
        (bool, Present("Emty"), "Item/Emty cannot occur in the contract; did you mean Empty?"),
        (JsonValue, Tree("Opan"), "Item/Opan cannot occur in the contract; did you mean Open?"),
        (dict[str, JsonValue], "Pard/*", "Item/Pard cannot occur in the contract; did you mean Part?"),
        (Part, At("Part", of=Reading(Part, a="AA")), "Item/Part/AA cannot occur in the contract; did you mean A?"),
        (Part, Reading(Part, a="Texd"), "Item/Texd cannot occur in the contract; did you mean Text?"),
        (str, "Day/A", "Item/Day/A cannot occur in the contract; nothing stands inside Item/Day"),
        (Decimal, "Day", "Item/Day is a date in the contract, and the field wants a decimal"),
        (Day, "Number", "Item/Number is a decimal in the contract, and the field wants a date"),
        (Day, "Word", "Item/Word is one of N, Y in the contract, and the field wants a date"),
        (bool, "Word", "Item/Word is one of N, Y in the contract, and the field wants true or false"),
        (Moment, "Day", "Item/Day is a date in the contract, and the field wants a moment"),
        (Decimal, "@id", "Item/@id is a date in the contract, and the field wants a decimal"),
        (int, "Flag", "Item/Flag is a boolean in the contract, and the field wants a whole number"),
        (list[Day], "Count", "Item/Count is an int in the contract, and the field wants a date"),
        (str, "Part", "Item/Part holds elements and no text in the contract, and the field wants a text"),
        (str, "Empty", "Item/Empty is always empty in the contract, and the field wants a text"),
        (str, "Many", "Item/Many may repeat in the contract, and the field is no list: "
         "only the first would count; write Many[1] if that is meant"),
        (Part, At("Parts", of=Reading(Part, a="A")), "Item/Parts may repeat in the contract, and the field is no list: "
         "only the first would count; write Parts[1] if that is meant"),
        (JsonValue, Tree("Many"), "Item/Many may repeat in the contract, and the field is no list: "
         "only the first would count; write Many[1] if that is meant"),
        (str, "Parts/A", "Item/Parts may repeat in the contract, and the field is no list: "
         "only the first would count; write Parts[1] if that is meant"),
        (str, By(str, "Many"), "Item/Many may repeat in the contract, and the path takes the first alone; "
         "write Many[*], or Many[1] if that is meant"),
        (list[str], "Parts/A", "Item/Parts may repeat in the contract, and the path takes the first alone; "
         "write Parts[*], or Parts[1] if that is meant"),
        (Coded, "Part", "Item/Part has none of code, nameRu, nameKz in the contract, and the field wants a coded "
         "value"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(tmp_path: Path, kind: Any, way: Any, expected: str) -> None:
    """A path that cannot occur, a type that cannot fit, a single value that may repeat."""
    texts = taking(tmp_path, field=(kind, way))
    assert expected in [text.partition(": ")[2] for text in texts]
    assert len(texts) == 1 or kind is Coded


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (str, "Many[1]"),
        (str, "Parts[1]/A"),
        (list[str], "Parts[1]/A"),
        (str, By(str, "Many[1]")),
        (Part, At("Parts[1]", of=Reading(Part, a="A"))),
        (JsonValue, Tree("Many[1]")),
    ],
)
def test_the_first_of_several_may_be_meant(tmp_path: Path, kind: Any, way: Any) -> None:
    """Then it is said, and nothing is told."""
    assert taking(tmp_path, field=(kind, way)) == []


ANY = '<xs:complexType><xs:sequence><xs:any processContents="strict"/></xs:sequence></xs:complexType>'
WILD = CONTRACT.replace('"Open" type="xs:anyType"/>', f'"Open">{ANY}</xs:element>')


def test_a_path_through_open_content_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no mistake: nobody can say. What a schema does declare is not told."""
    assert taking(tmp_path, field=(str, "Open/Person/Name")) == []  # of xs:anyType nothing is expected
    monkeypatch.setattr(f"{__name__}.CONTRACT", WILD)
    (text,) = taking(tmp_path, field=(str, "Open/Person/Name"))
    assert text == (
        "Item.field: Item/Open/Person stands in what the contract leaves open (xs:any), and no schema says what is "
        "there: it is read unchecked"
    )
    assert taking(tmp_path, field=(str, "Open/Ask/Head/Id")) == []


def test_a_list_does_not_mean_the_first(tmp_path: Path) -> None:
    """A list takes all that stand there; so do records."""
    for declare in (
        lambda: taking(tmp_path, field=(list[str], "Many[1]")),
        lambda: Take(Reading(Item, {}), "Item[1]", same=_same),
    ):
        with pytest.raises(DeclarationError, match="a list takes all"):
            declare()


def test_a_coded_value_may_lack_one_of_its_names(tmp_path: Path) -> None:
    """But a name that no coded value of the reading has is misspelt."""
    both = {"one": (Coded, "Kind"), "two": (Coded, "Short")}
    assert taking(tmp_path, **both) == []
    (text,) = taking(tmp_path, codes=("code", "nameRu", "nameKaz"), **both)
    assert text == "codes: Item/Kind/nameKaz cannot occur in the contract; did you mean nameKz?"


def test_a_reading_at_several_places(tmp_path: Path) -> None:
    """What it declares must occur at one of them."""
    way = At("Part", "Other", of=Reading(Part, a="A", b="BB"))
    assert taking(tmp_path, field=(list[Part], way)) == [
        "Part.b: Item/Part/BB cannot occur in the contract; write one of A"
    ]


def test_xml_inside_text_has_a_schema_of_its_own(tmp_path: Path) -> None:
    """Its root is one of the global elements there."""
    (tmp_path / "inner.xsd").write_text(CONTRACT, encoding="utf-8")
    inner = MessageSchema(tmp_path / "inner.xsd", "{urn:t}Ask")
    assert taking(tmp_path, xml=inner, field=(str, "Inner/xml()/Ask/Head/Id")) == []
    assert taking(tmp_path, xml=inner, field=(str, "Inner/xml()/Ask/Heed/Id")) == [
        "Item.field: Item/Inner/xml()/Ask/Heed cannot occur in the contract; did you mean Head?"
    ]
    (text,) = taking(tmp_path, xml=inner, field=(str, "Inner/xml()/Question/Id"))
    assert "Item/Inner/xml()/Question cannot occur" in text
    assert taking(tmp_path, field=(str, "Inner/xml()/Ask/Heed/Id")) == []  # nothing says what is inside


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda r: Take(r, "Itme", same=_same), "records: Itme cannot occur in the contract; did you mean Item?"),
        (
            lambda r: Take(r, "Item", code="Cod", same=_same),
            "code: Cod cannot occur in the contract; did you mean Code?",
        ),
        (
            lambda r: Take(r, "Item", echo="Cod", same=_same),
            "echo: Cod cannot occur in the contract; did you mean Code?",
        ),
        (
            lambda r: Take(r, "Item/Part", code="Item/Text", same=_same),
            "code: Item may repeat in the contract, and the path takes the first alone; "
            "write Item[*], or Item[1] if that is meant",
        ),
    ],
)
def test_where_records_and_codes_stand(tmp_path: Path, make: Callable[[Any], Take[Any]], expected: str) -> None:
    """Their paths are proved, too."""
    assert expected in found(tmp_path, make(Reading(Item, {})))


def _same(query: Any, record: Any) -> bool:
    return True


WANTS = "the contract wants {} in the request, and nothing fills it"


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (FILLED, []),
        ({**FILLED, "Head/Note": "iin"}, []),
        ({"Head/Id": "iin", "Head/@version": "iin"}, []),  # one of a choice: which, the query says
        ({"Head/Id": "iin"}, [WANTS.format("Head/@version")]),
        ({"Head/@version": "iin"}, [WANTS.format("Head/Id")]),
        ({"Iin": "iin"}, [WANTS.format("Head")]),
        (
            {**FILLED, "Head/Nots": "iin"},
            ["Head/Nots cannot occur in the request by the contract; did you mean Note?"],
        ),
        (
            {**FILLED, "Head/@vers": "iin"},
            ["Head/@vers cannot occur in the request by the contract; did you mean @version?"],
        ),
        ({**FILLED, "Iin/x": "iin"}, ["Iin/x cannot occur in the request by the contract; nothing stands there"]),
        ({**FILLED, "{urn:t}Own": "iin"}, []),
        (
            {**FILLED, "Own": "iin"},
            ["Own stands in the namespace urn:t in the contract, and is sent in none; see `qualified` of Send"],
        ),
    ],
)
def test_requests(tmp_path: Path, places: dict[str, Any], expected: list[str]) -> None:
    """What cannot be sent, and what must be and is not."""
    assert found(tmp_path, send=Send("{urn:t}Ask", places)) == expected


class ContractWire(Wire):
    """A wire that knows its contract."""

    def __init__(self, contract: MessageContract | None) -> None:
        self._contract = contract

    async def call(self, request: Request, call: Call) -> Reply:
        raise NotImplementedError

    async def health(self) -> Health:
        raise NotImplementedError

    def contract(self, request: str | None, operation: str | None) -> MessageContract | None:
        if self._contract is None or request not in (None, self._contract.request):
            raise CallFailed(OutcomeKind.INVALID, "x.operation", "the contract has no such operation")
        return self._contract


def test_the_contract_of_the_wire(tmp_path: Path) -> None:
    """It counts where the lookup has none; a request that it has no operation for cannot leave."""
    schemas = [etree.fromstring(CONTRACT)]
    wire = ContractWire(MessageContract(schemas, "{urn:t}Ask", "{urn:t}Answer"))
    wrong = Take(Reading(Item, {}), "Itme", same=_same)
    assert found(tmp_path, wrong, wire=wire) == ["records: Itme cannot occur in the contract; did you mean Item?"]
    assert found(tmp_path, send=Send("{urn:t}Aks", FILLED), wire=wire) == [
        "the request {urn:t}Aks cannot leave: the contract has no such operation"
    ]
    table = Send("", {"Head/Id": "iin", "Head/version": "iin", "Iin": "iin"})
    assert "Head/version cannot occur" in found(tmp_path, send=table, wire=wire)[0]
    assert found(tmp_path, wrong, wire=ContractWire(MessageContract(schemas, "{urn:t}Ask"))) == []


def test_a_form_that_the_wire_refuses(tmp_path: Path) -> None:
    """What the wire says of the form that a question has is told with the question's line."""

    class StrictWire(ContractWire):
        def check_form(self, form: Form) -> None:
            if form.signed:
                raise CallFailed(OutcomeKind.INVALID, "x.no_key", "set a key")

    for signed in (True, False):
        send = Send("{urn:t}Ask", FILLED, form=Form(Shape.TEXT, signed=signed))
        told = found(tmp_path, send=send, wire=StrictWire(None))
        assert (told == ["the request {urn:t}Ask cannot leave: set a key"]) is signed


def test_what_code_does_is_left_out(tmp_path: Path) -> None:
    """Of a lookup that asks by itself, only what its own schema says of the answer is sure."""
    wire = ContractWire(MessageContract([etree.fromstring(CONTRACT)], "{urn:t}Ask", "{urn:t}Answer"))

    class ByCode(Declared[ItemQuery, Item]):
        name = "proof.code"
        purpose = "a test"
        send = Send("{urn:t}Token", {"Nothing": "iin"})
        take = Take(Reading(Item, {}), "Nowhere", same=_same)

        async def ask(self, query: ItemQuery, source: Any) -> Any:
            raise NotImplementedError

    assert prove([ByCode()], wire) == []
    (tmp_path / "contract.xsd").write_text(CONTRACT, encoding="utf-8")
    own = type("Own", (ByCode,), {"schema": MessageSchema(tmp_path / "contract.xsd", "{urn:t}Answer")})
    assert [one.text.partition(" ")[2].partition(" ")[0] for one in prove([own()], wire)] == ["Nowhere"]


def test_schemas_that_cannot_be_used(tmp_path: Path) -> None:
    """A root that is not in the schema, a file that is no XML or is not there: with the line of the class."""
    (tmp_path / "contract.xsd").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "broken.xsd").write_text("<xs:schema", encoding="utf-8")

    class Misnamed(Declared[ItemQuery, Item]):
        name = "proof.schema"
        purpose = "a test"
        send = Send("{urn:t}Ask", FILLED)
        take = Take(Reading(Item, {}), "Item", same=_same)
        schema = MessageSchema(tmp_path / "contract.xsd", "{urn:t}Anser")

    class Broken(Misnamed):
        schema = MessageSchema(tmp_path / "broken.xsd", "{urn:t}Answer")

    class Absent(Misnamed):
        schema = MessageSchema(tmp_path / "absent.xsd", "{urn:t}Answer")

    misnamed, broken, absent = prove([Misnamed(), Broken(), Absent()])
    assert "absent.xsd is not there" in absent.text
    assert "has no element {urn:t}Anser" in misnamed.text
    assert "cannot be read" in broken.text
    assert (misnamed.origin.line, broken.origin.line) == (
        inspect.getsourcelines(Misnamed)[1],
        inspect.getsourcelines(Broken)[1],
    )


class Annotations(Record):
    type: Literal["proof.Annotations"] = "proof.Annotations"
    misspelt: Annotated[str | None, At("Texd")] = None
    parts: list[Part] = Field(default_factory=list)
    day: date | None = None


ANNOTATED = Reading(
    Annotations,
    day="Dayy",
    parts=At(
        "Partz",
    ),
)
SHARED = Take(ANNOTATED, "Item", code="Cod", same=_same)


def test_lines(tmp_path: Path) -> None:
    """Of the path itself where it stands in the call, or in the model; lookups that share one are named together."""
    (tmp_path / "contract.xsd").write_text(CONTRACT, encoding="utf-8")

    class One(Declared[ItemQuery, Annotations]):
        name = "proof.one"
        purpose = "a test"
        send = Send(
            "{urn:t}Ask",
            {
                **FILLED,
                "Hed": "iin",
            },
        )
        take = SHARED
        schema = MessageSchema(tmp_path / "contract.xsd", "{urn:t}Answer")

    class Two(One):
        name = "proof.two"

    findings = prove([One(Codes()), Two(Codes())])
    assert {finding.lookups for finding in findings} == {("proof.one", "proof.two")}
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    shown = [lines[finding.origin.line - 1].strip() for finding in findings]
    assert shown == [
        'misspelt: Annotated[str | None, At("Texd")] = None',
        'day="Dayy",',
        '"Partz",',
        'SHARED = Take(ANNOTATED, "Item", code="Cod", same=_same)',
        '"Hed": "iin",',
    ]
    assert str(findings[0]).startswith(
        f"{__file__}:{findings[0].origin.line}: proof.one, proof.two: Annotations.misspelt"
    )
