"""Parsing XML that came from outside: no DTD, no entity, no network, bounded size, depth and number of parts."""

import codecs
import re
from concurrent.futures import ThreadPoolExecutor

from lxml import etree

_DECLARATION = re.compile(rb"\s*<\?xml\s(?![^>]{0,250}>)")
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,250}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_HIDING = re.compile("utf-?7|java|c99", re.IGNORECASE)
"""Encodings in which a tag need not begin with the byte of <, so that none of the bounds below would hold."""
_BY_DEFAULT = frozenset({"utf-8", "ascii", "iso8859-1", "cp1252"})
"""Encodings that web servers name by themselves, without a look: none but the first can hold a letter of ours."""
_CYRILLIC = re.compile(rb"[\xc0-\xff]{4}")
"""A word of ours in windows-1251. In ISO 8859-1 it would be four letters with accents in a row."""
_PLAINLY = 3
"""So many bytes more than characters make it certain that a text is in UTF-8."""
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DOCTYPE = re.compile("<!DOCTYPE".encode("utf-16-le") + b"|" + "<!DOCTYPE".encode("utf-16-be") + b"|<!DOCTYPE")
_FEWEST_MARKS = 20_000
"""However small the limit is, an ordinary reply of some hundred kilobytes has so many tags and attributes."""
_MOST_MARKS = 4 * 1024 * 1024 // 10
"""However large the limit is: what is larger is so by a file in it. So many cost 110 MB and 0.2 s in libxml2."""
_MOST_ATTRIBUTES = 1000
"""Of one element. To read n of them takes n² steps here and in canonical forms: 1,000 take 2 ms, 64,000 take 10 s."""
_has_too_many_attributes = etree.XPath(f"boolean(//*[count(@*) > {_MOST_ATTRIBUTES}])")
_SHORTEST_ATTRIBUTE = 5
"""Bytes of ` a=""`."""
_LONGEST_TEXT = 10_000_000
"""Bytes of one text that libxml2 takes unless it is told to take everything (XML_MAX_TEXT_LENGTH)."""
_DEEPEST = 256
"""Levels that libxml2 takes unless it is told so."""
_is_too_deep = etree.XPath(f"boolean({'/*' * (_DEEPEST + 1)})")
TOO_MUCH = frozenset({"xml.too_large", "xml.too_many"})
"""Codes of documents that are refused for their size."""


class UnsafeXml(ValueError):
    """The bytes are not XML that we take. `code` is a stable word; the text never quotes the input."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def parse(
    data: bytes, *, limit: int = 2 * 1024 * 1024, charset: str | None = None, fallback: str | None = None
) -> etree._Element:
    """Return the root of the document in `data`.

    The encoding is the one of the byte order mark, else the one that the document declares, else `charset`, else
    UTF-8. The document's own word comes before the transport's, and ISO 8859-1 and the like say nothing there, since
    web servers add them by default without a look at the document. Nothing is guessed: `fallback` serves a source that
    is known to say nothing, UTF-8 or ISO 8859-1, and to send something else; without it that is refused.

    Args:
        data: the document as it came.
        limit: the most bytes that are parsed at all. A document may have one tag or attribute for every ten, but no
            more than 419,430, and 1,000 attributes on one element. A text of more than 10 MB is taken in UTF-8 alone.
        charset: what the transport says of the encoding.
        fallback: the encoding of documents that claim to be UTF-8 or ISO 8859-1 and are not.

    Raises:
        UnsafeXml: `xml.too_large`, `xml.too_many`, `xml.doctype`, `xml.encoding` or `xml.malformed`.
    """
    if len(data) > limit:
        raise UnsafeXml("xml.too_large", f"the document has more than {limit} bytes")
    # Pages of PHP and JSP begin with blank lines, which XML does not have before its declaration.
    begun = data.lstrip(b" \t\r\n")
    data = begun if begun.startswith(b"<?xml") else data
    _check_encoding(data, charset)
    # A tag of four bytes costs a hundred and more in memory, so bytes alone are no bound.
    # Where it has too few bytes for too many, they need not be counted: that takes a sixth of the time of parsing.
    equals = data.count(b"=") if len(data) > _MOST_ATTRIBUTES * _SHORTEST_ATTRIBUTE else 0
    marks = data.count(b"<") + equals if len(data) > _FEWEST_MARKS else 0
    if marks > max(min(limit // 10, _MOST_MARKS), _FEWEST_MARKS):
        raise UnsafeXml("xml.too_many", "the document has too many tags and attributes for its limit")
    root = (_parsed if marks <= _FEWEST_MARKS else _apart)(data, charset, fallback)
    if equals > _MOST_ATTRIBUTES and _has_too_many_attributes(root):
        raise UnsafeXml("xml.too_many", f"an element of the document has more than {_MOST_ATTRIBUTES} attributes")
    return root


def local_name(element: etree._Element) -> str:
    """Return the element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _check_encoding(data: bytes, charset: str | None) -> None:
    """Refuse encodings that hide tags, and declarations in which one could not be found."""
    declared = _DECLARED.match(data)
    names = [declared[1].decode()] if declared else []
    if any(_hides_tags(name) for name in (*names, charset) if name) or _DECLARATION.match(data):
        raise UnsafeXml("xml.encoding", "the document is in an encoding that is not read")


