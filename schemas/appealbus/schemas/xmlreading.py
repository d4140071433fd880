"""Reading an appeal or a change in XML that somebody else wrote, as leniently as in JSON: see `reading`.

What the contract does not know (an element, an attribute, text between elements) is kept as written.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change
from appealbus.schemas.dates import NO_DAY
from appealbus.schemas.namespaces import XSI
from appealbus.schemas.notes import ONE_BY_ONE, UNBOUND, Notes, Unreadable
from appealbus.schemas.reading import OWN, SMALL, check_channel, message_of
from appealbus.schemas.renames import Rename, rename
from appealbus.schemas.safexml import UnsafeXml, parse
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Scalar, Shape, fields_of, taken_for
from appealbus.schemas.xml import APPEAL_NS, CHANGE_NS

_MOST_ATTRIBUTES = 100
"""The contract has none; lxml looks each up by walking over all of them."""
_MOST_TAGS = 100_000
"""Eight times what the largest appeal has; half a kilobyte of memory each."""
_BAD = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]"
    rb"|&#0*(?:[0-8]|1[124-9]|2\d|3[01]|5(?:529[6-9]|5[3-9]\d\d|6\d{3}|7[0-2]\d\d|73[0-3]\d|734[0-3])|6553[45]);"
    rb"|&#x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[dD][89a-fA-F][0-9a-fA-F]{2}|[fF]{3}[eEfF]);"
)
"""Characters that XML cannot carry, as bytes and by number."""
_MOST_BAD = 10_000
"""Of them; a document of nothing else is no letter."""
_MOST_DECLARATIONS = 20_000
"""One for each element of the largest appeal, and half as many again."""
_MOST_NAMESPACES = 2000
"""Characters of all that are declared, each counted once: what is kept as written declares those that it stands in."""
_ROOTS: Mapping[str, type[Appeal] | type[Change]] = {f"{{{APPEAL_NS}}}appeal": Appeal, f"{{{CHANGE_NS}}}change": Change}
_OF_SCHEMA = frozenset(f"{{{XSI}}}{name}" for name in ("schemaLocation", "noNamespaceSchemaLocation", "nil", "type"))
"""Attributes by which a sender may point at the schema; nothing is fetched from there."""


def message_from_xml(
    raw: bytes,
    limit: int,
    fallback: str | None = None,
    instead: str | None = None,
    channel: str | None = None,
    *,
    renames: Sequence[Rename] = (),
) -> Appeal | Change:
    """Return the appeal or the change in an XML document, as its root says.

    What could not be used is in `as_written`, with its warning.

    Args:
        raw: the document.
        limit: its most bytes.
        fallback: id of a message that has none.
        instead: id that somebody has given the message in place of its own.
        channel: that of its sender, where the message must not name another one; None: whatever it names is dropped.
        renames: names of the sender's own for fields of an appeal.

    Raises:
        Unreadable: `xml.malformed` and its like, `message.foreign_channel`, or one of `message_of`.
    """
    if sum(map(raw.count, (b"<", b'="', b"='"))) > _MOST_TAGS:
        raise Unreadable("message.too_complex", f"the message has more than {_MOST_TAGS} tags and attributes")
    if raw.replace(b"\0", b"").count(b"xmlns") > _MOST_DECLARATIONS:  # in UTF-16 too
        raise Unreadable("message.too_complex", f"the message declares more than {_MOST_DECLARATIONS} namespaces")
    root, mended = _parsed(raw, limit)
    model = _ROOTS.get(str(root.tag))
    if model is None:
        reason = f"the root is neither an element appeal of the namespace {APPEAL_NS} nor change of {CHANGE_NS}"
        raise Unreadable("appeal.invalid", reason)
    _check_namespaces(root)
    for part in root:
        if _known(part, root) == "channel":
            check_channel(part.text, channel)
    notes = Notes(model.__name__.lower())
    rename(root, renames if model is Appeal else (), notes)
    given = _model(root, model, "", notes, skip=OWN, kind="change" if model is Change else "")
    if mended and "\ufffd" in (given.get("message_id") or ""):
        raise Unreadable("message_id.invalid", "message_id: it has a character that XML cannot carry")
    if instead is not None:
        given["message_id"] = instead
    return message_of(model, given, notes, fallback, small=len(raw) <= SMALL and NO_DAY.encode() not in raw)


def _parsed(raw: bytes, limit: int) -> tuple[etree._Element, bool]:
    """Return the root, and whether characters had to be replaced for it that XML cannot carry.

    A citizen pastes them, and many a library writes them without a look.
    """
    try:
        return parse(raw, limit=limit), False
    except UnsafeXml as error:
        first = error
    try:
        mended = _BAD.sub(b"&#65533;", raw, count=_MOST_BAD)
        if first.code == "xml.malformed" and mended != raw:
            return parse(mended, limit=2 * limit), True
    except UnsafeXml as error:
        first = error
    raise Unreadable(first.code, f"{first.code}: {first.reason}") from None


def _check_namespaces(root: etree._Element) -> None:
    declared = set()
    for _, (prefix, uri) in etree.iterwalk(root, events=("start-ns",)):  # type: ignore[misc]  # the stubs know no such event
        declared.add((prefix, uri))
    if sum(len(prefix) + len(uri) for prefix, uri in declared) > _MOST_NAMESPACES:
        raise Unreadable("message.too_complex", f"its namespaces have more than {_MOST_NAMESPACES} characters")


def _model(
    element: etree._Element,
    model: type[Model],
    path: str,
    notes: Notes,
    *,
    skip: frozenset[str] = frozenset(),
    kind: str = "",
) -> dict[str, Any]:
    """Read the fields of a model. Elements named in `skip` are left out, and a `type` that repeats `kind`."""
    shapes: dict[str, Shape] = {field.name: field.shape for field in fields_of(model)}
    values: dict[str, Any] = {}
    strays = _around(element)
    for part in element:
        name = _known(part, element)
        if name in skip or (kind and name == "type" and not len(part) and (part.text or "").strip() == kind):
            continue
        if name in shapes and name not in values and not (kind and name == "type"):
            values[name] = _value(part, shapes[name], f"{path}.{name}" if path else name, notes)
        else:
            strays.append(part)
    _note(element, strays, path, notes, tuple(shapes))
    return values


def _value(element: etree._Element, shape: Shape, path: str, notes: Notes) -> Any:
    match shape:
        case ListOf():
            return _list(element, shape, path, notes)
        case ModelOf():
            return _model(element, shape.model, path, notes)
        case OneOf():
            return _one_of(element, dict(shape.models), path, notes)
        case Scalar():
            return _scalar(element, path, notes)
    raise AssertionError(shape)


def _scalar(element: etree._Element, path: str, notes: Notes) -> str | None:
    if len(element):
        notes.add(path, "field.type", "a value is expected here", _written(element))
        return None
    _note(element, _attributes(element), path, notes)
    return element.text or ""


def _list(element: etree._Element, shape: ListOf, path: str, notes: Notes) -> list[Any]:
    strays, items, size, inner, most = _around(element), [], 0, Notes(), shape.max_length or UNBOUND
    for part in element:
        if _known(part, element) != "item":
            strays.append(part)
            continue
        if size < most:
            items.append(_value(part, shape.item, f"{path}[{size}]", inner))
        size += 1
    _note(element, strays, path, notes, ("item",))
    notes.add_list(path, inner, size, most, lambda: _written(element))
    return items


def _one_of(element: etree._Element, models: Mapping[str, type[Model]], path: str, notes: Notes) -> dict[str, Any]:
    if len(element) != 1 or not (tag := _known(element[0], element)):
        if len(element) or _around(element):
            message = f"there is not exactly one element of {', '.join(models)}"
            notes.add(path, "field.type", message, _written(element))
        return {}
    _note(element, _around(element), path, notes)
    part = element[0]
    model = models.get(tag) or models[taken_for(_known(field, part) for field in part)]
    return {"type": tag, **_model(part, model, path, notes, kind=tag)}


def _known(element: etree._Element, parent: etree._Element) -> str:
    """Return the name of an element of its parent's namespace, which is the contract's, else nothing."""
    namespace, _, name = str(element.tag).rpartition("}")
    return name if namespace == str(parent.tag).rpartition("}")[0] else ""


def _around(element: etree._Element) -> list[str | etree._Element]:
    """Return what stands in an element beside its elements: attributes and text."""
    texts = (element.text, *(part.tail for part in element))
    return [*_attributes(element), *(text.strip() for text in texts if text and not text.isspace())]


def _attributes(element: etree._Element) -> list[str | etree._Element]:
    names = _attribute_names(element)
    if len(names) > _MOST_ATTRIBUTES:
        raise Unreadable("message.too_complex", f"an element has more than {_MOST_ATTRIBUTES} attributes")
    return [f'{name}="{element.get(name)}"' for name in names]


def _attribute_names(element: etree._Element) -> list[str]:
    return [name for name in map(str, element.attrib.keys()) if name not in _OF_SCHEMA]


def _note(
    element: etree._Element, strays: list[str | etree._Element], path: str, notes: Notes, known: tuple[str, ...] = ()
) -> None:
    """Keep what the contract does not know of an element; the whole element where there is much of it."""
    if not strays:
        return
    parts = [element] if len(strays) > ONE_BY_ONE else strays
    text = "\n".join(part if isinstance(part, str) else _written(part) for part in parts)
    names = [*_attribute_names(element), *(str(part.tag) for part in strays if not isinstance(part, str))]
    notes.add_unknown(path, [name.rpartition("}")[2] for name in names], known, text)


def _written(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)
