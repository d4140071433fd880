"""Replies that break their schema: strict, lenient, off. Lenient is not off, and no other document is an answer."""

from typing import Any

import pytest
from lxml import etree

from appealbus.core import Outcome, OutcomeKind, ReplyCheck, Source
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.core.replies.schemas import vocabulary_of
from appealbus.core.replies.xmlschema import Checker
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

pytestmark = pytest.mark.usefixtures("licence_schema")


@pytest.mark.parametrize("check", list(ReplyCheck))
@pytest.mark.parametrize("place", ["<licence ", "<serial>", "<day>", "</licence>"])
async def test_a_signature_that_no_schema_knows_is_no_difference(check: ReplyCheck, place: str) -> None:
    """Wherever it stands, in every degree."""
    reply = xml(LICENCE.replace(place, SIGNATURE + place, 1))
    assert (await put(reply, check)).record == await whole()
    assert not differences(reply)


async def test_a_date_in_another_spelling_is_read_and_told() -> None:
    """Its schema wants ISO 8601, and its meaning is plain: the value is there, and the difference counts."""
    for written in ("01.01.2030", "20300101", "2030-01-01T00:00:00", " 1.01.2030 "):
        reply = xml(LICENCE.replace(">2030-01-01<", f">{written}<"))
        assert (await put(reply)).record == await whole()
        assert differences(reply) == {"licence/until": 1}


async def test_text_behind_a_signature_is_looked_at() -> None:
    """It is no part of the signature."""
    assert differences(xml(LICENCE.replace("<serial>", f"{SIGNATURE}{CANARY}<serial>"))) == {"licence": 1}


@pytest.mark.parametrize(
    ("old", "new", "field", "path"),
    [
        (">valid</state>", ">VALID</state>", "state", "licence/state"),
        (">2030-01-01<", ">32.01.2030<", "until", "licence/until"),
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
    assert told.get("licence/*", 0) == len(beside) // 6
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
