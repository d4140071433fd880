"""Replies of several parts arrive whole, or are refused in words."""

from pathlib import Path

import pytest
from lxml import etree

from appealbus.connectors.http import HttpReply
from appealbus.connectors.soap.reply import OpenedReply, open_reply
from appealbus.connectors.soap.settings import SoapSettings
from appealbus.core.interfaces.wire import CallFailed

SETTINGS = SoapSettings(wsdl=Path(__file__), limit=10**6)
TYPE = 'multipart/related; boundary="B"; start="<root>"'
INCLUDE = '<d><i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:a"/></d>'


def opened(*parts: bytes) -> OpenedReply:
    """Return a reply of these parts, taken apart."""
    body = b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"
    return open_reply(HttpReply(200, {"Content-Type": TYPE}, body), SETTINGS, {})


def root(inner: str, charset: str = "utf-8") -> bytes:
    """Return the root part."""
    head = f"Content-ID: <root>\r\nContent-Type: text/xml; charset={charset}\r\n\r\n"
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    envelope = f'<s:Envelope xmlns:s="{space}"><s:Body><r>{inner}</r></s:Body></s:Envelope>'
    return head.encode() + envelope.encode(charset)


def part(content: bytes, name: str = "a") -> bytes:
    """Return another part."""
    return f"Content-ID: <{name}>\r\n\r\n".encode() + content


def answer(reply: OpenedReply) -> etree._Element:
    """Return what answers."""
    assert reply.envelope is not None
    return reply.envelope.children[0]


@pytest.mark.parametrize("line", [b"--Bx", b"--B x", b"--BB--"])
def test_a_line_that_only_begins_like_a_boundary(line: bytes) -> None:
    """It is content: a part within a part may have a boundary that begins like the outer one."""
    content = b"one\r\n" + line + b"\r\nContent-ID: <z>\r\n\r\ntwo"
    assert opened(root("x"), part(content)).attachments == {"a": content}


def test_the_root_has_a_charset_of_its_own() -> None:
    """What the root part's own header says of its encoding counts, as the reply's does without parts."""
    assert answer(opened(root("привет", "windows-1251"))).text == "привет"
    assert answer(opened(root("привет", "koi8-r"))).text == "привет"


@pytest.mark.parametrize(
    "parts",
    [
        (root(INCLUDE.replace("<d>", "<d>more")), part(b"x")),
        (root(INCLUDE.replace("</d>", "more</d>")), part(b"x")),
        (root("x"), part(b""), part(b"")),
        (root("x"), *(part(b"x", str(number)) for number in range(1001))),
        (),
    ],
    ids=["text before", "text behind", "twice", "too many", "none"],
)
def test_what_would_be_lost_is_refused(parts: tuple[bytes, ...]) -> None:
    """Text beside an attachment, parts of one id, more parts than are read: none of it goes in silence."""
    with pytest.raises(CallFailed) as caught:
        opened(*parts)
    assert caught.value.code == "soap.multipart"
