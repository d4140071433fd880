"""Nothing that a citizen can write is a reason to refuse the letter."""

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import Unreadable, numbered
from appealbus.schemas.reading import SMALL
from appealbus.schemas.xml import APPEAL_NS, appeal_from_xml, to_xml
from appealbus.schemas.xmlreading import message_from_xml
from tests.services.forms import form

GOOD = {"message_id": "m", "kind": "complaint", "applicant": {"type": "person"}}
LIMIT = 4 * 1024 * 1024
PARCELS = [{"cadastral_number": f"01-017-004-{at:04d}"} for at in range(500)]
HASH = "0" * 64


def read(**fields):
    return message_from_json(json.dumps(GOOD | fields).encode())


def read_xml(inside):
    document = f'<appeal xmlns="{APPEAL_NS}"><message_id>m</message_id><kind>complaint</kind>{inside}</appeal>'
    return message_from_xml(document.encode(), LIMIT)


def noted(appeal):
    return [(warning.field, warning.code) for warning in appeal.warnings]


def written(appeal):
    return [(each.field, each.text) for each in appeal.as_written]


MISTAKES = [
    ({"applicant": {"type": "person", "birth_date": "30.02.1970"}}, "applicant.birth_date", "field.date", "30.02.1970"),
    ({"applicant": {"type": "person", "birth_date": "1970-02-30"}}, "applicant.birth_date", "field.date", "1970-02-30"),
    ({"applicant": {"type": "person", "surname": "а" * 301}}, "applicant.surname", "field.too_long", "а" * 301),
    ({"applicant": {"type": "person", "snils": "1"}}, "applicant", "field.unknown", '{"snils":"1"}'),
    ({"applicant": {"type": "ip", "iin": "1"}}, "applicant.type", "field.word", "ip"),
    ({"applicant": "Иванов"}, "applicant", "field.type", "Иванов"),
    ({"number": "ЖТ 17"}, "number", "field.characters", "ЖТ 17"),
    ({"number": "1" * 101}, "number", "field.too_long", "1" * 101),
    ({"kind": "poem"}, "kind", "field.word", "poem"),
    ({"form": "telegram"}, "form", "field.word", "telegram"),
    ({"language": 7}, "language", "field.word", "7"),
    ({"due_on": "завтра"}, "due_on", "field.date", "завтра"),
    ({"received_at": "02/03/2026"}, "received_at", "field.moment", "02/03/2026"),
    ({"collective": "да"}, "collective", "field.flag", "да"),
    ({"applicants_count": 0}, "applicants_count", "field.number", "0"),
    ({"applicants_count": 2**53}, "applicants_count", "field.number", "9007199254740992"),
    ({"attachments": [{"size": int("1" * 2000)}]}, "attachments[0].size", "field.number", "1" * 2000),
    ({"text": {"a": 1}}, "text", "field.type", '{"a":1}'),
    ({"text": "ы" * 200_001}, "text", "field.too_long", "ы" * 200_001),
    ({"parcels": PARCELS}, "parcels", "list.too_long", json.dumps(PARCELS, separators=(",", ":"))),
    ({"parcels": "01-017-004-1505"}, "parcels", "field.type", "01-017-004-1505"),
    ({"parcels": ["01-017-004-1505"]}, "parcels[0]", "field.type", "01-017-004-1505"),
    ({"attachments": [{"size": -1}]}, "attachments[0].size", "field.number", "-1"),
    ({"attachments": [{"sha256": "z"}]}, "attachments[0].sha256", "field.characters", "z"),
    ({"repeats": ["a", {"b": 1}]}, "repeats[1]", "field.type", '{"b":1}'),
    ({"place": {"kato": "1" * 301}}, "place.kato", "field.too_long", "1" * 301),
    ({"x": [1, None]}, "appeal", "field.unknown", '{"x":[1,null]}'),
]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-02-02T10:00:00", "2026-02-02T10:00:00+05:00"),
        ("2026-02-02T10:00:00.1234567", "2026-02-02T10:00:00.123456+05:00"),
        ("2026-02-02", "2026-02-02T00:00:00+05:00"),
        ("02.02.2026", "2026-02-02T00:00:00+05:00"),
        (" 2.02.2026  10:00 ", "2026-02-02T10:00:00+05:00"),
        ("20260202", "2026-02-02T00:00:00+05:00"),
        ("2026-02-02T10:00:00Z", "2026-02-02T10:00:00+00:00"),
    ],
)
def test_a_moment_is_read_as_registers_write_it(written, meant):
    """Without a zone it is in the country's time, a day is its beginning; in JSON, XML and changes alike."""
    for appeal in (read(received_at=written), read_xml(f"<received_at>{written}</received_at>")):
        assert (appeal.received_at.isoformat(), appeal.warnings, appeal.as_written) == (meant, [], [])
    change = {"type": "change", "message_id": "m", "number": "1", "kind": "corrected", "dated_at": written}
    change = message_from_json(json.dumps(change | {"corrected": {"received_at": written}}).encode())
    assert (change.dated_at.isoformat(), change.corrected.received_at.isoformat(), change.warnings) == (
        meant,
        meant,
        [],
    )


