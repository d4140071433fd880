"""The names of a schema. Of a message no others may be told: they are the sender's, and may be a person's."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.namespaces import XSD


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of a schema.

    Attributes:
        names: of all its elements and attributes, without namespaces.
        elements: its global elements, as `{namespace}local`.
        spaces: its namespaces.

    """

    names: frozenset[str]
    elements: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()

    def knows(self, element: etree._Element) -> bool:
        """Say whether it has an element, or an attribute, of this local name."""
        return local_name(element) in self.names

    def is_foreign(self, element: etree._Element) -> bool:
        """Say whether an element is in a namespace of which the schema knows nothing: it means something else."""
        space = etree.QName(element).namespace
        return bool(self.spaces) and space is not None and space not in self.spaces

    def tellable(self, name: str) -> str:
        """Return a local name as it may be told."""
        return name if name in self.names else "*"


def vocabulary_of(documents: Iterable[etree._Element]) -> Vocabulary:
    """Return the vocabulary of XSD documents.

    What a document without a namespace declares may be in that of any that includes it.
    """
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
