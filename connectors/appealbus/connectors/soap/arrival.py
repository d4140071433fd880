"""Check that an element built by zeep holds all of the mapping: zeep silently drops and misprints some values."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from lxml import etree

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_WILDCARD = re.compile(r"_value_\d+")
_REPEATED = re.compile(r"__\d+$")


Children: TypeAlias = dict[str, list[etree._Element]]


def lost(given: Mapping[str, object], element: etree._Element) -> str | None:
    """Return the path of the first part of the mapping that the element lacks or changes; None if there is none.

    Keys follow zeep: names of elements and attributes, `name__1` for the second of a name, `_value_1` for a text beside
    attributes and for the content of a choice or a wildcard.
    """
    children: Children = {}
    for child in element.iterchildren("{*}*"):
        children.setdefault(_local(child.tag), []).append(child)
    for key, value in given.items():
        if value is None:
            continue
        if _WILDCARD.fullmatch(key):
            if not _all_inside(list(_items(value)), element, children):
                return key
        elif key.startswith("_"):
            return key
        else:
            name = key if key in children else _REPEATED.sub("", key)
            if name != key and given.get(name) is not None:
                continue  # looked at together with the first of that name
            where = _lost_part(name, _together(name, given), element, children)
            if where is not None:
                return where
    # A text that nobody gave is zeep's word for nothing.
    return "_value_1" if (element.text or "").strip() and given.get("_value_1") is None else None


def _together(key: str, given: Mapping[str, object]) -> object:
    """Return all values of a name, including its numbered repetitions, in order."""
    further = [name for name in given if _REPEATED.sub("", name) == key and name != key and given[name] is not None]
    if not further:
        return given.get(key)
    names = [key, *sorted(further, key=lambda name: int(name.rpartition("__")[2]))]
    return [item for name in names if given.get(name) is not None for item in _items(given[name])]


def _lost_part(key: str, value: object, element: etree._Element, children: Children) -> str | None:
    elements = children.get(key)
    if elements is None:
        attribute = next((text for name, text in element.attrib.items() if _local(name) == key), None)
        empty = isinstance(value, list | tuple) and not value
        return None if empty or (attribute is not None and _reads(value, str(attribute))) else key
    items = list(_items(value))
    if len(items) != len(elements):
        return None if len(elements) == 1 and _is_list(items, elements[0]) else key
    for item, child in zip(items, elements, strict=True):
        if isinstance(item, Mapping) and not (child.text or "").strip():
            inner = lost(item, child)
            if inner is not None:
                return f"{key}.{inner}"
        elif not (_is_empty(child) if item is None else _fits(item, child)):
            return key
    return None


def _is_empty(element: etree._Element) -> bool:
    return len(element) == 0 and not (element.text or "").strip()


def _is_list(items: Sequence[object], element: etree._Element) -> bool:
    """Whether the element holds the items as a space-separated XSD list."""
    words = (element.text or "").split()
    return len(element) == 0 and len(words) == len(items) and all(map(_reads, items, words))


def _all_inside(items: Sequence[object], element: etree._Element, children: Children) -> bool:
    """Whether all content of a choice or a wildcard is there, as often as given."""
    counts: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Mapping):
            for key, value in item.items():
                parts = [part for part in _items(value) if part is not None]
                counts[key] += len(parts)
                if not all(any(_fits(part, child) for child in children.get(key, ())) for part in parts):
                    return False
        elif isinstance(item, etree._Element):
            counts[_local(item.tag)] += 1
            if not any(_same(item, child) for child in element.iterchildren(str(item.tag))):
                return False
        elif item is not None and not _reads(item, element.text or ""):
            return False
    return all(len(children.get(key, ())) >= count for key, count in counts.items())


def _fits(item: object, child: etree._Element) -> bool:
    if isinstance(item, Mapping):
        return lost(item, child) is None
    if isinstance(item, etree._Element):
        return len(child) == 1 and _same(item, child[0])
    return len(child) == 0 and _reads(item, child.text or "")


def _same(one: etree._Element, other: etree._Element) -> bool:
    return _canonical(one) == _canonical(other)


def _canonical(element: etree._Element) -> bytes:
    # Of a copy, or it would hold what the document around it declares.
    element = deepcopy(element)
    element.tail = None
    return etree.tostring(element, method="c14n2")


def _reads(value: object, text: str) -> bool:
    value = value.value if isinstance(value, Enum) else value
    match value:
        case bool():
            return _TRUTHS.get(text) is value
        case int() | float() | Decimal():
            return _number(value, text)
        case bytes():
            return text.encode() == value or text == base64.b64encode(value).decode()
        case date():
            return _moment(value, text) if isinstance(value, datetime) else _is_part_of(value, text)
        case str():
            return text == str(value) or (value in ("0", "1") and _TRUTHS.get(text) is (value == "1"))
        case _:
            # These are written by zeep, and checked by the schema alone. Of others it writes what Python shows of them.
            return bool(text) and isinstance(value, time | timedelta | etree.QName | UUID)


def _number(value: Any, text: str) -> bool:
    if text in ("true", "false"):
        return bool(_TRUTHS[text] == value)
    try:
        return float(text) == value if isinstance(value, float) else Decimal(text) == value
    except (ValueError, InvalidOperation):
        return False


def _is_part_of(value: date, text: str) -> bool:
    """Whether the text is the date, or its year, month or day in XSD notation."""
    whole = value.isoformat()
    return text in (whole, whole[:4], whole[:7], f"--{whole[5:]}", f"--{whole[5:7]}", f"---{whole[8:]}")


def _moment(value: datetime, text: str) -> bool:
    if text == value.date().isoformat():  # the contract wants the day alone
        return True
    try:
        return datetime.fromisoformat(text) == value
    except (ValueError, TypeError):
        return False


def _items(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]