def test_json_may_begin_with_a_byte_order_mark():
    """Many a program of Windows writes one."""
    assert message_from_json(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()) == read()


@pytest.mark.parametrize("written", ["1980-05-04", "04.05.1980", "19800504", "1980-05-04T19:00:00", "1980-05-04Z"])
def test_a_day_is_read_as_registers_write_it(written):
    """A time of day without a zone changes nothing."""
    appeal = read(applicant={"type": "person", "birth_date": written})
    assert (appeal.applicant.birth_date.isoformat(), appeal.warnings) == ("1980-05-04", [])


@pytest.mark.parametrize(
    "written", ["04/05/1980", "04.05.80", "04051980", "1980-W18-7", "1980-05-04T19:00:00Z", 19800504, "31.04.1980"]
)
def test_a_day_that_may_be_another_is_none(written):
    """Nothing is guessed: it is kept as written."""
    appeal = read(applicant={"type": "person", "birth_date": written})
    assert (appeal.applicant.birth_date, noted(appeal)) == (None, [("applicant.birth_date", "field.date")])
    assert read(received_at="0001-01-01").received_at is None


@pytest.mark.parametrize(("fields", "field", "code", "text"), MISTAKES)
def test_a_mistake_is_kept_as_written_with_its_warning(fields, field, code, text):
    """The field is absent or cut, what stood there is beside it, and all of that survives JSON and XML."""
    appeal = read(**fields)
    assert noted(appeal) == [(field, code)]
    assert written(appeal) == [(field, text)]
    assert Appeal.model_validate_json(appeal.model_dump_json()) == appeal
    xml = to_xml(appeal)
    etree.XMLSchema(etree.parse(str(FOLDER / "appeal.xsd"))).assertValid(etree.fromstring(xml))
    assert appeal_from_xml(xml) == appeal


def test_what_is_not_said_is_no_mistake():
    """Null, an empty box of a form, no kind and no applicant are simply absent."""
    appeal = message_from_json(
        b'{"message_id": "m", "applicant": {}, "kind": " ", "number": "", "due_on": "", "text": null, "parcels": null,'
        b'"language": "kk"}'
    )
    assert appeal == Appeal(message_id="m", language="kk")


EMPTY = [
    *(
        "{}",
        '{"schema_version": "1"}',
        '{"channel": "portal"}',
        '{"type": "appeal"}',
        '{"text": ""}',
        '{"text": " \\n\\u200b"}',
    ),
    *('{"text": null}', '{"applicant": {}}', '{"applicant": {"type": "person"}}', '{"applicant": {"name": " "}}'),
    *('{"attachments": []}', '{"attachments": [{}, {"name": ""}]}', '{"x": {}}', '{"place": {"kato": ""}, "kind": ""}'),
    *('{"warnings": [{"code": "x"}], "mentions": ["x"]}', '{"x": ' + "[" * 200 + "1" + "]" * 200 + "}"),
]


