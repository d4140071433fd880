"""Replies that break their schema: strict, lenient, off. Lenient is not off, and no other document is an answer."""

import random
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from appealbus.core import Outcome, OutcomeKind, ReplyCheck, Source
from appealbus.core.interfaces.notes import MORE, Notes
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.core.replies.loose import loosened
from appealbus.core.replies.vocabulary import vocabulary_of
from appealbus.core.replies.xmlschema import Checker, MessageSchema
from appealbus.core.testing import ScriptedWire
from appealbus.schemas.record import Record
from tests.core.replies.licences import (
    CANARY,
    IIN,
    LICENCE,
    NS,
    OTHER,
    SIGNATURE,
    XSD,
    ByCode,
    ByHand,
    ByIin,
    Codes,
    Licence,
    LicenceQuery,
    differences,
    put,
    whole,
    xml,
)


@pytest.fixture(autouse=True, scope="module")
def _schema(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("degrees") / "degrees.xsd"
    file.write_text(XSD)
    ByIin.schema = MessageSchema(file, f"{{{NS}}}Answer")


@pytest.mark.parametrize("check", list(ReplyCheck))
@pytest.mark.parametrize("place", ["<licence ", "<serial>", "<day>", "</licence>"])
async def test_a_signature_that_no_schema_knows_is_no_difference(check: ReplyCheck, place: str) -> None:
    """Wherever it stands, in every degree."""
    reply = xml(LICENCE.replace(place, SIGNATURE + place, 1))
    assert (await put(reply, check)).record == await whole()
    assert not differences(reply)


async def test_text_behind_a_signature_is_looked_at() -> None:
    """It is no part of the signature."""
    assert differences(xml(LICENCE.replace("<serial>", f"{SIGNATURE}{CANARY}<serial>"))) == {"licence": 1}


@pytest.mark.parametrize(
    ("old", "new", "field", "path"),
    [
        (">valid</state>", ">VALID</state>", "state", "licence/state"),
        (">2030-01-01<", ">01.01.2030<", "until", "licence/until"),
        (">3</points>", ">3.5</points>", "points", "licence/points"),
        (">3</points>", "><!-- -->x</points>", "points", "licence/points"),
        (">true</stolen>", ">maybe</stolen>", "stolen", "licence/stolen"),
        ('"valid"', '"other"', "kind", "licence/@kind"),
        ("<number>1<", f"<number>{CANARY}<", "main", "licence/main/number"),
        ("<day>2020-01-01<", "<day>2020<", "main", "licence/main/day"),
        ("<colour>valid", f"<colour>{CANARY}", "open", "licence/open/colour"),
        ("</state>", "</state><state>revoked</state>", "state", "licence/state"),
        ("</until>", "</until><until>2031-01-01</until>", "until", "licence/until"),
        ("</main>", "</main><main><number>9</number><day>2020-01-01</day></main>", "main", "licence/main"),
        ("</stolen>", "</stolen><stolen>false</stolen>", "stolen", "licence/stolen"),
    ],
)
@pytest.mark.parametrize("beside", ["", "<new/>"])
async def test_an_optional_value_that_the_schema_does_not_allow_is_none(
    old: str, new: str, field: str, path: str, beside: str
) -> None:
    """It is absent and counted by its path, never another value: also where something unknown stands before it."""
    reply = xml(LICENCE.replace("<iin>", f"{beside}<iin>").replace(old, new, 1))
    expected = (await whole()).model_copy(update={field: None if field != "open" else {"colour": None}})
    assert (await put(reply)).record == expected
    told = differences(reply)
    assert told[path] == 1
    assert told["licence/*"] == len(beside) // 6
    assert CANARY not in str(told)
    assert (await put(reply, ReplyCheck.STRICT)).code == "reply.schema"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (IIN, f"{IIN}9", "reply.bad_value"),
        ("</iin>", f"</iin><iin>{OTHER}</iin>", "reply.bad_value"),
        (f"<iin>{IIN}</iin>", "", "reply.missing"),
        (IIN, OTHER, "degrees.other_licence"),
        ("<number>2<", f"<number>{CANARY}<", "reply.bad_value"),
        ("<day>2021-01-01</day>", "", "reply.missing"),
        ("<paper>", '<paper i:nil="true" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">', "reply.missing"),
    ],
)
async def test_what_the_record_needs_must_be_there(old: str, new: str, code: str) -> None:
    """Without it there is no record, in any degree but off."""
    reply = xml(LICENCE.replace(old, new, 1))
    outcome = await put(reply)
    assert (outcome.kind, outcome.code) == (OutcomeKind.INVALID, code)
    assert CANARY not in (outcome.reason or "")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (LICENCE.replace("<serial>4</serial>", ""), {"licence/serial": 1}),
        (LICENCE.replace("<serial>", "<new>1</new><newer/><serial>"), {"licence/*": 2}),
        (LICENCE.replace("<licence ", '<licence new="1" '), {"licence/@*": 1}),
        (f"<new/>{LICENCE}<new/>", {"*": 2}),
        (LICENCE.replace("<points>", f"{CANARY}<points>"), {"licence": 1}),
        (LICENCE.replace("<state>valid</state>", "").replace("</points>", "</points><state>valid</state>"), None),
    ],
)
async def test_what_the_record_does_not_need(reply: str, told: dict[str, int] | None) -> None:
    """What is missing or new beside it is counted by names of the schema, and the record is whole."""
    assert (await put(xml(reply))).record == await whole()
    if told is not None:
        assert differences(xml(reply)) == told