def _hides_tags(name: str) -> bool:
    try:
        return _HIDING.search(name) is not None or b"<" not in "<".encode(name)
    except (LookupError, ValueError):
        return False  # not Python's; the parser may know it, or refuses it


def _apart(data: bytes, charset: str | None, fallback: str | None) -> etree._Element:
    # lxml keeps every name of an element or attribute that a thread ever met until the thread ends. Of a document
    # with hundreds of thousands of names that are nobody's they would be some ten megabytes each time.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_parsed, data, charset, fallback).result()


def _parsed(data: bytes, charset: str | None, fallback: str | None) -> etree._Element:
    encoding = charset if charset and _python_name(charset) not in _BY_DEFAULT and not _declares(data) else None
    if _is_misnamed(data, encoding, known=fallback is not None):
        if fallback is None or is_plainly_utf8(data):
            raise UnsafeXml("xml.encoding", "the document is in another encoding than it says")
        encoding = fallback
    if len(data) > _LONGEST_TEXT and encoding is None and _is_utf8(data):
        return _large(data)
    try:
        return _checked(_root(data, encoding))
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        if isinstance(error, UnsafeXml):
            raise
        if isinstance(error, LookupError):
            raise UnsafeXml("xml.encoding", "the document is in an encoding that is not read") from None
        if _DOCTYPE.search(data[:8192]):
            raise UnsafeXml("xml.doctype", "the document declares a DTD") from None
        if encoding is None and _is_broken_utf8(data):
            return _with_fallback(data, fallback)
        raise _malformed(error) from None


def _large(data: bytes) -> etree._Element:
    # Without its limits libxml2 would expand entities in attributes without end, so no DTD may reach it. In UTF-8,
    # which the parser is held to, nothing else than these bytes can begin one.
    if b"<!DOCTYPE" in data:
        raise UnsafeXml("xml.doctype", "the document declares a DTD")
    try:
        root = _checked(_root(data, "utf-8", huge=True))
    except etree.XMLSyntaxError as error:
        raise _malformed(error) from None
    if _is_too_deep(root):
        raise UnsafeXml("xml.malformed", f"the document has more than {_DEEPEST} levels")
    return root


def _with_fallback(data: bytes, fallback: str | None) -> etree._Element:
    if fallback is None:
        raise UnsafeXml("xml.encoding", "the document is not in UTF-8, and declares nothing else")
    try:
        return _checked(_root(data, fallback))
    except (etree.XMLSyntaxError, LookupError) as error:
        raise _malformed(error) from None


def _root(data: bytes, encoding: str | None, *, huge: bool = False) -> etree._Element:
    # Comments and instructions are dropped so that they cannot split a text in two.
    parser = etree.XMLParser(  # type: ignore[call-overload]  # the stubs do not know decompress yet
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=huge,
        recover=False,
        decompress=False,
        remove_comments=True,
        remove_pis=True,
    )
    root: etree._Element = etree.fromstring(data, parser)
    return root


def _checked(root: etree._Element) -> etree._Element:
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise UnsafeXml("xml.doctype", "the document declares a DTD")
    return root


def _is_misnamed(data: bytes, encoding: str | None, *, known: bool) -> bool:
    """Say whether a document cannot be in the encoding that it declares, or else has from its transport.

    Of a source that is `known` to write something else, ISO 8859-1 is not believed at all.
    """
    declared = _DECLARED.match(data)
    says = _python_name(declared[1].decode() if declared else encoding or "utf-8")
    if says == "utf-8" or data.startswith(_BOMS) or data.isascii():
        return False
    if says == "iso8859-1" and (known or _CYRILLIC.search(data)):
        return True
    return is_plainly_utf8(data)


def is_plainly_utf8(data: bytes) -> bool:
    """Say whether a text is certainly in UTF-8: it has letters of several bytes, and no other encoding makes such."""
    try:
        return len(data) - len(data.decode()) >= _PLAINLY
    except UnicodeDecodeError:
        return False


def _python_name(encoding: str) -> str:
    """Return the one name of all that an encoding has; of one that Python does not have, "": the parser may know it."""
    try:
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        return ""


def _declares(data: bytes) -> bool:
    return data.startswith(_BOMS) or _DECLARED.match(data) is not None


def _is_utf8(data: bytes) -> bool:
    return _says_utf8(data) and not _is_broken_utf8(data)


def _is_broken_utf8(data: bytes) -> bool:
    if not _says_utf8(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _says_utf8(data: bytes) -> bool:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    declared = _DECLARED.match(data)
    return declared is None or declared[1].lower() in (b"utf-8", b"utf8")


def _malformed(error: Exception) -> UnsafeXml:
    line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
    where = f" (line {line}, column {column})" if line and column else f" (line {line})" if line else ""
    return UnsafeXml("xml.malformed", f"the document is not well-formed XML{where}")
