"""What leaves for a register lies in the gateway's message as its service wants it, unless a setting says otherwise."""

import re
from typing import Any

import pytest
from lxml import etree

from appealbus.core import Lookup
from tests.plugins.corpus.kit import QUERIES, XSI, Gateway, lookup_of, put

MESSAGE = "http://message.persistence.interactive.nat"
GBDUL = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"
PARTS = ["messageId", "messageDate", "senderCode", "iin", "kdpToken", "publicKey"]
SOME = "<Status><Code>1</Code></Status>"


async def sent(gateway: Gateway, asks: str, **source: Any) -> etree._Element:
    """Return the `data` element of the question."""
    gateway.told = {"data": SOME}
    await put(gateway, lookup_of({"asks": asks}), QUERIES[asks], source)
    (data,) = etree.fromstring(gateway.asked).iter("data")
    return data


async def test_a_person_is_asked_for_by_children_in_data_with_their_type(gateway: Gateway) -> None:
    """The name of the type is a type's, in the namespace of the messages; nothing in it is in a namespace."""
    data = await sent(gateway, "gbdfl.person")
    prefix, _, name = data.get(f"{{{XSI}}}type", "").partition(":")
    assert (data.nsmap[prefix], name) == (MESSAGE, "Request")
    assert [child.tag for child in data] == PARTS


async def test_a_person_is_asked_for_without_the_type(gateway: Gateway) -> None:
    """By setting."""
    data = await sent(gateway, "gbdfl.person", payload="bare")
    assert not data.attrib
    assert [child.tag for child in data] == PARTS


async def test_a_person_is_asked_for_in_the_wrapper(gateway: Gateway) -> None:
    """By setting."""
    (wrapper,) = await sent(gateway, "gbdfl.person", payload="child")
    assert wrapper.tag == "{http://smartbridge.b10.kz}sendMessageRequest"
    assert [child.tag for child in wrapper] == PARTS


async def test_an_organisation_is_asked_for_as_text(gateway: Gateway) -> None:
    """The text is a document with the published root, and says that it is a text."""
    data = await sent(gateway, "gbdul.organisation")
    assert (data.get(f"{{{XSI}}}type"), len(data)) == ("xs:string", 0)
    root = etree.fromstring(data.text or "")
    assert root.tag == f"{{{GBDUL}}}Request"
    assert [(child.tag, child.text) for child in root][:2] == [
        ("RequestorBIN", "210740000018"),
        ("BIN", "210740000018"),
    ]


async def test_one_message_has_one_id(gateway: Gateway) -> None:
    """The id in the content is the gateway's id of the message, as published clients have it."""
    await sent(gateway, "gbdfl.person")
    first, second = re.findall("<messageId[^>]*>(.*?)</messageId>", gateway.asked)
    assert first == second


@pytest.mark.parametrize("asks", QUERIES)
def test_every_lookup_says_how_its_content_lies(asks: str) -> None:
    """Of the registers behind the gateway."""
    lookup: Lookup[Any, Any] = lookup_of({"asks": asks})
    assert asks == "egkn.parcel" or lookup.send.form is not None  # type: ignore[attr-defined]
