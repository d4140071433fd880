"""What the canonical form of a document costs: libxml2 takes time by the square for some documents that are small."""

from typing import Final

from lxml import etree

_MOST: Final = 1000
"""Attributes of one element, and namespaces in scope of one: 1,000 take 15 ms, 64,000 take 10 s."""
_MOST_STEPS: Final = 1_000_000
"""Namespaces in scope, summed over all elements: so many take between 0.3 and 1.2 s."""
_has_many_attributes = etree.XPath(f"boolean(//*[count(@*) > {_MOST}])")


def is_costly(root: etree._Element) -> bool:
    """Say whether the document would take longer than a second, whatever its size."""
    markup = etree.tostring(root, encoding="utf-8")
    if markup.count(b"=") > _MOST and _has_many_attributes(root):
        return True
    # Most documents declare so few namespaces that it need not be counted where they are in scope.
    declared = markup.count(b"xmlns")
    if declared <= _MOST and declared * markup.count(b"<") <= _MOST_STEPS:
        return False
    steps = in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns", "start")):
        if event == "start":
            steps += in_scope
        else:
            in_scope += 1 if event == "start-ns" else -1
        if in_scope > _MOST or steps > _MOST_STEPS:
            return True
    return False
