"""XML from outside: what is not an appeal is refused with the place and the reason, never with a value."""

import pytest

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.safexml import UnsafeXml
from appealbus.schemas.xml import APPEAL_NS, XmlError, appeal_from_xml, dossier_from_xml, to_xml

SECRET = "750301100019"


def document(inside):
    return (
        f'<appeal xmlns="{APPEAL_NS}"><message_id>м1</message_id><kind>complaint</kind>'
        f"<applicant><person/></applicant>{inside}</appeal>"
    ).encode()


def test_the_least_appeal():
    """What is absent has its default."""
    assert appeal_from_xml(document("")) == Appeal.model_validate(
        {"message_id": "м1", "kind": "complaint", "applicant": {"type": "person"}}
    )


def test_blanks_and_absence_are_told_apart():
    """An empty text, blanks and an absent field are three different things."""
    appeal = appeal_from_xml(document("<text> \n </text><representative><iin/></representative>"))
    assert appeal.text == " \n "
    assert appeal.representative is not None
    assert appeal.representative.iin == ""
    assert appeal.representative.surname is None
    assert appeal_from_xml(to_xml(appeal)) == appeal


def test_prefixes_comments_and_character_data_are_only_spelling():
    """Another prefix, a comment in the middle, CDATA and a pointer to the schema change nothing."""
    plain = appeal_from_xml(document("<text>жер &lt;учаскесі&gt;</text>"))
    spelt = (
        f'<?xml version="1.0"?><a:appeal xmlns:a="{APPEAL_NS}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{APPEAL_NS} http://example.org/appeal.xsd"><a:kind>complaint</a:kind>'
        "<a:text>жер <![CDATA[<учас]]><!-- қ -->кесі&#62;</a:text><a:applicant><a:person/></a:applicant>"
        "<a:message_id>м1</a:message_id></a:appeal>"
    )
    assert appeal_from_xml(spelt.encode()) == plain


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        ("<parsel/>", "appeal/parsel"),
        (f"<n{SECRET}/>", "appeal/(unnamed)"),
        ("<text>a</text><text>b</text>", "appeal/text"),
        (f"<text><b>{SECRET}</b></text>", "appeal/text"),
        (f"<parcels>{SECRET}</parcels>", "appeal/parcels"),
        ("<parcels><parcel/></parcels>", "appeal/parcels/parcel"),
        ("<parcels><item><note>x</note><note/></item></parcels>", "appeal/parcels/item[1]/note"),
        (f"<due_on>{SECRET}</due_on>", "appeal/due_on"),
        (f"<language>{SECRET}</language>", "appeal/language"),
        ("<applicants_count>0</applicants_count>", "appeal/applicants_count"),
        (f'<text lang="{SECRET}">a</text>', "appeal/text"),
        ('<text xmlns="urn:other">a</text>', "appeal/text"),
        ('<text xmlns="">a</text>', "appeal/text"),
        (f"{SECRET}", "appeal"),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(inside, path):
    """The error names the element; the value of a citizen never gets into it."""
    with pytest.raises(XmlError) as caught:
        appeal_from_xml(document(inside))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("applicant", ["", "<person/><person/>", "<person/><organisation/>", f"<n{SECRET}/>", "x"])
def test_applicant_is_a_person_or_an_organisation(applicant):
    """Anything else in its place is refused."""
    data = document("").replace(b"<person/>", applicant.encode())
    with pytest.raises(XmlError, match=r"^appeal/applicant: "):
        appeal_from_xml(data)


def test_root_of_another_kind():
    """A dossier is no appeal, and neither is another namespace."""
    with pytest.raises(XmlError, match="the root is not an element dossier"):
        dossier_from_xml(document(""))
    with pytest.raises(XmlError, match="the root is not an element appeal"):
        appeal_from_xml(document("").replace(APPEAL_NS.encode(), b"urn:other"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml.malformed"),
        (document("<text>"), "xml.malformed"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]>' + document("<text>&x;</text>"), "xml.doctype"),
        (document("<text>&x;</text>"), "xml.malformed"),
        (document("<a>" * 5000 + "</a>" * 5000), "xml.malformed"),
        (document("<text>" + "я" * 2_200_000 + "</text>"), "xml.too_large"),
    ],
)
def test_hostile_xml(data, code):
    """Entities, DTDs, depth and size are refused before anything is read."""
    with pytest.raises(UnsafeXml) as caught:
        appeal_from_xml(data)
    assert caught.value.code == code