async def test_namespaces_that_a_sender_mixes_up() -> None:
    """Elements without a namespace are those of the schema, and what is in them is held to it; foreign ones are not."""
    bare = etree.fromstring(f'<a:Answer xmlns:a="{NS}">{LICENCE}</a:Answer>')
    assert (await put(bare)).record == await whole()
    assert differences(bare) == {"licence": 1}
    broken = etree.fromstring(f'<a:Answer xmlns:a="{NS}">{LICENCE.replace(">valid</state>", ">x</state>")}</a:Answer>')
    assert (await put(broken)).record == (await whole()).model_copy(update={"state": None})
    qualified = etree.fromstring(XSD.replace('elementFormDefault="qualified"', ""))
    schema = Checker(etree.XMLSchema(qualified), vocabulary_of([qualified]))
    for told, count in (
        (LICENCE, {"licence": 1}),
        (LICENCE.replace(">3<", ">x<"), {"licence": 1, "licence/points": 1}),
    ):
        notes = Notes(ReplyCheck.LENIENT)
        schema.take(xml(told), notes)
        assert notes.differences == count
    foreign = etree.fromstring(f'<a:Answer xmlns:a="{NS}" xmlns="urn:other">{LICENCE}</a:Answer>')
    assert (await put(foreign)).code == "reply.missing"
    value = xml(LICENCE.replace("<points>3</points>", '<points xmlns="urn:other">3</points>'))
    assert (await put(value)).record == (await whole()).model_copy(update={"points": None})


@pytest.mark.parametrize(
    "reply",
    [
        xml("<new/>"),
        xml(f"<code>0</code><lisence>{LICENCE}</lisence>"),
        xml("<error>no such person</error>"),
        xml("", "Response"),
        xml(f"<iin>{IIN}</iin>", "Ask"),
        xml(LICENCE, "Response"),
        etree.fromstring("<html><body>busy</body></html>"),
        etree.fromstring("<data><Licence/></data>"),
        etree.fromstring(f'<Answer xmlns="urn:other">{LICENCE}</Answer>'),
        etree.fromstring('<Answer xmlns="urn:other"/>'),
        xml(CANARY),
        xml('<licence xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'),
        xml("<new/>" * 3_000),
    ],
    ids=lambda reply: etree.tostring(reply, encoding="unicode")[:40],
)
@pytest.mark.parametrize("check", [ReplyCheck.STRICT, ReplyCheck.LENIENT])
async def test_another_document_is_no_answer(reply: etree._Element, check: ReplyCheck) -> None:
    """It is neither a record nor: no such record."""
    for lookup in (ByIin(), ByCode(Codes())):
        outcome = await put(reply, check, lookup)
        assert outcome.kind is OutcomeKind.INVALID
        assert CANARY not in (outcome.reason or "")


