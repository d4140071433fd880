"""Schemas of messages: compiled from memory, with the names that they declare, and more lenient ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.namespaces import XSD


def compiled(files: Mapping[str, bytes], entry: str) -> etree.XMLSchema:
    """Compile XSD documents, given by import location; `entry` is the first.

    Raises etree.XMLSchemaParseError for an invalid schema, etree.XMLSyntaxError if the first is no XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Resolver(files))
    return etree.XMLSchema(etree.fromstring(files[entry], parser, base_url=entry))


class _Resolver(etree.Resolver):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        # What is not among the documents is an empty one.
        return self.resolve_string(self._files.get(system_url or "", b"<none/>"), context, base_url=system_url)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Local names of a schema, its global elements as `{namespace}local`, and its namespaces."""

    names: frozenset[str]
    elements: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()

    def knows(self, element: etree._Element) -> bool:
        return local_name(element) in self.names

    def is_foreign(self, element: etree._Element) -> bool:
        """Whether the element is in an unknown namespace, and so means something else."""
        space = etree.QName(element).namespace
        return bool(self.spaces) and space is not None and space not in self.spaces

    def tellable(self, name: str) -> str:
        """Return a local name, or a placeholder if it is unknown."""
        return name if name in self.names else "*"


def vocabulary_of(documents: Iterable[etree._Element]) -> Vocabulary:
    """Return the vocabulary. Declarations without a target namespace may take that of any including document."""
    roots = list(documents)
    spaces = {root.get("targetNamespace") for root in roots}
    names: set[str] = set()
    elements: set[str] = set()
    for root in roots:
        names.update(node.get("name", "") for node in root.iter(f"{{{XSD}}}element", f"{{{XSD}}}attribute"))
        own = [element.get("name", "") for element in root.iterchildren(f"{{{XSD}}}element")]
        target = root.get("targetNamespace")
        for space in [target] if target else spaces | {None}:
            elements.update(f"{{{space}}}{name}" if space else name for name in own)
    return Vocabulary(frozenset(names), frozenset(elements), frozenset(space for space in spaces if space))


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
