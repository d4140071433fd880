"""Marks for readers in a reply that breaks its schema: invalid values and repetitions.

A mark is a processing instruction. The parser drops the sender's, so all marks are ours.
"""

from lxml import etree

_REFUSED = "refused"
_REPEATED = "repeated"


def refuse(element: etree._Element) -> None:
    """Mark an element with an invalid value as unreadable, and delete its content."""
    for child in list(element):
        element.remove(child)
    element.attrib.clear()  # xsi:nil among them: then it would pass for absent
    # A text with something in it is what no reader takes for a value.
    element.text = "?"
    element.append(etree.ProcessingInstruction(_REFUSED))


def is_refused(element: etree._Element) -> bool:
    return len(element) == 1 and _is(element[0], _REFUSED)


def mark_repeated(element: etree._Element) -> None:
    """Mark an element as an invalid repetition of an earlier one."""
    element.addprevious(etree.ProcessingInstruction(_REPEATED))


def is_repeated(element: object) -> bool:
    return isinstance(element, etree._Element) and _is(element.getprevious(), _REPEATED)


def _is(node: object, mark: str) -> bool:
    return isinstance(node, etree._ProcessingInstruction) and node.target == mark