@pytest.mark.parametrize("text", EMPTY[:-1])
def test_what_says_nothing_is_no_appeal(text):
    """Whatever is absent, blank, or made of such, in a small message or in a large one."""
    for raw in (text.encode(), text.encode() + b" " * SMALL):
        with pytest.raises(Unreadable) as caught:
            message_from_json(raw, "sha256-x")
        assert caught.value.code == "appeal.empty"


@pytest.mark.parametrize(
    "inner", ["", "<message_id>m</message_id>", "<text> \u200b</text>", "<applicant/>", "<attachments/>"]
)
def test_what_says_nothing_in_xml_is_no_appeal(inner):
    """As in JSON."""
    with pytest.raises(Unreadable) as caught:
        message_from_xml(f'<appeal xmlns="{APPEAL_NS}">{inner}</appeal>'.encode(), LIMIT, "sha256-x")
    assert caught.value.code == "appeal.empty"


@pytest.mark.parametrize(
    "text",
    [
        *('{"text": "?"}', '{"kind": "complaint"}', '{"number": "1"}', '{"applicant": {"name": "Айгүл"}}', '{"x": 0}'),
        *('{"x": false}', '{"type": "letter"}', '{"attachments": [{"name": "a.pdf"}]}', '{"текст": "көмектесіңіз"}'),
        EMPTY[-1],
    ],
)
def test_one_word_makes_an_appeal(text):
    """Also where the contract does not know the field: nobody may refuse what a citizen says."""
    assert isinstance(message_from_json(text.encode(), "sha256-x"), Appeal)


def test_a_large_message_that_says_nothing_costs_little():
    """A hundred thousand empty things are looked through in less than a second."""
    began = time.process_time()
    with pytest.raises(Unreadable) as caught:
        message_from_json(b'{"attachments": [%s{}]}' % (b"{}," * 90_000), "sha256-x")
    assert (caught.value.code, time.process_time() - began < 1) == ("appeal.empty", True)


def test_the_rest_of_a_letter_with_mistakes_is_as_good_as_any():
    """What can be used is: a number as its digits, an applicant of no type by its fields, the first hundred parcels."""
    appeal = read(
        applicant={"iin": 900101300016, "birth_date": "x", "name": "Айгүл"}, parcels=PARCELS, text="ы" * 200_001
    )
    assert appeal.applicant.type == "person"
    assert (appeal.applicant.iin, appeal.applicant.name, appeal.applicant.birth_date) == ("900101300016", "Айгүл", None)
    assert [parcel.cadastral_number for parcel in appeal.parcels] == [p["cadastral_number"] for p in PARCELS[:100]]
    assert appeal.text == "ы" * 200_000
    assert read(applicant={"bin": "1"}).applicant.type == "organisation"


def test_half_an_emoji_and_a_number_without_end_are_read():
    """A channel that cuts a text in the middle of an emoji costs that emoji; ids stay as they came."""
    appeal = message_from_json(rb'{"message_id": "m", "text": "\ud83d", "applicants_count": 1' + b"0" * 400 + b"}")
    assert appeal.text == "\ufffd"
    assert (appeal.applicants_count, written(appeal)) == (1, [("applicants_count", "1" + "0" * 400)])
    with pytest.raises(Unreadable) as caught:
        message_from_json(rb'{"message_id": "m\ud83d"}')
    assert caught.value.code == "message_id.invalid"


