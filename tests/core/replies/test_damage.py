"""Replies that break their schema in many places, at random, at scale or in another order."""

import random
from collections import Counter
from copy import deepcopy

import pytest
from lxml import etree

from appealbus.core import OutcomeKind, ReplyCheck
from appealbus.core.interfaces.notes import MORE, Notes
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.schemas import loosened, vocabulary_of
from appealbus.core.replies.xmlschema import Checker
from tests.core.replies.licences import (
    IIN,
    LICENCE,
    NS,
    XSD,
    differences,
    put,
    whole,
    xml,
)

pytestmark = pytest.mark.usefixtures("licence_schema")


async def test_random_damage_makes_no_other_value() -> None:
    """Whatever is taken out, put in, doubled, renamed or overwritten: each value is the true one or absent."""
    good, dice = await whole(), random.Random(7)
    kinds: Counter[str] = Counter()
    for _ in range(400):
        reply = xml(LICENCE)
        for _ in range(dice.randint(1, 3)):
            _damage(dice, reply)
        outcome = await put(reply)
        kinds[outcome.kind.value] += 1
        if outcome.kind is OutcomeKind.NOT_FOUND:
            assert (await put(reply, ReplyCheck.STRICT)).kind is OutcomeKind.NOT_FOUND
        if outcome.record is None:
            continue
        for name, value in outcome.record.model_dump().items():
            true = good.model_dump()[name]
            if name == "papers":
                assert all(paper in true for paper in value)
            elif name == "open":
                assert value is None or value.get("colour") in (None, "valid", ["valid", "valid"])
            else:
                assert value in (true, None, False), (name, etree.tostring(reply))
    assert kinds["found"] > 100
    assert kinds["invalid"] > 30


def _damage(dice: random.Random, reply: etree._Element) -> None:
    nodes = [node for node in reply.iter() if node is not reply]
    if not nodes:
        return
    node = dice.choice(nodes)
    above = node.getparent()
    assert above is not None
    match dice.randrange(5):
        case 0:
            above.remove(node)
        case 1:
            above.insert(dice.randrange(len(above) + 1), etree.Element(f"{{{NS}}}{dice.choice(['new', 'x1'])}"))
        case 2:
            again = deepcopy(node)
            if len(again) == 0:
                again.text = "?!" * 5
            node.addnext(again)
        case 3:
            node.tag = f"{{{NS}}}renamed"
        case _:
            if len(node) == 0:
                node.text = "?!" * 5


@pytest.mark.parametrize(
    ("inside", "taken"),
    [
        ("<new/>" + LICENCE.replace("<serial>4</serial>", "<new><newer/></new>") * 200, True),
        (LICENCE.replace(">valid</state>", ">x</state>") + LICENCE * 200, False),
        (LICENCE.replace("</state>", "</state><state>revoked</state>") + LICENCE * 200, False),
        (LICENCE * 200 + '<licence xmlns="urn:other"/>', False),
        (LICENCE.replace("<state>valid", "<state>valid<new/>") + LICENCE * 200, False),
        (LICENCE.replace("<state>valid", "<state>valid<new/>ated") + LICENCE * 200, False),
        (LICENCE * 4_000 + "<new/>", False),
    ],
)
def test_a_large_reply(inside: str, taken: bool) -> None:
    """What is new or missing in it may be; what is wrong may not, for nobody looks for its place."""
    if taken:
        assert differences(xml(inside)) == {MORE: 1}
        return
    with pytest.raises(CallFailed, match="large") as caught:
        differences(xml(inside))
    assert caught.value.at_scale


def test_differences_have_an_end() -> None:
    """All of a thousand are looked at; what costs too much to sort out is refused."""
    broken = "<licence><iin>1</iin><serial>x</serial><state>q</state></licence>"
    assert sum(differences(xml(broken * 450)).values()) == 3 * 450
    for inside in ("<state>valid</state>" * 1_900, "<state>valid</state><iin>1</iin>" * 900):
        with pytest.raises(CallFailed, match="more places than are looked at") as caught:
            differences(xml(f"<licence>{inside}</licence>"))
        assert caught.value.at_scale


