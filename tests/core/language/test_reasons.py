"""What is wrong with a field or a reply is told in the reader's language, not only what its code means."""

import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from lxml import etree
from pika import exceptions
from pydantic import BaseModel, ValidationError

from appealbus.connectors.broker.rabbit.errors import channel_lost, connection_lost, not_opened
from appealbus.connectors.signing.ncanode import _MENDED
from appealbus.core.bus.intake.decoding import decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.interfaces.link import LinkStatus
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.core.language.problems import problems_told
from appealbus.core.language.reasons import RULES
from appealbus.core.lazy_text import told
from appealbus.core.replies.schema_errors import _RULES, broken_rule
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.problems import explain, problems

EN = Reader(ReaderLanguage.ENGLISH)
OTHERS = [Reader(ReaderLanguage.KAZAKH), Reader(ReaderLanguage.RUSSIAN)]
LETTER = {
    "kind": "zzz",
    "form": 5,
    "number": "a b",
    "collective": "perhaps",
    "applicants_count": 0,
    "received_at": "2026-13-01",
    "due_on": "tomorrow",
    "repeats": "A-1",
    "applicant": {"iin": "12", "surname": 7},
    "addressee": {"bin": "97014000001", "kato": "x"},
    "place": [],
    "parcels": [{"cadastral_number": "1"}] * 101,
    "attachments": [{"size": "x"}] * 30,
    "text": "x" * 200_001,
    "category": {"code": {}, "more": 1},
    "txt": 1,
}
IDENTIFIERS = {
    "iin": ("750301100018", "753901100019", "750301700019", "x"),
    "bin": ("971340000014", "970190000014", "1"),
}


def in_xml(inside: str) -> bytes:
    return f'<appeal xmlns="urn:appealbus:appeal:1"><message_id>1</message_id>{inside}</appeal>'.encode()


def warnings() -> Iterator[tuple[str, str]]:
    """Yield code and message of what letters with all kinds of mistakes are warned of."""
    letters = [LETTER, {"type": "change", "number": "1", "kind": "due"}, {"text": " ".join(["750301100019"] * 3)}]
    letters += [{"applicant": {"type": "person", "iin": each}} for each in IDENTIFIERS["iin"]]
    letters += [{"applicant": {"type": "organisation", "bin": each}} for each in IDENTIFIERS["bin"]]
    found = [decode(Inbound("p", "1", json.dumps(each).encode(), "application/json")) for each in letters]
    for inside in ("<text><b/></text><zzz/>", "<applicant><person/><organisation/></applicant>", "<kind/>stray"):
        found.append(decode(Inbound("p", "1", in_xml(inside), "application/xml")))
    for document in found:
        yield from ((each.code, each.message) for each in document.warnings)


def test_warnings_say_in_each_language_what_is_wrong() -> None:
    """A letter with all kinds of mistakes; in English the text is as it is kept."""
    found = set(warnings())
    assert len({message for _, message in found}) > 20
    for code, message in found:
        assert EN.reason(code, message) == message
        for to in OTHERS:
            told = to.reason(code, message)
            means = to.reason(code, "something else")
            assert told not in (message, means) or code.startswith("number."), (code, message)


def test_numbers_of_a_warning_stay() -> None:
    """What stands in a text stands in its translation; a name within it is translated, too."""
    kk, ru = OTHERS
    assert "200000" in kk.reason("field.too_long", "the text has more than 200000 characters")
    assert ru.reason("cadastral_number.length", "a cadastral number has 11 to 13 digits") == (
        "кадастровый номер – цифр должно быть от 11 до 13"
    )
    unknown = "the contract does not know aplicant, zzz here; did you mean applicant?"
    for to in OTHERS:
        assert all(name in to.reason("field.unknown", unknown) for name in ("aplicant, zzz", " applicant"))