def test_what_a_citizen_pasted_costs_its_characters_alone():
    """Control characters that stand raw in JSON, or in XML as such or by number; ids stay as they came."""
    appeal = message_from_json(b'{"message_id": "m", "text": "a\x01b\nc\x00", "applicants_count": NaN}')
    assert appeal.text == "a\ufffdb\nc\ufffd"
    assert written(appeal) == [("applicants_count", "NaN")]
    assert read_xml("<text>\x0b&#11;&#xB;&#55357;&#xFFFF;&#x41;</text>").text == "\ufffd" * 5 + "A"
    for raw in (b'{"message_id": "m\x01"}', f'<appeal xmlns="{APPEAL_NS}"><message_id>m&#1;</message_id></appeal>'):
        with pytest.raises(Unreadable) as caught:
            message_from_json(raw) if isinstance(raw, bytes) else message_from_xml(raw.encode(), LIMIT)
        assert caught.value.code == "message_id.invalid"


def test_no_digit_of_a_number_is_lost():
    """A number of more digits than a float has is kept by its digits."""
    digits = "12345678901234567890123"
    assert message_from_json(b'{"message_id": "m", "number": %s}' % digits.encode()).number == digits
    assert written(message_from_json(b'{"message_id": "m", "x": %s}' % digits.encode()))[0][1] == f'{{"x":"{digits}"}}'


def test_an_id_of_blanks_is_none():
    """Whatever else is wrong with the message."""
    for rest in (', "text": "x"', ', "due_on": "x"'):
        appeal = message_from_json(f'{{"message_id": " \\t"{rest}}}'.encode(), "sha256-x")
        assert appeal.message_id == "sha256-x"


def test_a_short_document_makes_no_long_appeal():
    """What the contract does not know is kept one by one where it is little, else as the element that it stands in."""
    appeal = read_xml("<a/>" * 500)
    assert noted(appeal) == [("appeal", "field.unknown")]
    assert len(appeal.as_written[0].text) < 5000
    with pytest.raises(Unreadable) as caught:
        read_xml(f'<q:a xmlns:q="{"x" * 2000}"/>')
    assert caught.value.code == "message.too_complex"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"aplicant": {"iin": "1"}}, "the contract does not know aplicant here; did you mean applicant?"),
        ({"Applicant": 1, "Txt": "a"}, "the contract does not know Applicant, Txt here; did you mean applicant, text?"),
        ({"zzz": 1}, "the contract does not know zzz here"),
        ({"zzz": 1, "850101300012": 2, "И ванов": 3}, "the contract does not know zzz, … here"),
        ({f"zz{at}": 1 for at in range(7)}, "the contract does not know zz0, zz1, zz2, zz3, zz4, … here"),
        ({"850101300012": 1}, "there is something here that the contract does not know"),
        ({"Иванов Иван": 1}, "there is something here that the contract does not know"),
    ],
)
def test_what_the_contract_does_not_know_is_named(given, message):
    """By the sender's names, in JSON and XML, with those that were meant; what may be a value is not told."""
    (told,) = read(**given).warnings
    assert (told.field, told.code, told.message) == ("appeal", "field.unknown", message)
    if all(re.fullmatch(r"[^\W\d]\w*", name) for name in given):
        (told,) = read_xml("".join(f"<{name}>1</{name}>" for name in given)).warnings
        assert told.message == message


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<place><rkaa/></place>", "the contract does not know rkaa here; did you mean rka?"),
        ('<place rkaa="1"/>', "the contract does not know rkaa here; did you mean rka?"),
        ("<parcels><itm/></parcels>", "the contract does not know itm here; did you mean item?"),
        ("<text>a</text><text>b</text>", "there is something here that the contract does not know"),
        ("Здравствуйте", "there is something here that the contract does not know"),
        ('Иванов<text lang="kk">a</text>', "the contract does not know lang here"),
    ],
)
def test_what_the_contract_does_not_know_is_named_in_xml(inside, message):
    """Elements and attributes are, text is not; one that only stands there twice is no other name."""
    assert message in [each.message for each in read_xml(inside).warnings]


def test_names_are_suggested_within_bounds():
    """However many a message has: of those that are far more than a mistake none are looked for."""
    entries = [{f"cadastral_numbe{chr(97 + at)}{chr(97 + n)}": 1 for n in range(5)} for at in range(20)]
    told = [each.message for each in read(parcels=entries).warnings]
    assert len(told) == 20
    assert [message.count("did you mean") for message in told] == [1, 1] + [0] * 18


