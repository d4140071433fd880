"""A schema in which nothing is required.

libxml2 stops looking at what stands beside an element that it did not expect, and of a missing element it says that the
next one is not expected. Where nothing can be missing, what is there is looked at.
"""

from collections.abc import Mapping

from lxml import etree

from appealbus.core.replies.schema_files import compiled
from appealbus.schemas.namespaces import XSD

_PARTICLES = frozenset(f"{{{XSD}}}{name}" for name in ("element", "group", "sequence", "choice", "all", "any"))
_ATTRIBUTE = f"{{{XSD}}}attribute"
_GLOBAL = frozenset(f"{{{XSD}}}{name}" for name in ("schema", "redefine", "override"))


def loosened(files: Mapping[str, bytes], entry: str) -> etree.XMLSchema | None:
    """Return the schema of these documents with nothing required; None where libxml2 does not take it.

    Args:
        files: XSD documents by the places under which they import each other.
        entry: the place of the first.

    """
    loose = {place: _loose(content) for place, content in files.items()}
    try:
        return compiled(loose, entry)
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError):
        return None  # such as a sequence that only required elements made unambiguous


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