def test_differences_that_take_too_long_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the schema counts inside of what repeats, libxml2 needs half a second for each look at some elements."""
    again = '<xs:sequence maxOccurs="20"><xs:element name="a" maxOccurs="20"/></xs:sequence>'
    text = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="A"><xs:complexType>{again}
</xs:complexType></xs:element></xs:schema>"""
    root = etree.fromstring(text)
    checker = Checker(etree.XMLSchema(root), vocabulary_of([root]), loosened({"a": text.encode()}, "a"))
    monkeypatch.setattr("appealbus.core.replies.differences._LONGEST", 0.1)
    with pytest.raises(CallFailed, match="take too long to find") as caught:
        checker.take(etree.fromstring(f"<A>{'<a/>' * 500}<c/></A>"), Notes(ReplyCheck.LENIENT))
    assert caught.value.at_scale


@pytest.mark.parametrize(
    ("inside", "places"),
    [
        ('<p>1</p><p xmlns="">2</p>', {"p": 1}),
        ('<p xmlns="">1</p>', {"p": 1}),
        ('<p>1</p><q/><p xmlns="">2</p>', {"p": 1}),
    ],
)
def test_one_name_in_a_namespace_and_in_none(inside: str, places: dict[str, int]) -> None:
    """The one that breaks the schema is counted, by its name, and no other is touched."""
    text = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:q" xmlns="urn:q">
<xs:element name="p" type="xs:int"/><xs:element name="q"/><xs:element name="A"><xs:complexType><xs:sequence>
<xs:element ref="p" minOccurs="0"/><xs:element ref="q" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""
    root = etree.fromstring(text)
    checker = Checker(etree.XMLSchema(root), vocabulary_of([root]), loosened({"a": text.encode()}, "a"))
    reply, notes = etree.fromstring(f'<A xmlns="urn:q">{inside}</A>'), Notes(ReplyCheck.LENIENT)
    checker.take(reply, notes)
    assert notes.differences == places
    assert [each.text for each in reply.iter("{urn:q}p")] == ["1"] * inside.count("<p>")


async def test_another_order_hides_nothing() -> None:
    """Elements in the reverse order are taken, and each value is held to the schema all the same."""
    reply = xml(LICENCE)
    reply[0][:] = reversed(reply[0])
    whole_one = await whole()
    papers = list(reversed(whole_one.papers))
    assert (await put(reply)).record == whole_one.model_copy(update={"papers": papers})
    for path, value, gone in (("state", "x", "state"), ("main/number", "123456789", "main"), ("until", "x", "until")):
        other = deepcopy(reply)
        element = other[0].find("/".join(f"{{{NS}}}{name}" for name in path.split("/")))
        assert element is not None
        element.text = value
        assert (await put(other)).record == whole_one.model_copy(update={"papers": papers, gone: None})


async def test_in_another_order_two_values_of_one_are_none() -> None:
    """An element that stands twice and may stand once has no value, wherever the two are."""
    good = await whole()
    for path, another in (("state", "revoked"), ("until", "2031-01-01"), ("points", "9"), ("stolen", "false")):
        for far in (False, True):
            reply = xml(LICENCE)
            reply[0][:] = reversed(reply[0])
            element = reply[0].find(f"{{{NS}}}{path}")
            assert element is not None
            twin = deepcopy(element)
            twin.text = another
            (reply[0].append if far else element.addprevious)(twin)
            outcome = await put(reply)
            assert outcome.record is not None
            assert outcome.record.model_dump()[path] in (None, False) != good.model_dump()[path]


async def test_a_schema_that_cannot_be_loosened_hides_nothing_either() -> None:
    """Where elements are told apart by what must be there alone, one that is not expected is refused."""
    two = '<xs:element name="state" type="t:State"/>'
    xsd = etree.fromstring(XSD.replace(two, two + '<xs:element name="gap" type="xs:int"/>' + two))
    texts = {"a": etree.tostring(xsd, encoding="utf-8")}
    assert loosened(texts, "a") is None
    checker = Checker(etree.XMLSchema(xsd), vocabulary_of([xsd]))
    reply, notes = xml(LICENCE), Notes(ReplyCheck.LENIENT)
    checker.take(reply, notes)
    assert notes.differences["licence/until"] == 1
    texts_of = {etree.QName(node).localname: node.text for node in reply[0] if isinstance(node.tag, str)}
    assert (texts_of["iin"], texts_of["state"], texts_of["until"], texts_of["points"]) == (IIN, "valid", "?", "?")
