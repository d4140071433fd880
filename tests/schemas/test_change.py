"""A change is read as leniently as an appeal, and told from one by what it says of itself."""

import json

import pytest
from lxml import etree

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change, ChangeKind, Correction
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import Unreadable
from appealbus.schemas.shapes import fields_of
from appealbus.schemas.xml import CHANGE_NS, change_from_xml, to_xml
from appealbus.schemas.xmlreading import message_from_xml

GOOD = {"type": "change", "message_id": "c1", "number": "AB-1", "kind": "due", "due_on": "2026-03-02"}
XSD = etree.XMLSchema(etree.parse(str(FOLDER / "change.xsd")))
SCHEMA = (FOLDER / "change.schema.json").read_text()
LIMIT = 4 * 1024 * 1024


def read(**fields):
    return message_from_json(json.dumps(GOOD | fields).encode())


def read_xml(inside):
    document = f'<change xmlns="{CHANGE_NS}"><message_id>c1</message_id><number>AB-1</number>{inside}</change>'
    return message_from_xml(document.encode(), LIMIT)


def noted(change):
    return [(warning.field, warning.code) for warning in change.warnings]


WHOLE = {
    "corrected": {
        "kind": "corrected",
        "corrected": {
            "applicant": {"type": "person", "iin": "120101500013", "birth_date": "2012-01-01"},
            "repeats": ["AB-0"],
            "parcels": [{"cadastral_number": "01-017-004-1505"}],
            "text": "Жер туралы",
        },
        "removed": ["representative"],
    },
    "redirected": {"kind": "redirected", "to": {"bin": "940140000385"}, "part": True},
    "extended": {"kind": "extended", "due_on": "2026-04-02", "reason": "запрос", "by": "Серіков"},
    "answered": {
        "kind": "answered",
        "result": "terminated",
        "ground": "ст. 70 п. 1 пп. 3)",
        "answered_on": "2026-03-01",
        "reference": "ЗТ-2026-1/2",
        "dated_at": "2026-03-01T12:00:00+05:00",
    },
    "withdrawn": {"kind": "withdrawn", "note": "по заявлению"},
    "closed": {"kind": "closed", "reason": "дубликат", "appeal_message_id": "m1", "appeal_channel": "eotinish"},
}


@pytest.mark.parametrize("name", WHOLE)
def test_each_kind_survives_json_and_xml(name):
    """What its contract says is read without a warning, and comes back from XML, leniently and strictly read."""
    change = read(**WHOLE[name])
    assert isinstance(change, Change)
    assert not change.warnings
    assert Change.model_validate_json(change.model_dump_json()) == change
    xml = to_xml(change)
    XSD.assertValid(etree.fromstring(xml))
    assert change_from_xml(xml) == change == message_from_xml(xml, LIMIT)


@pytest.mark.parametrize(
    ("fields", "field", "code", "text"),
    [
        ({"kind": "forgotten"}, "kind", "field.word", "forgotten"),
        ({"due_on": "завтра"}, "due_on", "field.date", "завтра"),
        ({"dated_at": "вчера"}, "dated_at", "field.moment", "вчера"),
        ({"corrected": "все"}, "corrected", "field.type", "все"),
        ({"corrected": {"due_on": "x"}}, "corrected.due_on", "field.date", "x"),
        ({"corrected": {"snils": "1"}}, "corrected", "field.unknown", '{"snils":"1"}'),
        ({"corrected": {"repeats": ["a", {"b": 1}]}}, "corrected.repeats[1]", "field.type", '{"b":1}'),
        ({"corrected": {"text": "ы" * 200_001}}, "corrected.text", "field.too_long", "ы" * 200_001),
        ({"to": {"bin": "1" * 301}}, "to.bin", "field.too_long", "1" * 301),
        ({"part": "да"}, "part", "field.flag", "да"),
        ({"x": 1}, "change", "field.unknown", '{"x":1}'),
        ({"removed": ["aplicant", "text", "place.kato"]}, "removed", "field.unknown", '["aplicant"]'),
    ],
)
def test_a_mistake_is_kept_as_written_with_its_warning(fields, field, code, text):
    """No change is lost for what is wrong in it, and what stood there survives JSON and XML."""
    change = read(**fields)
    assert (field, code) in noted(change)
    assert (field, text) in [(each.field, each.text) for each in change.as_written]
    assert Change.model_validate_json(change.model_dump_json()) == change
    xml = to_xml(change)
    XSD.assertValid(etree.fromstring(xml))
    assert change_from_xml(xml) == change


