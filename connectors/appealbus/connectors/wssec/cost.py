"""What the canonical form of a document costs: libxml2 takes time by the square for some documents that are small."""

from typing import Final

from lxml import etree

_MOST_IN_SCOPE: Final = 1000
"""Namespaces in scope of one element: 1,000 take 15 ms, 9,000 take 0.8 s."""
_MOST_STEPS: Final = 1_000_000
"""Namespaces in scope, summed over all elements: so many take between 0.3 and 1.2 s."""


def is_costly(root: etree._Element) -> bool:
    """Say whether the document, which `safexml` parsed, has so many namespaces that it would take seconds."""
    markup = etree.tostring(root, encoding="utf-8")
    # Most documents declare so few that it need not be counted where they are in scope.
    declared = markup.count(b"xmlns")
    if declared <= _MOST_IN_SCOPE and declared * markup.count(b"<") <= _MOST_STEPS:
        return False
    steps = in_scope = 0
    for event, _ in etree.iterwalk(root, events=("start-ns", "end-ns", "start")):
        if event == "start":
            steps += in_scope
        else:
            in_scope += 1 if event == "start-ns" else -1
        if in_scope > _MOST_IN_SCOPE or steps > _MOST_STEPS:
            return True
    return False