async def test_two_attributes_of_one_element() -> None:
    """Each that the schema does not allow is none."""
    reply = xml(LICENCE.replace('kind="valid" rank="valid"', 'kind="x" rank="y"'))
    assert (await put(reply)).record == (await whole()).model_copy(update={"kind": None, "rank": None})
    assert differences(reply) == {"licence/@kind": 1, "licence/@rank": 1}


@pytest.mark.parametrize("space", [NS, "urn:foreign", "urn:it's", "urn:" + "x" * 300])
@pytest.mark.parametrize("own", ["", 'kind="worn"'])
async def test_an_attribute_of_another_namespace_is_not_taken_for_the_one_of_its_name(space: str, own: str) -> None:
    """The schema says nothing of it, so its value was held to nothing."""
    record = (await put(xml(LICENCE.replace('kind="valid"', f'{own} xmlns:q="{space}" q:kind="{CANARY}"')))).record
    assert record == (await whole()).model_copy(update={"kind": None})


async def test_an_empty_answer_and_a_code_count() -> None:
    """What is valid and empty says: no such record; so does a code, however different the rest is."""
    assert (await put(xml(""))).kind is OutcomeKind.NOT_FOUND
    assert (await put(xml("<code>404</code><new/>"), lookup=ByCode(Codes()))).kind is OutcomeKind.NOT_FOUND
    assert (await put(xml("<code>404</code><code>0</code>"), lookup=ByCode(Codes()))).kind is OutcomeKind.INVALID
    assert (await put(xml("<code>0</code><new/>"), lookup=ByCode(Codes()))).code == "reply.schema"


async def test_a_lookup_written_by_hand_is_strict_unless_off() -> None:
    """Nobody knows what its reading finds out."""
    reply = xml(LICENCE.replace(IIN, "x"))
    assert (await put(reply, lookup=ByHand())).code == "reply.schema"
    assert (await put(reply, ReplyCheck.OFF, lookup=ByHand())).kind is OutcomeKind.FOUND
    told = await put(xml(LICENCE), lookup=ByHand())
    assert told.kind is OutcomeKind.FOUND


def test_who_is_lenient() -> None:
    """Who declares all of it, or says so."""

    class Asks(ByIin):
        async def ask(self, query: LicenceQuery, source: Source) -> Outcome[Record] | Outcome[Licence]:
            return await super().ask(query, source)

    class Reads(ByIin):
        def read(self, *given: Any) -> Any:
            return super().read(*given)

    class Says(Asks):
        lenient = True

    assert [kind.lenient for kind in (ByIin, ByCode, ByHand, Asks, Reads, Says)] == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


async def test_a_lookup_written_by_hand_gets_no_reply_that_its_wire_found_different() -> None:
    """The wire's contract is as strict with it as its own schema."""

    class Different(ScriptedWire):
        replies = ReplyCheck.LENIENT

        async def call(self, request: Request, call: Call) -> Any:
            reply = await super().call(request, call)
            return type(reply)(reply.body, reply.raw_sha256, reply.observed_at, differences={"licence/*": 1})

    source = Source("degrees", Different([xml(LICENCE)]), Call("q", "1", 1.0))
    with pytest.raises(CallFailed, match="breaks its schema at licence/\\*"):
        await source.call(Request({}))
    source = Source("degrees", Different([xml(LICENCE)]), Call("q", "1", 1.0), lenient=True)
    await source.call(Request({}))
    assert source.notes.differences == {"licence/*": 1}


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
