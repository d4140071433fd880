"""Whether two messages with one id say the same."""

import json
import time

import pytest

from appealbus.core.bus.intake.decoding import decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.journal.codec import RULE, differ, digest
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.reading import SMALL
from appealbus.schemas.xml import to_xml

JSON = """{"message_id": "m", "kind": "complaint", "applicant": {"type": "person", "surname": "Әбдіқадыр",
  "birth_date": "30.02.1970"}, "number": "ЖТ 1", "text": "Мой ИИН 900101300016", "due_on": "2026-02-16",
  "received_at": "2026-02-16T09:30:00+05:00", "parcels": [{"cadastral_number": "01-017-004-1505"}]}"""
XML = """<appeal xmlns="urn:appealbus:appeal:1">
  <parcels><item><note/><cadastral_number>01-017-004-1505</cadastral_number></item></parcels>
  <received_at>2026-02-16T09:30:00+05:00</received_at><collective>false</collective><number>ЖТ 1</number>
  <text>Мой ИИН 900101300016</text><due_on>2026-02-16</due_on><kind>complaint</kind><message_id>m</message_id>
  <applicant><person><birth_date>30.02.1970</birth_date><surname>Әбдіқадыр</surname></person></applicant>
</appeal>""".replace("<note/>", "")


def of(message, media_type="application/json"):
    return digest(decode(Inbound("post", "", message.encode(), media_type)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"kind"', ' "kind"'),
        ('"kind": "complaint", "applicant"', '"text": "Мой ИИН 900101300016", "kind": "complaint", "applicant"'),
        ('"kind"', '"form": "electronic", "collective": false, "repeats": [], "place": null, "kind"'),
        ('"kind"', '"warnings": [1], "mentions": {}, "as_written": [], "channel": "x", "kind"'),
    ],
)
def test_spelling_makes_no_difference(old, new):
    """Blanks, order, defaults that are written out, and what the bus makes itself."""
    assert old in JSON
    assert of(JSON.replace(old, new)) == of(JSON)


def test_json_and_xml_of_one_message_are_the_same():
    """With its mistakes, and whatever the order."""
    assert of(XML, "application/xml") == of(JSON)
    appeal = decode(Inbound("post", "", JSON.replace("30.02.1970", "1970-02-03").replace("ЖТ 1", "ЖТ-1").encode()))
    assert digest(decode(Inbound("post", "", to_xml(appeal), "application/xml"))) == digest(appeal)


def test_the_order_of_what_nobody_knows_makes_no_difference():
    """Many a library gives the members of a map in another order each time."""
    assert of(JSON.replace('"kind"', '"a": {"b": 1, "c": 2}, "kind"')) == of(
        JSON.replace('"kind"', '"a": {"c": 2, "b": 1}, "kind"')
    )


def test_blanks_make_no_difference_to_a_long_list():
    """Small messages are read another way than large ones."""
    long = JSON.replace('"kind"', f'"repeats": {json.dumps(["n"] * 150)}, "kind"')
    assert of(long) == of(long + " " * 2 * SMALL)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("complaint", "report"),
        ("Әбдіқадыр", "Әбдіқадыров"),
        ("30.02.1970", "31.02.1970"),
        ("ЖТ 1", "ЖТ 2"),
        ("1505", "1506"),
        ("900101300016", "900101300017"),
        ('"person", "surname": "Әбдіқадыр",', '"organisation",'),
        ('"kind"', '"collective": true, "kind"'),
    ],
)
def test_a_word_makes_a_difference(old, new):
    """Where it could be used and where it could not."""
    assert old in JSON
    assert differ(of(JSON), of(JSON.replace(old, new)))


def test_an_applicant_of_another_type_is_another_one():
    """Even one of whom nothing is known but what both types have."""
    asked = '{"message_id": "m", "applicant": {"type": "%s", "phone": "1"}}'
    assert differ(of(asked % "person"), of(asked % "organisation"))


def test_the_rule_has_not_changed():
    """These are the digests of version 2: where one changes, the rule needs a new one, or repeats are refused."""
    assert of(JSON).hex() == "02d082ca55188821ae2a8693aa0761f760"
    assert digest(Appeal(message_id="m", channel="post")).hex() == "028ab89c0b4b924fd70d9d2cec380f8067"


def test_digests_of_another_rule_say_nothing():
    """Nor does the absence of one."""
    assert not differ(None, of(JSON))
    assert not differ(b"\x00" + of(JSON)[1:], of(JSON.replace("1505", "1506")))
    assert of(JSON)[:1] == RULE


def test_a_digest_costs_little():
    """Less than twenty microseconds of a processor for a letter of two kilobytes, with room for a busy machine."""
    appeal = decode(Inbound("post", "", JSON.replace("Мой", "Мой " * 250).encode()))
    costs = []
    for _ in range(20):
        began = time.thread_time()
        for _ in range(50):
            digest(appeal)
        costs.append((time.thread_time() - began) / 50)
    assert min(costs) < 50e-6
