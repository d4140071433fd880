"""Text where a WSDL or a schema has room for elements alone: typing errors and the marks of a merge.

It means nothing, and libxml2 refuses the whole schema for it.
"""

from xml.parsers import expat

from lxml import etree

from appealbus.schemas.namespaces import XSD

WSDL = "http://schemas.xmlsoap.org/wsdl/"

_SPACES = (WSDL, XSD)
_OPEN = frozenset({"documentation", "appinfo"})
"""What is in these is for people and for other programs."""


def drop_stray_text(root: etree._Element, content: bytes) -> list[int] | None:
    """Take the text away, and return the lines on which it stood: none where they cannot be told; None: there was none.

    Args:
        root: the document; it is changed.
        content: the document as it came, for the lines.

    """
    if not _dropped(root):
        return None
    return sorted(set(_lines(content)))


def _dropped(root: etree._Element) -> bool:
    found = False
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not _holds_elements_alone(str(node.tag)[1:].replace("}", " ", 1)):
            continue
        if node.text and node.text.strip():
            node.text, found = None, True
        for child in node:
            if child.tail and child.tail.strip():
                child.tail, found = None, True
            waiting.append(child)
    return found


def _holds_elements_alone(name: str) -> bool:
    """Say so of an element, by its namespace and its local name with a blank between."""
    namespace, _, local = name.partition(" ")
    return namespace in _SPACES and local not in _OPEN


def _lines(content: bytes) -> list[int]:
    """Return the lines of the texts. lxml knows those of elements alone."""
    parser = expat.ParserCreate(namespace_separator=" ")
    inside: list[bool] = []
    lines: list[int] = []

    def start(name: str, _attributes: object) -> None:
        inside.append((not inside or inside[-1]) and _holds_elements_alone(name))

    def text(data: str) -> None:
        if inside and inside[-1] and data.strip():
            lines.append(parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: inside.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError):  # an encoding that lxml knows and expat does not
        return []
    return lines
