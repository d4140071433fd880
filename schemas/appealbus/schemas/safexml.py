"""Parsing XML that came from outside: no DTD, no entity, no network, bounded size and depth."""

from lxml import etree


class UnsafeXml(ValueError):
    """The bytes are not XML that we take. `code` is a stable word; the text never quotes the input."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _parser() -> etree.XMLParser:
    # Comments and instructions are dropped so that they cannot split a text in two.
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )


def parse(data: bytes, *, limit: int = 2 * 1024 * 1024) -> etree._Element:
    """Return the root of the document in `data`.

    Args:
        data: the document as it came, in any encoding that it declares.
        limit: the most bytes that are parsed at all.

    Raises:
        UnsafeXml: `xml.too_large`, `xml.doctype` or `xml.malformed`.

    """
    if len(data) > limit:
        raise UnsafeXml("xml.too_large", f"the document has more than {limit} bytes")
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        if b"<!DOCTYPE" in data[:4096]:
            raise UnsafeXml("xml.doctype", "the document declares a DTD") from None
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        raise UnsafeXml("xml.malformed", f"the document is not well-formed XML{where}") from None
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise UnsafeXml("xml.doctype", "the document declares a DTD")
    return root
