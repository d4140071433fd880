"""The schemas of a contract, put in order so that both libxml2 and zeep take them.

Contracts spread a namespace over several schemas, import by namespace alone and by URL. Here each namespace gets
one document that includes its parts, under a name of ours, and every import leads there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from appealbus.connectors.soap.documents import WSDL, XSD, Document, references

DRIVER = "/contract/all.xsd"
"""The document that imports everything."""

_IMPORT, _INCLUDE, _REDEFINE = (f"{{{XSD}}}{name}" for name in ("import", "include", "redefine"))


@dataclass(slots=True)
class _Part:
    """One schema. `includes` are the names of the parts that it includes."""

    name: str
    location: str
    root: etree._Element
    includes: set[str] = field(default_factory=set)

    @property
    def namespace(self) -> str | None:
        return self.root.get("targetNamespace")

    @property
    def declared(self) -> frozenset[tuple[str, str]]:
        """What it declares globally, and the parts that it includes."""
        own = {(str(node.tag), node.get("name", "")) for node in self.root.iterchildren("{*}*") if node.get("name")}
        return frozenset(own | {(_INCLUDE, name) for name in self.includes})


@dataclass(frozen=True, slots=True)
class Schemas:
    """The contract's schemas.

    Attributes:
        files: the documents by our names, DRIVER among them.
        homes: the document of each namespace.
        locations: where each came from, for errors.
        elements: global elements, as `{namespace}local`.
        names: the local names of all elements and attributes that are declared anywhere.

    """

    files: Mapping[str, bytes]
    homes: Mapping[str | None, str]
    locations: Mapping[str, str]
    elements: frozenset[str]
    names: frozenset[str]

    def roots(self) -> list[etree._Element]:
        """Return the documents as they are parsed."""
        return [etree.fromstring(content) for content in self.files.values()]


def arrange(documents: Iterable[Document]) -> Schemas:
    """Return the schemas of the documents, inline ones included."""
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
        files[part.name] = etree.tostring(part.root, encoding="utf-8")
    files[DRIVER] = _document(
        None, (("import" if namespace else "include", namespace, home) for namespace, home in homes.items())
    )
    return Schemas(
        files,
        homes,
        {part.name: part.location for part in parts},
        frozenset(_global_elements(parts, buckets)),
        frozenset(
            node.get("name", "")
            for part in parts
            for node in part.root.iter(f"{{{XSD}}}element", f"{{{XSD}}}attribute")
        ),
    )


def _collect(documents: Iterable[Document]) -> tuple[list[_Part], dict[str, _Part]]:
    parts: list[_Part] = []
    by_location: dict[str, _Part] = {}
    for document in documents:
        root = document.root
        if root.tag == f"{{{XSD}}}schema":
            by_location[document.location] = part = _Part(f"/contract/{len(parts)}.xsd", document.location, _copy(root))
            parts.append(part)
        for inline in root.iterfind(f"{{{WSDL}}}types/{{{XSD}}}schema"):
            parts.append(_Part(f"/contract/{len(parts)}.xsd", document.location, _copy(inline)))
    for part in parts:
        for node, target in references(part.root, part.location):
            if node.tag != _IMPORT and target in by_location:
                part.includes.add(by_location[target].name)
    return parts, by_location


def _copy(element: etree._Element) -> etree._Element:
    # Unlike deepcopy, writing it out keeps the namespaces of outer elements, which types are named by.
    return etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False))


def _buckets(parts: list[_Part], by_location: Mapping[str, _Part]) -> dict[str | None, list[_Part]]:
    """Return, for each namespace, the parts that make it up and are not included by another one."""
    by_name = {part.name: part for part in parts}
    imported: set[str] = set()
    for part in parts:
        for node, target in references(part.root, part.location):
            if node.tag == _IMPORT and target in by_location:
                imported.add(by_location[target].name)
    included = {name for part in parts for name in part.includes}
    wanted = {name for name in by_name if name in imported or name not in included}
    reach = {name: _reach(name, lambda each: by_name[each].includes) for name in by_name}
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
    """Add the part, unless what it declares is there already: the same schema may come under two addresses."""
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
    targets = dict(references(part.root, part.location))
    for node in list(part.root.iterchildren(_IMPORT, _INCLUDE, _REDEFINE)):
        if node.tag != _IMPORT:
            target = by_location.get(targets.get(node, ""))
            if target is None:
                part.root.remove(node)
            else:
                node.set("schemaLocation", target.name)
            continue
        namespace = node.get("namespace")
        if namespace is None and node in targets and targets[node] in by_location:
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


def _document(namespace: str | None, references: Iterable[tuple[str, str | None, str]]) -> bytes:
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    if namespace is not None:
        root.set("targetNamespace", namespace)
    for kind, imported, location in references:
        node = etree.SubElement(root, f"{{{XSD}}}{kind}", schemaLocation=location)
        if imported is not None:
            node.set("namespace", imported)
    return etree.tostring(root, encoding="utf-8")


def _global_elements(parts: list[_Part], buckets: Mapping[str | None, list[_Part]]) -> Iterable[str]:
    by_name = {part.name: part for part in parts}
    for namespace, members in buckets.items():
        names = {part.name for part in members}
        for part in members:
            names |= _reach(part.name, lambda each: by_name[each].includes)
        for name in names:
            for node in by_name[name].root.iterchildren(f"{{{XSD}}}element"):
                yield f"{{{namespace}}}{node.get('name')}" if namespace else node.get("name", "")