def test_a_list_with_many_mistakes_is_kept_whole():
    """Its entries keep their places, and there is one warning: else a short message would make a long appeal."""
    appeal = read(attachments=[{"size": -1, "file_name": str(at)} for at in range(21)])
    assert noted(appeal) == [("attachments", "list.entries")]
    assert [attachment.file_name for attachment in appeal.attachments] == [str(at) for at in range(21)]
    assert len(json.loads(appeal.as_written[0].text)) == 21


def test_what_the_bus_makes_itself_is_dropped():
    """Whatever a sender puts there, it is not even looked at."""
    appeal = read(warnings=[1] * 300, mentions="x", as_written={"a": 1}, channel=5)
    assert appeal == Appeal.model_validate(GOOD)


@pytest.mark.parametrize(
    ("inside", "field", "code", "text"),
    [
        ("<parsel>1</parsel>", "appeal", "field.unknown", f'<parsel xmlns="{APPEAL_NS}">1</parsel>'),
        ("<text>a</text><text>b</text>", "appeal", "field.unknown", f'<text xmlns="{APPEAL_NS}">b</text>'),
        ('<text xmlns="urn:other">a</text>', "appeal", "field.unknown", '<text xmlns="urn:other">a</text>'),
        ('<text lang="kk">a</text>', "text", "field.unknown", 'lang="kk"'),
        ("Здравствуйте", "appeal", "field.unknown", "Здравствуйте"),
        ("<text><b>a</b></text>", "text", "field.type", f'<text xmlns="{APPEAL_NS}"><b>a</b></text>'),
        ("<due_on>завтра</due_on>", "due_on", "field.date", "завтра"),
        ("<applicant><ip><iin>1</iin></ip></applicant>", "applicant.type", "field.word", "ip"),
    ],
)
def test_a_mistake_in_xml_is_kept_too(inside, field, code, text):
    """What the contract does not know is kept as XML; what stands in a field, as in JSON."""
    appeal = read_xml(inside)
    assert noted(appeal) == [(field, code)]
    assert written(appeal) == [(field, text)]


def test_a_long_list_in_xml_is_kept_as_xml():
    """The first hundred entries are worked."""
    items = "".join(f"<item><cadastral_number>{at}</cadastral_number></item>" for at in range(500))
    appeal = read_xml(f"<parcels>{items}</parcels>")
    assert len(appeal.parcels) == 100
    assert noted(appeal) == [("parcels", "list.too_long")]
    assert written(appeal) == [("parcels", f'<parcels xmlns="{APPEAL_NS}">{items}</parcels>')]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"message_id": "m\\u0001"}', "message_id.invalid"),
        (b'{"message_id": 17}', "message_id.invalid"),
        (b'{"message_id": "%s"}' % (b"m" * 201), "message_id.invalid"),
        (b'{"message_id": "m", "schema_version": "2"}', "appeal.invalid"),
        (b"{}", "message_id.missing"),
        (b"[]", "appeal.invalid"),
        (b'{"message_id": "m"', "json.malformed"),
        (b'{"message_id": "\xff"}', "json.malformed"),
        (b'{"x": ' + b"[" * 300 + b"1" + b"]" * 300 + b', "message_id": "m"}', "message.too_complex"),
    ],
)
def test_what_cannot_be_read_or_breaks_the_channels_contract_is_refused(raw, code):
    """The version of the schema and the message id are the channel's word, not the citizen's."""
    with pytest.raises(Unreadable) as caught:
        message_from_json(raw)
    assert caught.value.code == code


def test_a_number_that_another_message_has_is_kept_as_written():
    """The letter is registered under a number of the bus's own, and both numbers are told."""
    appeal = numbered(read(number="ЖТ-17"), "AB-1")
    assert appeal.number == "AB-1"
    assert noted(appeal) == [("number", "number.taken")]
    assert written(appeal) == [("number", "ЖТ-17")]
    assert noted(numbered(read(number="ЖТ-17"), "ЖТ-17")) == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted(Appeal.model_fields.keys() - {"message_id", "schema_version"})