def test_what_its_kind_needs_is_missed():
    """A change that does not say what it is about is kept, with a warning; so is one without a kind."""
    missing = {"due": "due_on", "extended": "due_on", "redirected": "to", "answered": "result"}
    for kind in ChangeKind:
        change = message_from_json(json.dumps({**GOOD, "kind": kind, "due_on": None}).encode())
        field = missing.get(kind, "corrected" if kind == "corrected" else None)
        assert noted(change) == ([(field, "field.missing")] if field else [])
    assert noted(message_from_json(b'{"type": "change", "message_id": "c", "number": "1"}')) == [
        ("kind", "field.missing")
    ]


def test_a_day_is_its_beginning():
    """Many registers keep no hour; a day of the calendar is none of another."""
    assert read(dated_at="2026-02-16").dated_at.isoformat() == "2026-02-16T00:00:00+05:00"
    assert read_xml("<dated_at>2026-02-16</dated_at>").dated_at == read(dated_at="2026-02-16").dated_at
    assert read(dated_at="2026-02-30").dated_at is None
    XSD.assertValid(etree.fromstring(to_xml(read()).replace(b"<kind>", b"<dated_at>2026-02-16</dated_at><kind>")))
    forms = [each.get("format") for each in json.loads(SCHEMA)["properties"]["dated_at"]["anyOf"]]
    assert forms == ["date-time", "date", None]


@pytest.mark.parametrize("at", ["0001-01-01", "0001-01-01T12:00:00Z", "9999-12-31", "9999-12-30T23:00:00-05:00"])
def test_a_moment_at_an_end_of_the_calendar_is_none(at):
    """On other clocks it has no date: a register that writes it has none. The change counts from its arrival."""
    change = read(dated_at=at)
    assert (change.dated_at, noted(change)) == (None, [("dated_at", "field.moment")])


def test_only_what_says_so_is_a_change():
    """The `type` of a JSON document, the root of an XML one; fields of a change alone make none."""
    appeal = message_from_json(b'{"type": "appeal", "message_id": "m", "text": "x"}')
    assert isinstance(appeal, Appeal)
    assert not appeal.warnings
    like = message_from_json(b'{"message_id": "m", "number": "1", "kind": "due", "due_on": "2026-03-02"}')
    assert isinstance(like, Appeal)
    other = message_from_json(b'{"type": "letter", "message_id": "m"}')
    assert noted(other) == [("appeal", "field.unknown")]
    with pytest.raises(Unreadable) as caught:
        message_from_xml(f'<change xmlns="{CHANGE_NS[:-1]}2"><message_id>1</message_id></change>'.encode(), LIMIT)
    assert caught.value.code == "appeal.invalid"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"type": "change", "message_id": "c", "kind": "due"}', "change.no_appeal"),
        (b'{"type": "change", "message_id": "c", "number": "a b"}', "change.no_appeal"),
        (b'{"type": "change", "message_id": "c", "number": "1", "schema_version": "2"}', "change.invalid"),
        (b'{"type": "change", "message_id": "c\\u0001", "number": "1"}', "message_id.invalid"),
        (b'{"type": "change", "number": "1"}', "message_id.missing"),
    ],
)
def test_what_cannot_be_a_change_is_refused(raw, code):
    """A message about no appeal, of another version, or without an id that tells it from others."""
    with pytest.raises(Unreadable) as caught:
        message_from_json(raw)
    assert caught.value.code == code


def test_a_correction_has_the_fields_of_an_appeal():
    """Each with the same shape: nobody may correct what an appeal cannot say, and what it says can be corrected."""
    ours = {"schema_version", "message_id", "number", "channel", "mentions", "warnings", "as_written"}
    of_appeal = {field.name: field.shape for field in fields_of(Appeal) if field.name not in ours}
    assert {field.name: field.shape for field in fields_of(Correction)} == of_appeal


def test_json_schema_says_what_it_is():
    """A change says that it is one; each reference leads somewhere."""
    schema = json.loads(SCHEMA)
    assert schema["required"] == ["type", "message_id"]
    assert schema["properties"]["type"]["const"] == "change"
    assert schema["additionalProperties"] is False
