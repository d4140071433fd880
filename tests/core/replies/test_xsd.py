"""What a contract rules out: names, how often, and what a text is. What is not understood rules nothing out."""

import pytest
from lxml import etree

from appealbus.core.replies.xsd import SchemaModel, Shape

XSD = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o"'
MANY = 2**31


def document(inside: str, more: str = 'targetNamespace="urn:t"') -> etree._Element:
    return etree.fromstring(f"<xs:schema {XSD} {more}>{inside}</xs:schema>")


def shape(inside: str, *others: etree._Element) -> Shape:
    """Return what may stand inside the element `r` of a schema."""
    model = SchemaModel([document(inside), *others])
    place = model.element("{urn:t}r")
    assert place is not None
    return model.shape(place)


def counts(found: Shape) -> dict[str, tuple[int, int]]:
    return {name: (child.least, child.most) for name, child in found.children.items()}


def of_type(content: str, more: str = "", attributes: str = "") -> Shape:
    return shape(f'<xs:element name="r"><xs:complexType {attributes}>{content}</xs:complexType></xs:element>{more}')


A, B = '<xs:element name="a" type="xs:int"/>', '<xs:element name="b" type="xs:int" minOccurs="0" maxOccurs="3"/>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"<xs:sequence>{A}{B}</xs:sequence>", {"a": (1, 1), "b": (0, 3)}),
        (f'<xs:sequence minOccurs="0" maxOccurs="2">{A}{B}</xs:sequence>', {"a": (0, 2), "b": (0, 6)}),
        (f"<xs:all>{A}</xs:all>", {"a": (1, 1)}),
        (f"<xs:choice>{A}{B}</xs:choice>", {"a": (0, 1), "b": (0, 3)}),
        (f'<xs:choice maxOccurs="unbounded">{A}{B}</xs:choice>', {"a": (0, MANY), "b": (0, MANY)}),
        (f"<xs:choice>{A}</xs:choice>", {"a": (1, 1)}),
        (f"<xs:sequence>{A}<xs:choice>{A}{B}</xs:choice></xs:sequence>", {"a": (1, 2), "b": (0, 3)}),
        ('<xs:sequence><xs:element name="a" maxOccurs="0"/></xs:sequence>', {}),
        ('<xs:group ref="t:g"/>', {"a": (1, 1), "b": (0, 3)}),
        ('<xs:sequence><xs:element ref="t:e" maxOccurs="2"/></xs:sequence>', {"e": (1, 2)}),
    ],
)
def test_how_often_an_element_stands_there(content: str, expected: dict[str, tuple[int, int]]) -> None:
    """The group's own numbers multiply those of what is in it; of a choice, one."""
    group = f'<xs:group name="g"><xs:sequence>{A}{B}</xs:sequence></xs:group><xs:element name="e" type="xs:date"/>'
    found = of_type(content, group)
    assert counts(found) == expected
    assert not found.open


def test_extension_restriction_and_derived_types() -> None:
    """A type has what its base has; `xsi:type` may bring in what any type derived from it has."""
    types = f"""
    <xs:element name="r" type="t:Base"/><xs:element name="ext" type="t:Ext"/><xs:element name="less" type="t:Less"/>
    <xs:complexType name="Base">
    <xs:sequence>{A}{B}</xs:sequence><xs:attribute name="id" use="required"/></xs:complexType>
    <xs:complexType name="Ext"><xs:complexContent><xs:extension base="t:Base">
      <xs:sequence><xs:element name="c"/></xs:sequence><xs:attribute name="more"/>
    </xs:extension></xs:complexContent></xs:complexType>
    <xs:complexType name="Less"><xs:complexContent><xs:restriction base="t:Base"><xs:sequence>{A}</xs:sequence>
    </xs:restriction></xs:complexContent></xs:complexType>"""
    model = SchemaModel([document(types)])
    base, ext, less = (model.shape(model.element(f"{{urn:t}}{name}") or ()) for name in ("r", "ext", "less"))
    assert counts(base) == {"a": (1, 1), "b": (0, 3), "c": (0, 1)}
    assert (base.attributes["id"].needed, base.attributes["more"].needed) == (True, False)
    assert counts(ext) == {"a": (1, 1), "b": (0, 3), "c": (1, 1)}
    assert counts(less) == {"a": (1, 1)}
    assert list(less.attributes) == ["id"]


