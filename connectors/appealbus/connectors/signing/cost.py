"""Cost of a document's canonical form: for some small documents libxml2 takes quadratic time."""

from typing import Final

from lxml import etree

_MOST_IN_SCOPE: Final = 1000
"""Namespaces in scope of one element: 1,000 take 15 ms, 9,000 take 0.8 s."""
_MOST_STEPS: Final = 1_000_000
"""Namespaces in scope, summed over all elements: this many take between 0.3 and 1.2 s."""
_MOST_COMPARED: Final = 10_000_000
"""Squared numbers of attributes, summed over elements: this many take between 0.05 and 0.2 s."""
_FEW: Final = 30
"""Attributes of one element that are not counted: a document cannot have enough elements with so few."""
_CROWDED = etree.XPath(f"//*[count(@*) > {_FEW}]")


def is_costly(root: etree._Element) -> bool:
    """Whether a document parsed by `safexml` has enough namespaces or attributes to take seconds."""
    markup = etree.tostring(root, encoding="utf-8")
    crowded = _CROWDED(root) if markup.count(b"=") > _MOST_COMPARED // 1000 else ()  # safexml takes no more on one
    if sum(len(element.attrib) ** 2 for element in crowded) > _MOST_COMPARED:
        return True
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