def test_what_nobody_knows_is_told_by_its_code() -> None:
    """As before: what the code means, and without one what was written."""
    kk, _ = OTHERS
    assert kk.reason("field.date", "another text") == kk.reason("field", "x")
    assert kk.reason("acme.1", "another text") == "another text"
    assert kk.reason("reply.schema", "the reply breaks its schema at a/b: by magic") == kk.reason("reply.schema", "x")


@pytest.mark.parametrize("rule", sorted({*_RULES.values(), "its text is no int", "it is not expected there"}))
def test_each_rule_of_a_schema_is_told(rule: str) -> None:
    """Of elements and of attributes, with the place."""
    for said in {rule, rule.replace("its text", "its attribute id")}:
        for to in OTHERS:
            told = to.reason("reply.schema", f"the reply breaks its schema at Envelope/Body: {said}")
            assert "Envelope/Body" in told
            assert told.partition("): ")[2] not in ("", said), said


SCHEMA = b"""<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:element name="a"><s:complexType><s:sequence>
<s:element name="b" type="s:int"/><s:element name="c"><s:simpleType><s:restriction base="s:string"><s:maxLength
value="2"/></s:restriction></s:simpleType></s:element></s:sequence><s:attribute name="id" type="s:date"/>
</s:complexType></s:element></s:schema>"""


@pytest.mark.parametrize(
    ("message", "russian"),
    [
        ("<a><b>x</b><c/></a>", "текст не того типа, ожидается xs:int"),
        ("<a><b>1</b><c>abc</c></a>", "текст слишком длинный"),
        ("<a><b>1</b></a>", "внутри нет нужного элемента; ожидается: c"),
        ("<a><b>1</b><d/></a>", "элемент стоит не на месте; ожидается: c"),
        ("<a id='x'><b>1</b><c/></a>", "атрибут id не того типа, ожидается xs:date"),
        ("<z/>", "такого элемента в схеме нет"),
    ],
)
def test_what_a_validator_finds_is_told(message: str, russian: str) -> None:
    """By the rule that libxml2 names; its own texts quote values, and are never told."""
    schema = etree.XMLSchema(etree.fromstring(SCHEMA))
    assert not schema.validate(etree.fromstring(message))
    reason = f"the reply breaks its schema at a{broken_rule(schema)}"
    assert OTHERS[1].reason("reply.schema", reason) == f"ответ источника не соответствует схеме (место: a): {russian}"


def test_no_rule_is_told_that_no_schema_has() -> None:
    """The table is no longer than what can be said."""
    said = set(_RULES.values()) | {each.replace("its text", "its attribute {name}") for each in _RULES.values()}
    ends = ("is no {type}", "is not what its type takes", "expected there", "in it is missing", "expected is {names}")
    assert {each.text for each in RULES if not each.text.endswith(ends)} <= said


BAD: tuple[Any, ...] = (
    *(None, "", 0, -1, 0.5, float("inf"), "x", {}, [], [{}], [1], [None], {"type": "person"}, {"type": "zzz"}, True),
    *("a" * 200_001, "a" * 201, [{"a": 1}] * 1001, "1" * 5000, "\u0001", "a b", b"\xff", {"start": 1}),
    *("2026-01-01", "2026-13-01", "2026-02-31", "2026-02-16T25:00:00Z", "2026-02-16T09:61:00Z", "2026-02-16T09:30:61Z"),
    *("2026-02-16T09:30:00", "2026-02-16T09:30:00+99:00", "0001-01-01T00:00:00+00:00", "2026-02-16T09:30:00Zx"),
)


