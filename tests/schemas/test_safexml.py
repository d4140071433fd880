"""Hostile and odd XML at the parser."""

import base64
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from appealbus.schemas.safexml import UnsafeXml, is_plainly_utf8, parse

STATM = Path("/proc/self/statm")
ENTITY = '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'


def refused(data: bytes, **options: str | int) -> str:
    """Return the code that the document is refused with."""
    with pytest.raises(UnsafeXml) as caught:
        parse(data, **options)  # type: ignore[arg-type]
    assert caught.value.__cause__ is None
    return caught.value.code


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
        ENTITY.encode(),
        ENTITY.encode("utf-16"),
        b"<!-- " + b"-" * 1 + b" -->" + ENTITY.encode(),
    ],
)
def test_every_dtd_is_refused(data: bytes) -> None:
    """No document that declares a DTD is taken, whatever is in it and in whatever encoding."""
    assert refused(data) == "xml.doctype"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_blank_lines_before_the_declaration(encoding: str) -> None:
    """Pages of PHP and JSP begin with them, and mean nothing by it; what else stands there is an error."""
    document = f'<?xml version="1.0" encoding="{encoding}"?><a>Ж</a>'.encode(encoding)
    assert parse(b"\r\n \t\n" + document).text == "Ж"
    assert refused(b"x\n" + document) in ("xml.malformed", "xml.encoding")
    assert refused(b"\n" + document.replace(b"<a>", b"<!DOCTYPE a><a>")) == "xml.doctype"


def test_doctype_in_a_text_is_no_doctype() -> None:
    """A text may speak of DOCTYPE; a broken document that does is merely broken or refused."""
    assert parse(b"<a>&lt;!DOCTYPE a></a>").text == "<!DOCTYPE a>"
    assert parse(b"<a><![CDATA[<!DOCTYPE a>]]></a>").text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml.malformed"),
        (b"<a>", "xml.malformed"),
        (b"<a/><a/>", "xml.malformed"),
        (b"{}", "xml.malformed"),
        (b"<a>\x00</a>", "xml.malformed"),
        (b"<a>&nbsp;</a>", "xml.malformed"),
        (b"<a>" * 300 + b"</a>" * 300, "xml.malformed"),
        (b"\x1f\x8b\x08\x00", "xml.encoding"),
        ("<a>я</a>".encode("windows-1251"), "xml.encoding"),
        (b"<a>" + b"x" * 2000 + b"</a>", "xml.too_large"),
        (b"<a><b" + b"".join(b' a%d=""' % n for n in range(1001)) + b"/></a>", "xml.too_many"),
    ],
)
def test_broken(data: bytes, code: str) -> None:
    """What is not well-formed, or too large, has its code."""
    assert refused(data, limit=1000 if code == "xml.too_large" else 2_000_000) == code


def test_marks_are_bounded_before_parsing() -> None:
    """A document of millions of tiny elements is refused before it costs a hundred bytes for each."""
    data = b"<a>" + b"<b/>" * 400_000 + b"</a>"
    tracemalloc.start()
    assert refused(data) == "xml.too_many"
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("opening", "charset"),
    [
        ('<?xml version="1.0" encoding="UTF-7"?>', None),
        ("<?xml version='1.0' encoding = 'unicode-1-1-utf-7'?>", None),
        ('<?xml version="1.0"' + " " * 5000 + 'encoding="UTF-7"?>', None),
        ('<?xml version="1.0" encoding="JAVA"?>', None),
        ("", "UTF-7"),
        ("", "cp037"),
    ],
)
def test_encodings_that_hide_tags(opening: str, charset: str | None) -> None:
    """Where a tag need not begin with <, bytes bound nothing: such an encoding is refused."""
    hidden = "+" + base64.b64encode(("<b/>" * 50_000).encode("utf-16-be")).decode().rstrip("=") + "-"
    assert refused(f"{opening}<a>{hidden}</a>".encode(), charset=charset) == "xml.encoding"