def test_members_of_a_substitution_group_may_stand_for_their_head() -> None:
    """Also members of a member; and then the head itself is not needed."""
    found = of_type(
        '<xs:sequence><xs:element ref="t:head"/></xs:sequence>',
        '<xs:element name="head" type="xs:date" abstract="true"/><xs:element name="one" substitutionGroup="t:head"/>'
        '<xs:element name="two" type="xs:date" substitutionGroup="t:one"/>',
    )
    assert counts(found) == {"head": (0, 1), "one": (0, 1), "two": (0, 1)}
    model = SchemaModel(
        [document('<xs:element name="h" type="xs:date"/><xs:element name="m" substitutionGroup="t:h"/>')]
    )
    text = model.shape(model.element("{urn:t}m") or ()).text
    assert text is not None
    assert text.kinds == {"date"}


@pytest.mark.parametrize(
    "inside",
    [
        '<xs:element name="r"/>',
        '<xs:element name="r" type="xs:anyType"/>',
        '<xs:element name="r" type="t:Missing"/>',
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:any/></xs:sequence></xs:complexType></xs:element>',
        '<xs:element name="r"><xs:complexType><xs:openContent/></xs:complexType></xs:element>',
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:new/></xs:sequence></xs:complexType></xs:element>',
        '<xs:element name="r"><xs:complexType><xs:group ref="t:none"/></xs:complexType></xs:element>',
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:element ref="o:e"/></xs:sequence></xs:complexType>'
        "</xs:element>",
        '<xs:element name="r"><xs:complexType><xs:complexContent><xs:extension base="t:None"/></xs:complexContent>'
        "</xs:complexType></xs:element>",
        '<xs:element name="r"><xs:complexType><xs:complexContent><xs:restriction base="o:Array"/></xs:complexContent>'
        "</xs:complexType></xs:element>",
        '<xs:element name="r" type="t:Loop"/><xs:complexType name="Loop"><xs:complexContent>'
        '<xs:extension base="t:Loop"/></xs:complexContent></xs:complexType>',
        '<xs:element name="r"><xs:complexType><xs:group ref="t:g"/></xs:complexType></xs:element>'
        '<xs:group name="g"><xs:sequence><xs:group ref="t:g"/></xs:sequence></xs:group>',
        '<xs:element name="r" type="t:T"/><xs:complexType name="T"/>'
        '<xs:redefine schemaLocation="x"><xs:complexType name="T"/></xs:redefine>',
        '<xs:element name="r" type="t:T"/><xs:complexType name="T"/><xs:complexType name="T" mixed="true"/>',
        '<xs:element name="r" type="xs:int"><xs:alternative type="t:T"/></xs:element>',
        '<xs:element name="r" substitutionGroup="t:r"/>',
    ],
)
def test_what_is_not_understood_is_anything(inside: str) -> None:
    """Wildcards, what XSD 1.1 added, names that lead nowhere or to two things, and circles."""
    assert shape(inside).open


def test_a_type_that_holds_itself_is_no_circle() -> None:
    """A tree of parts: asked step by step."""
    part = (
        '<xs:element name="r" type="t:Part"/><xs:complexType name="Part"><xs:sequence>'
        '<xs:element name="part" type="t:Part" minOccurs="0"/></xs:sequence></xs:complexType>'
    )
    model = SchemaModel([document(part)])
    place = model.element("{urn:t}r")
    for _ in range(50):
        assert place is not None
        found = model.shape(place)
        assert counts(found) == {"part": (0, 1)}
        place = found.children["part"].place


def test_what_is_included_may_have_no_namespace() -> None:
    """Such a document takes on the one of who includes it; what it names may be of that one."""
    part = document(
        '<xs:complexType name="Part"><xs:sequence><xs:element name="a"/></xs:sequence></xs:complexType>', ""
    )
    assert counts(shape('<xs:element name="r" type="t:Part"/>', part)) == {"a": (1, 1)}


