"""A schema in which nothing need be there.

libxml2 stops looking at what stands beside an element that it did not expect, and of a missing element it says that the
next one is not expected. Where nothing can be missing, what is there is looked at.
"""

from collections.abc import Mapping
from typing import Any

from lxml import etree

from appealbus.schemas.namespaces import XSD

_PARTICLES = frozenset(f"{{{XSD}}}{name}" for name in ("element", "group", "sequence", "choice", "all", "any"))
_ATTRIBUTE = f"{{{XSD}}}attribute"
_GLOBAL = frozenset(f"{{{XSD}}}{name}" for name in ("schema", "redefine", "override"))


def loosened(files: Mapping[str, bytes], entry: str) -> etree.XMLSchema | None:
    """Return the schema of these documents without its wishes; None where libxml2 does not take it.

    Args:
        files: XSD documents by the places under which they import each other.
        entry: the place of the first.

    """
    loose = {place: _loose(content) for place, content in files.items()}
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Resolver(loose))
    try:
        return etree.XMLSchema(etree.fromstring(loose[entry], parser, base_url=entry))
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError):
        return None  # such as a sequence that only its wishes made unambiguous


def _loose(content: bytes) -> bytes:
    root = etree.fromstring(content)
    for node in root.iter(etree.Element):
        above = node.getparent()
        if above is None or above.tag in _GLOBAL or (node.tag in _PARTICLES and above.tag == f"{{{XSD}}}group"):
            continue
        if node.tag in _PARTICLES and node.get("maxOccurs") != "0":
            node.set("minOccurs", "0")
        elif node.tag == _ATTRIBUTE and node.get("use") == "required":
            node.set("use", "optional")
    return etree.tostring(root, encoding="utf-8")


class _Resolver(etree.Resolver):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        # Nothing is read from disk or network: what is not among the documents is an empty one.
        return self.resolve_string(self._files.get(system_url or "", b"<none/>"), context, base_url=system_url)