def models_of(model: type[BaseModel], done: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Return a model and all within it."""
    if model not in done:
        done.add(model)
        within: list[Any] = [field.annotation for field in model.model_fields.values()]
        while within:
            each = within.pop()
            if isinstance(each, type) and issubclass(each, BaseModel):
                models_of(each, done)
            within += get_args(each)
    return done


def mistakes() -> dict[str, tuple[str, str]]:
    """Return all that is wrong with bad values of each field, by the text; with the type of the mistake."""
    found: dict[str, tuple[str, str]] = {}
    for model in models_of(Appeal, set()) | models_of(Change, set()):
        for document in (*BAD, *({name: bad} for name in model.model_fields for bad in BAD)):
            for strict in (False, True):
                try:
                    model.model_validate_json(json.dumps(document, default=str)) if strict else model.model_validate(
                        document
                    )
                except ValidationError as error:
                    for item, (_, reason) in zip(error.errors(), problems(error), strict=False):
                        found.setdefault(reason, (item["type"], explain(error)))
    return found


@pytest.mark.proof
def test_each_kind_of_mistake_is_told() -> None:
    """Whatever pydantic and our own validators say of a field; by the field's name, and its path."""
    found = mistakes()
    assert len({kind for kind, _ in found.values()}) > 25
    for reason, (kind, _) in found.items():
        for to in OTHERS:
            (told,) = problems_told(f"applicants_count: {reason}", to)
            assert told.known, (kind, reason)
            assert told.text.startswith(f"{to.field('applicants_count')} (applicants_count): "), reason
            assert reason not in told.text


def test_several_mistakes_are_told_one_by_one() -> None:
    """What nobody knows stays as it is, and is marked so; a reason may have semicolons."""
    text = "kind: there is no such word; did you mean report?; due_on: by magic; parcels.0.note: Field required"
    told = problems_told(f"{text}; and 3 more", OTHERS[1])
    assert told == [
        ("вид (kind): такого слова нет; возможно, имелось в виду report", True),
        ("due_on: by magic", False),
        ("земельный участок 1, примечание (parcels.0.note): обязательное поле не заполнено", True),
        ("и ещё 3", True),
    ]


def test_what_is_very_long_is_not_looked_at() -> None:
    """Nobody has foreseen it, and to look at it takes time."""
    assert problems_told("a; " * 2000, OTHERS[1]) == [("a; " * 2000, False)]


BROKEN: tuple[Exception, ...] = (
    exceptions.ProbableAuthenticationError("x"),
    ssl.SSLCertVerificationError("x"),
    ssl.SSLError("x"),
    exceptions.IncompatibleProtocolError("x"),
    socket.gaierror("x"),
    ConnectionRefusedError("x"),
    TimeoutError("x"),
    OSError("x"),
    *map(exceptions.ProbableAccessDeniedError, ("vhost x not found", "user connection limit", "connection limit", "x")),
)
LOST: tuple[Exception, ...] = (
    exceptions.AMQPHeartbeatTimeout("x"),
    exceptions.ConnectionBlockedTimeout("x"),
    exceptions.ConnectionClosedByBroker(320, "x"),
    OSError("x"),
)
CHANNELS = (
    "delivery acknowledgement on channel 1 timed out",
    "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': "
    "received none but current is the value 'quorum' of type 'longstr'",
    "message size 9 is larger than configured max size 8",
    "read access to queue 'q' in vhost '/' refused for user 'u'",
    "write access to topic 't' in exchange 'e' in vhost '/' refused for user 'u'",
    "x",
)


def test_how_a_link_stands_is_told() -> None:
    """Whatever our own words for a broker's silence and refusals are, also within the sentence of `health`."""
    written = [not_opened(each, "amqp://h:5672", "u", "/v")[1] for each in BROKEN]
    written += [connection_lost(each, "amqp://h:5672") for each in LOST]
    refused = [
        str(channel_lost(exceptions.ChannelClosedByBroker(code, text)))
        for code in (403, 404, 405, 406, 530)
        for text in CHANNELS
    ]
    written += [*refused, *_MENDED.values(), *(f"a message to e was refused: {each}" for each in refused)]
    assert len(set(written)) > 30
    for text in set(written):
        assert EN.known(text) == text
        for to in OTHERS:
            assert to.known(text) != text, text
            assert to.known(text) in told("{status}: {detail}", status=LinkStatus.DOWN, detail=told(text)).to(to)
    assert "0x9" in OTHERS[0].known("the broker takes nothing for now: memory 0x9")
    assert OTHERS[0].known("the moon is full") == "the moon is full"