def test_the_same_document_twice_is_no_contradiction() -> None:
    """It may be there under two addresses."""
    one = '<xs:element name="r" type="t:T"/><xs:complexType name="T"><xs:sequence/></xs:complexType>'
    assert not shape(one, document(one)).open


@pytest.mark.parametrize(
    ("simple", "kinds", "words"),
    [
        ('<xs:restriction base="xs:date"/>', {"date"}, None),
        ('<xs:restriction base="t:Word"/>', {"token"}, {"yes", "no"}),
        (
            '<xs:restriction><xs:simpleType><xs:restriction base="xs:int"/></xs:simpleType></xs:restriction>',
            {"int"},
            None,
        ),
        ('<xs:union memberTypes="xs:date t:Word"/>', {"date", "token"}, None),
        ('<xs:list itemType="xs:date"/>', {"string"}, None),
        ('<xs:restriction base="t:None"/>', {"string"}, None),
    ],
)
def test_what_a_text_is(simple: str, kinds: set[str], words: set[str] | None) -> None:
    """Of an element, of one with attributes, and of an attribute."""
    word = (
        '<xs:simpleType name="Word"><xs:restriction base="xs:token"><xs:enumeration value="yes"/>'
        '<xs:enumeration value="no"/></xs:restriction></xs:simpleType>'
    )
    named = f'{word}<xs:simpleType name="S">{simple}</xs:simpleType>'
    plain = shape(f'<xs:element name="r" type="t:S"/>{named}')
    wide = of_type(
        '<xs:simpleContent><xs:extension base="t:S"><xs:attribute name="a" type="t:S"/></xs:extension>'
        "</xs:simpleContent>",
        named,
    )
    for text in (plain.text, wide.text, wide.attributes["a"].text):
        assert text is not None
        assert text.kinds == kinds
        assert text.words == words


def test_attributes() -> None:
    """In groups, by reference, and wildcards; a fixed one needs not be written."""
    found = of_type(
        '<xs:attribute name="a" use="required"/><xs:attribute name="f" use="required" fixed="1"/>'
        '<xs:attribute ref="t:global"/><xs:attributeGroup ref="t:g"/>',
        '<xs:attribute name="global" type="xs:date"/>'
        '<xs:attributeGroup name="g"><xs:attribute name="b"/></xs:attributeGroup>',
    )
    assert {name: each.needed for name, each in found.attributes.items()} == {
        "a": True,
        "f": False,
        "global": False,
        "b": False,
    }
    assert found.attributes["global"].text.kinds == {"date"}
    assert not found.open_attributes
    assert of_type("<xs:anyAttribute/>").open_attributes
    assert of_type('<xs:attributeGroup ref="t:none"/>').open_attributes


def test_mixed_and_empty() -> None:
    """Text may stand between elements where the type says so, and in an empty flag there is none."""
    assert of_type("<xs:sequence/>").text is None
    assert of_type("<xs:sequence/>", attributes='mixed="true"').text is not None


def test_namespaces_of_elements() -> None:
    """By the form of the element or of its document; unknown where the document may be included by another one."""
    inside = (
        '<xs:element name="r"><xs:complexType><xs:sequence><xs:element name="a"/>'
        '<xs:element name="b" form="qualified"/></xs:sequence></xs:complexType></xs:element>'
    )
    model = SchemaModel([document(inside)])
    root = model.element("{urn:t}r") or ()
    children = model.shape(root).children
    assert [model.namespaces(place) for place in (root, children["a"].place, children["b"].place)] == [
        {"urn:t"},
        {None},
        {"urn:t"},
    ]
    unknown = SchemaModel([document('<xs:element name="r"/>', "")])
    assert unknown.namespaces(unknown.element("r") or ()) is None


def test_groups_that_double_are_looked_at_once() -> None:
    """Thirty groups, each with the next one twice, would be a thousand million particles."""
    twice = 2 * '<xs:group ref="t:g{0}"/>'
    groups = "".join(
        f'<xs:group name="g{i}"><xs:sequence>{twice.format(i + 1)}</xs:sequence></xs:group>' for i in range(30)
    )
    last = f'<xs:group name="g30"><xs:sequence>{A}</xs:sequence></xs:group>'
    assert counts(of_type('<xs:group ref="t:g0"/>', groups + last)) == {"a": (2**30, 2**30)}
