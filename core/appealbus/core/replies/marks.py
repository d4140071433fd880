"""Marks in a reply that breaks its schema, for those who read it: what is refused, and what should stand once.

A mark is a processing instruction. Parsing drops those of the sender, so each one is ours.
"""

from lxml import etree

_REFUSED = "refused"
_REPEATED = "repeated"


def refuse(element: etree._Element) -> None:
    """Make an element unreadable whose value its schema does not allow. What it held is gone."""
    for child in list(element):
        element.remove(child)
    element.attrib.clear()  # xsi:nil among them: then it would pass for absent
    # A text with something in it is what no reader takes for a value.
    element.text = "?"
    element.append(etree.ProcessingInstruction(_REFUSED))


def is_refused(element: etree._Element) -> bool:
    """Say whether the schema does not allow the value of this element."""
    return len(element) == 1 and _is(element[0], _REFUSED)


def mark_repeated(element: etree._Element) -> None:
    """Say of an element that its schema has one of this name there, and another stands before it."""
    element.addprevious(etree.ProcessingInstruction(_REPEATED))


def is_repeated(element: object) -> bool:
    """Say whether the schema does not allow this element after the one of its name before it."""
    return isinstance(element, etree._Element) and _is(element.getprevious(), _REPEATED)


def _is(node: object, mark: str) -> bool:
    return isinstance(node, etree._ProcessingInstruction) and node.target == mark
