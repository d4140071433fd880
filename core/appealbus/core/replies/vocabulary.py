"""The names of a schema. Other names of a message are the sender's and are never shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.namespaces import XSD


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
