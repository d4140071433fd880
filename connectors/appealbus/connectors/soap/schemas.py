"""The schemas of a contract, rearranged so that both libxml2 and zeep accept them.

Contracts spread a namespace over several schemas, and import by namespace alone or by URL. Here each namespace gets
one document that includes its parts, under a generated name, and all imports refer to it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from appealbus.connectors.soap.documents import WSDL, Document, references
from appealbus.core.replies.xmlschema import Vocabulary
from appealbus.schemas.namespaces import XSD

DRIVER = "/contract/all.xsd"
"""The document that imports everything."""

_REPEATS = re.compile(r"[*+]|\{\d+,|\)\{")
"""Patterns that may need backtracking in libxml2: an unbounded repetition, or a repeated group."""
_IMPORT, _INCLUDE, _REDEFINE = (f"{{{XSD}}}{name}" for name in ("import", "include", "redefine"))


@dataclass(slots=True)
class _Part:
    """One schema: `origin` as in its document, and `root` rewritten. `includes` are names of other parts."""

    name: str
    document: Document
    origin: etree._Element
    root: etree._Element
    includes: set[str] = field(default_factory=set)

    @property
    def namespace(self) -> str | None:
        return self.root.get("targetNamespace")

    def references(self) -> Iterator[tuple[etree._Element, str]]:
        """Yield the references to other documents of the contract, each with that document's location."""
        for node, written in references(self.root):
            location = self.document.targets.get(written)
            if location is not None:
                yield node, location

    @property
    def declared(self) -> frozenset[tuple[str, str]]:
        """Its global declarations, and the parts that it includes."""
        own = {(str(node.tag), node.get("name", "")) for node in self.root.iterchildren("{*}*") if node.get("name")}
        return frozenset(own | {(_INCLUDE, name) for name in self.includes})


Component = tuple[str, int]
"""A global declaration: our name of its document, and its position after the imports."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """The contract's schemas.

    Attributes:
        files: the documents by our names, including DRIVER. Each global declaration begins on a line of its own.
        homes: the document of each namespace.
        locations: original location of each document, for errors.
        names: the local names of all declared elements and attributes.
        lines: for each document, the original lines of its global declarations.
        spaces: for each document, the namespaces of its declarations: several documents may include one without its
            own.
        left_out: global declarations removed from the files.
    """

    files: Mapping[str, bytes]
    homes: Mapping[str | None, str]
    locations: Mapping[str, str]
    names: frozenset[str]
    lines: Mapping[str, tuple[int, ...]]
    spaces: Mapping[str, frozenset[str | None]]
    left_out: frozenset[Component] = frozenset()

    @property
    def elements(self) -> frozenset[str]:
        """The global elements, as `{namespace}local`."""
        return frozenset(
            name
            for file in self.spaces
            for _, node in self.components(file)
            if node.tag == f"{{{XSD}}}element"
            for name in self.qualified(file, node)
        )

    @property
    def is_slow(self) -> bool:
        """Whether validation may take long: repeating patterns and counted repetitions can take a second."""
        return any(
            _REPEATS.search(node.get("value", "")) is not None
            if node.tag == f"{{{XSD}}}pattern"
            else node.get("maxOccurs", "1") not in ("0", "1", "unbounded")
            for content in self.files.values()
            for node in etree.fromstring(content).iter("{*}*")
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that messages may show."""
        return Vocabulary(self.names, self.elements, frozenset(space for space in self.homes if space))

    def components(self, file: str) -> Iterator[tuple[Component, etree._Element]]:
        """Yield the remaining global declarations of a document."""
        left = (index for index in range(len(self.lines.get(file, ()))) if (file, index) not in self.left_out)
        for index, node in zip(left, _declarations(etree.fromstring(self.files[file])), strict=True):
            yield (file, index), node

    def qualified(self, file: str, node: etree._Element) -> list[str]:
        """Return the names, `{namespace}local`, of a global declaration."""
        local = node.get("name", "")
        return [f"{{{space}}}{local}" if space else local for space in self.spaces[file]]

    def without(self, components: Iterable[Component]) -> "Schemas":
        gone = frozenset(components)
        files = dict(self.files)
        for file in {file for file, _ in gone}:
            nodes = dict(self.components(file))
            root = etree.fromstring(files[file])
            for node, component in zip(list(_declarations(root)), nodes, strict=True):
                if component in gone:
                    root.remove(node)
            files[file] = etree.tostring(root, encoding="utf-8")
        return replace(self, files=files, left_out=self.left_out | gone)

    def roots(self) -> list[etree._Element]:
        """Return the parsed documents."""
        return [etree.fromstring(content) for content in self.files.values()]