@settings(max_examples=form(60, 1000), deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_whatever_stands_in_a_field_there_is_an_appeal(fields):
    """Every value of JSON in every field makes an appeal; a large message makes the same one as a small."""
    raw = json.dumps({"language": "kk", **fields, "message_id": "m", "x": "said"}).encode()
    appeal = message_from_json(raw)
    assert message_from_json(raw + b" " * SMALL) == appeal
    assert appeal_from_xml(to_xml(appeal)) == appeal


def test_what_stands_twice_is_told():
    """In JSON the last one of a name counts; what it hides is kept and told, wherever it stands."""
    twice = b'{"message_id":"m","kind":"complaint","applicant":{"iin":"1"},"text":"a","text":"a","applicant":'
    appeal = message_from_json(twice + b'{"type":"person","phone":"7","phone" :"8"}}')
    assert (appeal.applicant.iin, appeal.applicant.phone, appeal.text) == (None, "8", "a")
    assert noted(appeal) == [("applicant", "field.unknown"), ("appeal", "field.unknown")]
    assert written(appeal)[0] == ("applicant", '{"phone-twice":["7"]}')
    assert "applicant-twice here; did you mean applicant?" in appeal.warnings[1].message
    assert '"iin":"1"' in written(appeal)[1][1]
    many = b",".join(b'"x":%d' % at for at in range(50_000))
    began = time.process_time()
    appeal = message_from_json(b'{"message_id":"m",%b,"y":["\\":"]}' % many)
    assert time.process_time() - began < 1
    assert [name in written(appeal)[0][1] for name in ('"x":49999', "49998", '"y"')] == [True] * 3


@pytest.mark.parametrize(
    "twice",
    [
        b'"kind" :"complaint","text":"a","text":"b"',
        b'"kind":"complaint","channel":"\\u0022:","text":"a","text":"b"',
        b'"kind":"complaint","applicants_count":true,"applicants_count":1',
    ],
)
def test_what_stands_twice_is_told_however_it_is_spelt(twice):
    """Blanks before a colon, escapes in texts, a flag beside the number that it is equal to."""
    appeal = message_from_json(b'{"message_id":"m","applicant":{"type":"person"},' + twice + b"}")
    assert [name for name, code in noted(appeal) if code == "field.unknown"] == ["appeal"]


def test_digits_with_a_line_between_them_are_no_number():
    """Pydantic would read 15."""
    appeal = read(applicants_count="1_5")
    assert (appeal.applicants_count, noted(appeal)) == (1, [("applicants_count", "field.number")])


@pytest.mark.parametrize(
    "inside",
    ["<type>\u0418\u041f</type>", "<type><iin>000101000000</iin></type>", '<iin xsi:x="1">000101000000</iin>'],
)
def test_a_type_or_attribute_that_says_more_is_told(inside):
    """A `type` that repeats the element's name, and what points at the schema, are spelling; all else is not."""
    space = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    appeal = read_xml(f"<applicant><person {space}>{inside}</person></applicant>")
    assert [code for _, code in noted(appeal)].count("field.unknown") == 1
    assert noted(read_xml(f"<applicant><person {space}><type>person</type></person></applicant>")) == noted(
        read_xml("<applicant><person/></applicant>")
    )


def test_what_all_entries_of_a_list_misname_is_named():
    """However many they are: each name once, where it stands first."""
    appeal = read(parcels=[{"nota": "x"}] + [{"cadastre": "1", "note": 1.5}] * 30)
    assert noted(appeal) == [
        ("parcels", "list.entries"),
        ("parcels[0]", "field.unknown"),
        ("parcels[1]", "field.unknown"),
    ]
    meant = [each.message.partition("know ")[2] for each in appeal.warnings[1:]]
    assert meant == ["nota here; did you mean note?", "cadastre here; did you mean cadastral_number?"]
