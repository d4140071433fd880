"""Broken versions of a good answer: what a source may send on a bad day."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any

from lxml import etree

from appealbus.core.interfaces.wire import Payload
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas.namespaces import XSI_NIL

CANARY = "Канарейкина 010203499998"
"""Stands for a citizen's data: it must not turn up in a code or a reason."""

_MOST = 300
"""Elements that are damaged, in several ways each: a record has some fifty, and a test must end in seconds."""


def damaged(answer: str | bytes | Payload) -> Iterator[tuple[str, Payload]]:
    """Yield what was done to the answer, in words, and what became of it."""
    body = reply_of(answer).body
    if isinstance(body, Mapping):
        yield "everything gone", {}
        yield from islice(_of_json(body), 5 * _MOST)
        return
    yield "everything gone", etree.Element(body.tag)
    yield "another document in its place", etree.fromstring("<html><body><p/></body></html>")
    yield from altered(body, ("empty", "replaced by text", "gone", "twice", "nil"), _MOST)


def altered(root: etree._Element, ways: Sequence[str], most: int) -> Iterator[tuple[str, etree._Element]]:
    """Yield what was done to one of the first elements, in words, and a copy of the answer in which that is so."""
    for index, original in enumerate(islice(root.iter(etree.Element), most)):
        name = etree.QName(original)
        for what in ways:
            copy = deepcopy(root)
            node = next(element for i, element in enumerate(copy.iter(etree.Element)) if i == index)
            parent = node.getparent()
            if parent is None and what not in ("empty", "replaced by text", "nil"):
                continue
            if what == "gone" and parent is not None:
                parent.remove(node)
            elif what == "renamed":
                node.tag = etree.QName(name.namespace, f"Other{name.localname}").text
            elif what == "wrapped":
                node.addprevious(wrapper := etree.Element(etree.QName(name.namespace, f"Other{name.localname}")))
                wrapper.append(node)
            elif what.startswith("twice"):
                node.addnext(twin := deepcopy(node))
                for leaf in (each for each in twin.iter(etree.Element) if what != "twice" and len(each) == 0):
                    leaf.text = "7" * len(leaf.text or "")
            else:
                del node[:]
                node.text = CANARY if what == "replaced by text" else None
            if what == "nil":
                node.set(XSI_NIL, "true")
            yield f"{name.localname} {what}", copy


def _of_json(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what was done inside a JSON value, and what became of the whole."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{name} gone", {key: each for key, each in value.items() if key != name}
            for what, other in (("null", None), ("replaced by text", CANARY), ("a list", [CANARY]), ("a table", {})):
                yield f"{name} {what}", {**value, name: other}
            yield from ((f"{name}.{what}", {**value, name: changed}) for what, changed in _of_json(inner))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            before, after = value[:i], value[i + 1 :]
            yield f"{i} gone", [*before, *after]
            yield f"{i} twice", [*before, inner, inner, *after]
            yield from ((f"{i}.{what}", [*before, changed, *after]) for what, changed in _of_json(inner))