def _declarations(root: etree._Element) -> Iterator[etree._Element]:
    for node in root.iterchildren("{*}*"):
        if node.tag not in (_IMPORT, _INCLUDE, _REDEFINE):
            yield node


def arrange(documents: Iterable[Document]) -> Schemas:
    """Arrange the schemas of the documents, including inline ones."""
    parts, by_location = _collect(documents)
    buckets = _buckets(parts, by_location)
    homes: dict[str | None, str] = {}
    files: dict[str, bytes] = {}
    for number, (namespace, members) in enumerate(buckets.items()):
        homes[namespace] = members[0].name if len(members) == 1 else f"/contract/namespace{number}.xsd"
        if len(members) > 1:
            files[homes[namespace]] = _document(namespace, (("include", None, part.name) for part in members))
    for part in parts:
        _redirect(part, by_location, homes)
        files[part.name] = _written(part.root)
    files[DRIVER] = _document(
        None, (("import" if namespace else "include", namespace, home) for namespace, home in homes.items())
    )
    return Schemas(
        files,
        homes,
        {part.name: part.document.location for part in parts},
        frozenset(
            node.get("name", "")
            for part in parts
            for node in part.root.iter(f"{{{XSD}}}element", f"{{{XSD}}}attribute")
        ),
        {part.name: tuple(int(node.sourceline or 0) for node in _declarations(part.origin)) for part in parts},
        _spaces(parts, buckets),
    )


def built_of(schemas: Schemas, elements: Iterable[str]) -> Schemas:
    """Reduce the schemas to the dependencies of some elements, and to declarations with the same names as those."""
    pairs = [component for file in schemas.spaces for component in schemas.components(file)]
    refers: dict[str, set[str]] = {}
    for _, node in pairs:
        refers.setdefault(node.get("name", ""), set()).update(_referred(node))
    roots = {etree.QName(name).localname for name in elements}
    needed = roots.union(*(_reach(root, lambda name: refers.get(name, set())) for root in roots))
    return schemas.without(component for component, node in pairs if node.get("name", "") not in needed)


def _referred(component: etree._Element) -> Iterator[str]:
    for node in component.iter("{*}*"):
        for key in ("type", "ref", "base", "itemType", "memberTypes", "substitutionGroup"):
            for name in node.get(key, "").split():
                yield name.rpartition(":")[2]


def _collect(documents: Iterable[Document]) -> tuple[list[_Part], dict[str, _Part]]:
    parts: list[_Part] = []
    by_location: dict[str, _Part] = {}
    for document in documents:
        root = document.root
        if root.tag == f"{{{XSD}}}schema":
            by_location[document.location] = part = _part(len(parts), document, root)
            parts.append(part)
        for inline in root.iterfind(f"{{{WSDL}}}types/{{{XSD}}}schema"):
            parts.append(_part(len(parts), document, inline))
    for part in parts:
        for node, target in part.references():
            if node.tag != _IMPORT and target in by_location:
                part.includes.add(by_location[target].name)
    return parts, by_location


def _part(number: int, document: Document, root: etree._Element) -> _Part:
    return _Part(f"/contract/{number}.xsd", document, root, _copy(root))


def _copy(element: etree._Element) -> etree._Element:
    # Unlike deepcopy, writing it out keeps the namespaces of outer elements, which types are named by.
    return etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False))


