"""Elements of rpc/literal operations. The contract does not declare them, so a schema is generated here."""

from typing import TypeAlias

from lxml import etree

from appealbus.connectors.soap.documents import Document
from appealbus.schemas.namespaces import XSD

Parts: TypeAlias = tuple[tuple[str, str, str], ...]
"""The parts of a message: name, `type` or `element`, and its `{namespace}local`."""


class Wrappers:
    """The wrapper elements of rpc messages: one for each message of a binding.

    A part with a type becomes an element of its name without a namespace. A part with an element is that element
    itself, as in zeep; WSDL 1.1 would wrap it in the part's name, and WS-I forbids it.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[str | None, str], Parts] = {}

    def add(self, namespace: str | None, local: str, parts: Parts) -> str | None:
        """Register a message and return the name of its element; None if another message has that name."""
        if self._parts.setdefault((namespace, local), parts) != parts:
            return None
        return f"{{{namespace}}}{local}" if namespace else local

    def documents(self) -> list[Document]:
        """Return a schema for each namespace."""
        roots: dict[str | None, etree._Element] = {}
        for (namespace, local), parts in self._parts.items():
            if namespace not in roots:
                roots[namespace] = _schema(namespace)
            _declare(roots[namespace], local, parts)
        return [Document(f"the rpc messages of {space or 'no namespace'}", root) for space, root in roots.items()]


def _schema(namespace: str | None) -> etree._Element:
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    if namespace is not None:
        root.set("targetNamespace", namespace)
    return root


def _declare(root: etree._Element, local: str, parts: Parts) -> None:
    spaces = {etree.QName(target).namespace for _, _, target in parts} - {None, XSD}
    prefixes = {space: f"p{number}" for number, space in enumerate(sorted(map(str, spaces)))}
    declared = etree.SubElement(
        root, f"{{{XSD}}}element", name=local, nsmap={prefix: space for space, prefix in prefixes.items()}
    )
    content = etree.SubElement(etree.SubElement(declared, f"{{{XSD}}}complexType"), f"{{{XSD}}}sequence")
    for name, kind, target in parts:
        qualified = etree.QName(target)
        prefix = {**prefixes, XSD: "xs"}.get(qualified.namespace or "")
        written = f"{prefix}:{qualified.localname}" if prefix else qualified.localname
        part = etree.SubElement(content, f"{{{XSD}}}element")
        if kind == "type":
            part.set("name", name)
            part.set("type", written)
        else:
            part.set("ref", written)