def test_comments_and_instructions_do_not_split_a_text() -> None:
    """The text around a comment is one text."""
    assert parse(b"<a>one<!-- -->two<?x y?>three</a>").text == "onetwothree"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("<a>Иванов</a>".encode("windows-1251"), None),
        ("<a>Иванов</a>".encode("windows-1251"), "iso-8859-1"),
        ("<a>Иванов</a>".encode("windows-1251"), "us-ascii"),
        ("<a>Иванов</a>".encode("windows-1251"), "windows-1252"),
        ("<a>Иванов</a>".encode("windows-1251"), "no-such"),
        ('<?xml version="1.0" encoding="ISO_8859-1"?><a>Иванов</a>'.encode(), None),
        ('<?xml version="1.0" encoding="ISO_8859-1"?><a>Иванов</a>'.encode("windows-1251"), None),
        ('<?xml version="1.0" encoding="windows-1251"?><a>ванов</a>'.encode(), None),
        ("<a>ванов</a>".encode(), "windows-1251"),
    ],
)
def test_what_would_be_broken_letters_is_refused(data: bytes, charset: str | None) -> None:
    """Web servers name ISO 8859-1 without a look: it makes no text of what says nothing of itself."""
    assert refused(data, charset=charset) == "xml.encoding"
    if is_plainly_utf8(data):  # which no setting makes anything else
        assert refused(data, charset=charset, fallback="windows-1251") == "xml.encoding"
    assert parse('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1")).text == "é"


@pytest.mark.parametrize(
    ("data", "charset", "fallback"),
    [
        ("<a>я</a>".encode(), None, None),
        ("<a>я</a>".encode("utf-8-sig"), "windows-1251", None),
        ("<a>я</a>".encode("utf-16"), None, None),
        ("<a>я</a>".encode("windows-1251"), "windows-1251", None),
        ('<?xml version="1.0" encoding="windows-1251"?><a>я</a>'.encode("windows-1251"), "utf-8", None),
        ('<?xml version="1.0" encoding="utf-8"?><a>я</a>'.encode(), "iso-8859-1", None),
        ("<a>я</a>".encode("windows-1251"), None, "windows-1251"),
        ('<?xml version="1.0" encoding="utf-8"?><a>я</a>'.encode("windows-1251"), None, "windows-1251"),
        ("<a>я</a>".encode(), None, "windows-1251"),
        ("<a>я</a>".encode(), "ISO-8859-1", None),
        ("<a>я</a>".encode("windows-1251"), "latin1", "windows-1251"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>я</a>'.encode("windows-1251"), None, "windows-1251"),
    ],
)
def test_encodings(data: bytes, charset: str | None, fallback: str | None) -> None:
    """Byte order mark, declaration, transport, UTF-8, in this order; the fallback only for broken UTF-8."""
    assert parse(data, charset=charset, fallback=fallback).text == "я"


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """Bytes of any kind are a document or an UnsafeXml, and nothing else."""
    try:
        root = parse(data, charset="windows-1251", fallback="koi8-r")
    except UnsafeXml:
        return
    assert isinstance(root, etree._Element)


FILE = b"QUJD" * 3_750_000
LARGE = 16 * 1024 * 1024


@pytest.mark.parametrize("text", [FILE, b"<![CDATA[" + FILE + b"]]>"])
def test_file_of_15_mb(text: bytes) -> None:
    """A text of 15 MB, as base64 or in a CDATA section, is read whole."""
    root = parse(b"<a><b>" + text + b"</b></a>", limit=LARGE)
    assert len(root.findtext("b", "")) == len(FILE)


BOMB = b'<!DOCTYPE a [<!ENTITY x "yyyyyyyyyy"><!ENTITY z "&x;&x;&x;">]><a b="&z;">&z;'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (BOMB + FILE + b"</a>", "xml.doctype"),
        ((BOMB.decode() + "я" * 5_500_000 + "</a>").encode("utf-16"), "xml.doctype"),
        (b'<?xml version="1.0" encoding="utf-7"?>' + BOMB.replace(b"<", b"+ADw-") + FILE + b"</a>", "xml.encoding"),
        (b"<a>" * 257 + FILE + b"</a>" * 257, "xml.malformed"),
        (b"<a>" + FILE, "xml.malformed"),
        (b"<a>\xff" + FILE + b"</a>", "xml.encoding"),
        (b"<a>" + b"<b/>" * 420_000 + FILE[:11_000_000] + b"</a>", "xml.too_many"),
        (b"<a" + b' b=""' * 420_000 + b">" + FILE[:11_000_000] + b"</a>", "xml.too_many"),
        (b"<a>" + FILE + FILE[: LARGE - len(FILE)] + b"</a>", "xml.too_large"),
    ],
    ids=["bomb", "utf-16", "utf-7", "deep", "unclosed", "bytes", "tags", "attributes", "large"],
)
def test_hostile_at_15_mb(data: bytes, code: str) -> None:
    """What lets a text be long lets nothing else in: no DTD in any encoding, no depth, no flood."""
    assert refused(data, limit=LARGE) == code


def test_names_are_forgotten() -> None:
    """Large documents of names that occur once, one after another, leave nothing behind."""
    if not STATM.exists():
        pytest.skip("only Linux tells how much memory a process has")

    def pages() -> int:
        return int(STATM.read_text().split()[1])

    def parsed(number: int) -> None:
        names = b"".join(b"<n%d_%d_%s/>" % (number, n, b"x" * 40) for n in range(40_000))
        assert len(parse(b"<a>" + names + b"</a>", limit=LARGE)) == 40_000

    for number in range(3):
        parsed(number)
    before = pages()
    for number in range(3, 15):
        parsed(number)
    assert (pages() - before) * os.sysconf("SC_PAGE_SIZE") < 25_000_000  # else 40 MB