def _buckets(parts: list[_Part], by_location: Mapping[str, _Part]) -> dict[str | None, list[_Part]]:
    """Return, for each namespace, its parts that no other part includes."""
    by_name = {part.name: part for part in parts}
    imported: set[str] = set()
    for part in parts:
        for node, target in part.references():
            if node.tag == _IMPORT and target in by_location:
                imported.add(by_location[target].name)
    included = {name for part in parts for name in part.includes}
    wanted = {name for name in by_name if name in imported or name not in included}
    reach = {name: _reach(name, lambda file: by_name[file].includes) for name in by_name}
    buckets: dict[str | None, list[_Part]] = {}
    for part in parts:
        others = [other for other in parts if other is not part and other.name in wanted]
        covered = any(
            part.name in reach[other.name]
            and other.namespace == part.namespace
            and (other.name not in reach[part.name] or by_name[other.name] in buckets.get(part.namespace, []))
            for other in others
        )
        if part.name in wanted and not covered:
            _add(buckets.setdefault(part.namespace, []), part)
    return buckets


def _add(bucket: list[_Part], part: _Part) -> None:
    """Add the part unless its declarations are there already: the same schema may have two addresses."""
    for other in list(bucket):
        if part.declared <= other.declared:
            return
        if other.declared <= part.declared:
            bucket.remove(other)
    bucket.append(part)


def _reach(start: str, following: Callable[[str], set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in following(waiting.pop()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _redirect(part: _Part, by_location: Mapping[str, _Part], homes: Mapping[str | None, str]) -> None:
    targets = {node: target for node, target in part.references() if target in by_location}
    for node in list(part.root.iterchildren(_IMPORT, _INCLUDE, _REDEFINE)):
        if node.tag != _IMPORT:
            target = by_location.get(targets.get(node, ""))
            if target is None:
                part.root.remove(node)
            else:
                node.set("schemaLocation", target.name)
            continue
        namespace = node.get("namespace")
        if namespace is None and node in targets:
            namespace = by_location[targets[node]].namespace
        if namespace == part.namespace:
            # Forbidden, and common. What it names is in this namespace's document anyway.
            part.root.remove(node)
        elif namespace in homes:
            node.set("schemaLocation", homes[namespace])
        else:
            node.attrib.pop("schemaLocation", None)
    # Schemas that refer to each other without an import are common; zeep and .NET do not mind, libxml2 does.
    imported = {node.get("namespace") for node in part.root.iterchildren(_IMPORT)} | {part.namespace}
    used = {space for node in part.root.iter("{*}*") for space in node.nsmap.values()}
    for namespace in sorted(space for space in used if space in homes and space not in imported):
        node = etree.Element(_IMPORT, namespace=namespace, schemaLocation=homes[namespace])
        part.root.insert(0, node)


def _written(root: etree._Element) -> bytes:
    """Serialize a schema with each global declaration on its own line, so that an error's line identifies it."""
    for node in root:
        node.tail = "\n"
    root.text = "\n"
    return etree.tostring(root, encoding="utf-8")


def _document(namespace: str | None, references: Iterable[tuple[str, str | None, str]]) -> bytes:
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    if namespace is not None:
        root.set("targetNamespace", namespace)
    for kind, imported, location in references:
        node = etree.SubElement(root, f"{{{XSD}}}{kind}", schemaLocation=location)
        if imported is not None:
            node.set("namespace", imported)
    return etree.tostring(root, encoding="utf-8")


def _spaces(parts: list[_Part], buckets: Mapping[str | None, list[_Part]]) -> dict[str, frozenset[str | None]]:
    by_name = {part.name: part for part in parts}
    by_part: dict[str, set[str | None]] = {}
    for namespace, members in buckets.items():
        names = {part.name for part in members}
        for part in members:
            names |= _reach(part.name, lambda inner: by_name[inner].includes)
        for name in names:
            by_part.setdefault(name, set()).add(namespace)
    return {name: frozenset(spaces) for name, spaces in by_part.items()}
