"""The contract's files: they follow from the models, and the XSD refuses what the bus refuses."""

import contextlib
import json

import pytest
from lxml import etree

from appealbus.core.preparation.extraction import check
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.contract import FOLDER, documents
from appealbus.schemas.contract.__main__ import main
from appealbus.schemas.notes import Unreadable
from appealbus.schemas.xml import XmlError, appeal_from_xml, to_xml
from appealbus.schemas.xmlreading import message_from_xml

APPEAL = Appeal.model_validate(
    {
        "message_id": "1",
        "kind": "complaint",
        "due_on": "2026-02-16",
        "applicant": {"type": "person", "surname": "Әбдіқадыр"},
        "attachments": [{"reference": "r", "file_name": "f", "size": 1, "sha256": "0" * 64}],
    }
)


def test_files_do_not_drift():
    """A model that changed without `python -m appealbus.schemas.contract` fails here."""
    made = documents()
    assert made
    assert {name for name, text in made.items() if (FOLDER / name).read_bytes() != text} == set()


def test_writing_the_files_again_changes_nothing(tmp_path, monkeypatch):
    """The command writes the very files that are kept."""
    monkeypatch.setattr("appealbus.schemas.contract.__main__.FOLDER", tmp_path)
    main()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == documents()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<kind>complaint</kind>", "<kind>жалоба</kind>"),
        ("<message_id>1</message_id>", ""),
        ("<message_id>1</message_id>", "<message_id/>"),
        ("<person>", "<person><iinn>1</iinn>"),
        ("<person><surname>Әбдіқадыр</surname></person>", ""),
        ("<due_on>2026-02-16", "<due_on>31.02.2026"),
        ("<size>1</size>", "<size>-1</size>"),
        ("<size>1</size>", "<size>1</size><size>1</size>"),
        ("<collective>false", "<collective>нет"),
        ("<sha256>0", "<sha256>x"),
        ("<item><reference>r", "<file><reference>r"),
        ("<text></text>", "<text>" + "я" * 200_001 + "</text>"),
        ("urn:appealbus:appeal:1", "urn:appealbus:appeal:2"),
    ],
)
def test_xsd_and_bus_find_the_same(old, new):
    """What breaks the XSD breaks the strict reading; a letter is not refused for it, but its warnings tell."""
    schema = etree.XMLSchema(etree.parse(str(FOLDER / "appeal.xsd")))
    good = to_xml(APPEAL).decode()
    assert schema.validate(etree.fromstring(good.encode()))
    assert old in good
    bad = good.replace(old, new)
    if new.startswith("<file>"):
        bad = bad.replace("</sha256></item>", "</sha256></file>")
    assert not schema.validate(etree.fromstring(bad.encode()))
    with pytest.raises(XmlError):
        appeal_from_xml(bad.encode())
    with contextlib.suppress(Unreadable):  # its root, its version and its message id are the channel's word
        appeal = message_from_xml(bad.encode(), len(bad.encode()))
        assert check(appeal) + appeal.warnings


@pytest.mark.parametrize("name", ["appeal", "change", "dossier", "surge", "possible-surge"])
def test_json_schema_is_whole(name):
    """Every reference leads somewhere, nothing is left over, and objects are closed but for third parties' records."""
    text = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    used = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used == set(schema["$defs"])
    assert schema["additionalProperties"] is False
    assert schema["$id"] == f"urn:appealbus:{name}:1"


def test_json_schema_knows_the_records():
    """A record is one that ships, or a third party's under a name of its own."""
    schema = json.loads((FOLDER / "dossier.schema.json").read_text(encoding="utf-8"))
    *typed, other = schema["$defs"]["Record"]["anyOf"]
    assert [each["allOf"][0]["$ref"] for each in typed] == [
        f"#/$defs/{name}" for name in ("Address", "Organisation", "Parcel", "Person")
    ]
    assert other["properties"]["type"]["not"] == {"enum": ["Address", "Organisation", "Parcel", "Person"]}
