"""The five shapes of `data`: whatever the text, the content comes out as it went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from appealbus.connectors.shep import ShepSettings
from appealbus.connectors.shep.data import XSI_TYPE, MessageBuilder, put, take
from appealbus.core import Call, CallFailed, OutcomeKind, Shape
from tests.connectors.shep.answers import Question, data_of, read_question

LIMIT = 1024 * 1024
TEXTS = st.lists(
    st.sampled_from(["]]>", "]]", ">", "<![CDATA[", "&#13;", "&amp;", "\r", "\r\n", "\n", "\t", "<", "&", '"', "'"])
    | st.sampled_from("әғқңөұүһіӘҒҚҢӨҰҮҺІ")
    | st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cn"], exclude_characters="\x7f\ufffe\uffff"),
    max_size=12,
).map("".join)


def content(text: str, attribute: str) -> etree._Element:
    root = etree.Element("{urn:q}q", {"of": attribute}, nsmap={"q": "urn:q", "xs": "http://www.w3.org/2001/XMLSchema"})
    child = etree.SubElement(root, "name")
    child.text = text
    child.set("note", attribute)
    etree.SubElement(root, "{urn:q}other").tail = "after"
    return root


def inside(element: etree._Element) -> list[tuple[str, str, str, dict[str, str]]]:
    return [(str(item.tag), item.text or "", item.tail or "", dict(item.attrib)) for item in element.iterdescendants()]


def sent_as(content: etree._Element, shape: Shape, type_name: str | None = None) -> Question:
    settings = ShepSettings(url="http://127.0.0.1/", service_id="S", sender_id="T")
    return read_question(MessageBuilder(settings).build(put(content, shape, type_name), Call("id", "N", 1.0)))


@pytest.mark.parametrize("shape", list(Shape))
@given(text=TEXTS, attribute=TEXTS)
def test_round_trip(shape, text, attribute):
    """A question and an answer give back every character, in each of the five shapes."""
    sent = content(text, attribute)
    received = take(etree.fromstring(data_of(sent, shape)), limit=LIMIT)

    for element in (sent_as(sent, shape).content, received):
        assert inside(element) == inside(sent)
        assert element.get("of") == attribute
        assert element.tag == ("data" if shape in (Shape.TYPED, Shape.BARE) else "{urn:q}q")


def test_typed():
    """The type stands on data: the one that the settings name, or else the name of the content's element."""
    payload = sent_as(content("", ""), Shape.TYPED, "{urn:kdp}request").data
    prefix, _, name = payload.get(XSI_TYPE).partition(":")
    assert (payload.nsmap[prefix], name) == ("urn:kdp", "request")

    payload = sent_as(etree.fromstring("<plain><a/></plain>"), Shape.TYPED).data
    assert payload.get(XSI_TYPE) == "plain"


def data(xml: str) -> etree._Element:
    return etree.fromstring(xml)


@pytest.mark.parametrize(
    ("xml", "tag"),
    [
        ("<data> <one><a/></one> </data>", "one"),
        ("<data>&lt;one/&gt;</data>", "one"),
        ("<data>&lt;one></data>", None),
        ("<data>\n <![CDATA[ <?xml version='1.0' encoding='windows-1251'?><one>Қ</one>]]>\n</data>", "one"),
        ("<data>\n\ufeff&lt;?xml version='1.0'?&gt;&lt;one&gt;Қ&lt;/one&gt;</data>", "one"),
        ("<data><a/><b/></data>", "data"),
        ('<data xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="own"><a/></data>', "data"),
        (
            '<data xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema" '
            'i:type="x:anyType"><a/></data>',
            "a",
        ),
        ("<data>plain text</data>", "data"),
        ("<data>text<a/></data>", "data"),
        ("<data/>", "data"),
        ("<data>&lt;one>&amp;lt;two/></data>", None),
        ("<data>&amp;lt;one/></data>", "data"),
        ("<data>&lt;one>&amp;lt;two/>&lt;/one></data>", "one"),
        ("<data>&lt;!DOCTYPE a [&lt;!ENTITY b 'c'>]>&lt;a>&amp;b;&lt;/a></data>", None),
    ],
)
def test_reading(xml, tag):
    """Text first, then one child, then the whole of data; XML in text is unescaped once and no more."""
    if tag is None:
        with pytest.raises(CallFailed) as caught:
            take(data(xml), limit=LIMIT)
        assert caught.value.kind is OutcomeKind.INVALID
        assert caught.value.code.startswith("shep.data_xml_")
    else:
        element = take(data(xml), limit=LIMIT)
        assert element.tag == tag
        assert len(element) < 3


def test_nested_text_is_not_unescaped_twice():
    """Escaped XML inside the nested XML stays text."""
    element = take(data("<data>&lt;one>&amp;lt;two/>&lt;/one></data>"), limit=LIMIT)

    assert (element.text, len(element)) == ("<two/>", 0)


def test_nested_bomb_is_bounded():
    """Nested XML is held to the limit too."""
    bomb = etree.Element("data")
    bomb.text = "<a>" + "x" * 2000 + "</a>"
    with pytest.raises(CallFailed, match=r"shep\.data_xml_too_large"):
        take(bomb, limit=1000)


def test_nested_declaration_no_longer_holds():
    """Text was decoded with its envelope; the encoding that it declares is that of another time."""
    nested = etree.Element("data")
    nested.text = '<?xml version="1.0" encoding="windows-1251"?><name>Әлия</name>'
    element = take(nested, limit=LIMIT)

    assert element.text == "Әлия"


@pytest.mark.parametrize("shape", list(Shape))
def test_cdata_inside_the_content(shape):
    """Content may hold CDATA sections and comments of its own."""
    sent = etree.Element("{urn:q}q")
    etree.SubElement(sent, "a").text = etree.CDATA("<x>&")
    sent.append(etree.Comment("]]>"))
    etree.SubElement(sent, "b").text = "y"
    payload = sent_as(sent, shape).content

    assert [(item.tag, item.text) for item in payload.iterchildren("*")] == [("a", "<x>&"), ("b", "y")]
