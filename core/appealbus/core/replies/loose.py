"""Loosens a schema: nothing is required, and open content need not be declared.

At an unexpected or missing element libxml2 skips the siblings. Without requirements it checks all present elements.
"""

from collections.abc import Iterable, Mapping

from lxml import etree

from appealbus.core.replies.schema_files import compiled
from appealbus.schemas.namespaces import XSD

_PARTICLES = frozenset(f"{{{XSD}}}{name}" for name in ("element", "group", "sequence", "choice", "all", "any"))
_HOLDERS = (*_PARTICLES, *(f"{{{XSD}}}{name}" for name in ("complexContent", "extension", "restriction")))
_ANY = f"{{{XSD}}}any"
_ATTRIBUTE = f"{{{XSD}}}attribute"
_GLOBAL = frozenset(f"{{{XSD}}}{name}" for name in ("schema", "redefine", "override"))
_MOST_STEPS = 100_000_000
"""Estimated steps of libxml2, cubic in the elements of a type: 0.2 s here, 18 s for 2,000 elements."""
_DEEPEST = 100
"""Steps into nested and extended types, three each; deeper types count as too wide."""


def loosened(files: Mapping[str, bytes], entry: str) -> etree.XMLSchema | None:
    """Return the schema without requirements; None if libxml2 rejects it or would be slow. `files` are by location."""
    roots = {place: etree.fromstring(content) for place, content in files.items()}
    if _Widths(roots.values()).steps() > _MOST_STEPS:
        return None
    try:
        return compiled({place: _loose(root) for place, root in roots.items()}, entry)
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError):
        return None  # such as a sequence that only required elements made unambiguous


class _Widths:
    """Number of elements per type. Names are matched without namespaces: the widest counts."""

    def __init__(self, roots: Iterable[etree._Element]) -> None:
        self._types: list[etree._Element] = []
        self._named: dict[tuple[str, str], list[etree._Element]] = {}
        self._known: dict[etree._Element, int] = {}
        for root in roots:
            self._types += root.iter(f"{{{XSD}}}complexType")
            for node in root.iterchildren(f"{{{XSD}}}complexType", f"{{{XSD}}}group"):
                self._named.setdefault((etree.QName(node).localname, node.get("name", "")), []).append(node)

    def steps(self) -> int:
        return sum(self._of(kind, 0) ** 3 for kind in self._types)

    def _of(self, node: etree._Element, depth: int) -> int:
        if node not in self._known:
            self._known[node] = 0  # for one that holds itself
            self._known[node] = self._counted(node, depth)
        return self._known[node]

    def _counted(self, node: etree._Element, depth: int) -> int:
        if depth > _DEEPEST:
            return _MOST_STEPS
        kind = etree.QName(node).localname
        inside = [self._of(child, depth + 1) for child in node.iterchildren(*_HOLDERS)]
        match kind:
            case "element" | "any" | "all":
                return 1
            case "choice":
                return 1 + max(inside, default=0)
            case "extension":
                return sum(inside) + self._named_width("complexType", node.get("base", ""), depth)
            case "group" if node.get("ref") is not None:
                return self._named_width("group", node.get("ref", ""), depth)
        return sum(inside)

    def _named_width(self, kind: str, name: str, depth: int) -> int:
        types = self._named.get((kind, name.rpartition(":")[2]), ())
        return max((self._of(type_, depth + 1) for type_ in types), default=0)


def _loose(root: etree._Element) -> bytes:
    for node in root.iter(etree.Element):
        above = node.getparent()
        if above is None or above.tag in _GLOBAL or (node.tag in _PARTICLES and above.tag == f"{{{XSD}}}group"):
            continue
        if node.tag in _PARTICLES and node.get("maxOccurs") != "0":
            node.set("minOccurs", "0")
            if node.tag == _ANY and node.get("processContents", "strict") == "strict":
                node.set("processContents", "lax")
        elif node.tag == _ATTRIBUTE and node.get("use") == "required":
            node.set("use", "optional")
    return etree.tostring(root, encoding="utf-8")
