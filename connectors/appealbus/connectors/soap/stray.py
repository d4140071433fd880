"""Stray text between the elements of a WSDL or a schema, for which libxml2 rejects the whole schema."""

from xml.parsers import expat

from lxml import etree

from appealbus.schemas.namespaces import XSD

WSDL = "http://schemas.xmlsoap.org/wsdl/"

_SPACES = (WSDL, XSD)
_OPEN = frozenset({"documentation", "appinfo"})
"""Elements with free content, for people and for other programs."""


def drop_stray_text(root: etree._Element, content: bytes) -> list[int] | None:
    """Remove the text in place, and return its lines in `content`; empty: unknown; None: there was none."""
    if not _dropped(root):
        return None
    return sorted(set(_lines(content)))


def _dropped(root: etree._Element) -> bool:
    dropped = False
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not _holds_elements_alone(str(node.tag)[1:].replace("}", " ", 1)):
            continue
        if node.text and node.text.strip():
            node.text, dropped = None, True
        for child in node:
            if child.tail and child.tail.strip():
                child.tail, dropped = None, True
            waiting.append(child)
    return dropped


def _holds_elements_alone(name: str) -> bool:
    """Whether an element allows no text; the name is namespace, blank, local name."""
    namespace, _, local = name.partition(" ")
    return namespace in _SPACES and local not in _OPEN


def _lines(content: bytes) -> list[int]:
    """Return the lines of the texts; lxml knows those of elements only."""
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
