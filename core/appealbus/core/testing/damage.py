"""Broken variants of a good answer, as a faulty source may send them."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any

from lxml import etree

from appealbus.core.interfaces.wire import Payload
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas.namespaces import XSI_NIL

CANARY = "Канарейкина 010203499998"
"""Stands for a citizen's data, which must not appear in a code or a reason."""

_MOST = 300
"""Elements damaged, each in several ways: a record has some fifty, and a test must end in seconds."""


def damaged(answer: str | bytes | Payload) -> Iterator[tuple[str, Payload]]:
    """Yield descriptions and variants of the answer."""
    body = reply_of(answer).body
    if isinstance(body, Mapping):
        yield "everything gone", {}
        yield from islice(_of_json(body), 5 * _MOST)
        return
    yield "everything gone", etree.Element(body.tag)
    yield "another document in its place", etree.fromstring("<html><body><p/></body></html>")
    yield from altered(body, ("empty", "replaced by text", "gone", "twice", "nil"), _MOST)


def altered(root: etree._Element, ways: Sequence[str], most: int) -> Iterator[tuple[str, etree._Element]]:
    """Yield descriptions and copies of the answer, each with one of the first elements altered."""
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
                for leaf in (leaf for leaf in twin.iter(etree.Element) if what != "twice" and len(leaf) == 0):
                    leaf.text = "7" * len(leaf.text or "")
            else:
                del node[:]
                node.text = CANARY if what == "replaced by text" else None
            if what == "nil":
                node.set(XSI_NIL, "true")
            yield f"{name.localname} {what}", copy


def _of_json(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield descriptions and variants of a JSON value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{name} gone", {key: part for key, part in value.items() if key != name}
            for what, other in (("null", None), ("replaced by text", CANARY), ("a list", [CANARY]), ("a table", {})):
                yield f"{name} {what}", {**value, name: other}
            yield from ((f"{name}.{what}", {**value, name: changed}) for what, changed in _of_json(inner))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            before, after = value[:i], value[i + 1 :]
            yield f"{i} gone", [*before, *after]
            yield f"{i} twice", [*before, inner, inner, *after]
            yield from ((f"{i}.{what}", [*before, changed, *after]) for what, changed in _of_json(inner))
