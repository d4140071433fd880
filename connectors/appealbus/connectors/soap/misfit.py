"""Where a mapping violates a type of the contract: the place and the rule, without values.

Used when zeep has failed, or built something else than was given: zeep's own texts quote values.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from lxml import etree

from appealbus.connectors.soap.problems import listed
from appealbus.schemas.namespaces import XSD

_REPEATED = re.compile(r"__\d+$")
_PLAIN_KEY = re.compile(r"(?!.*\d{6})[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Keys that look like a name, as in a lookup's code. Others may be values."""
_MOST_NAMES = 10
_WORDS: tuple[tuple[Any, str], ...] = (
    (Mapping, "a table"),
    ((list, tuple), "a list"),
    (etree._Element, "an element"),
    ((str, bytes), "a text"),
    (bool, "a truth value"),
    ((int, float, Decimal), "a number"),
    ((date, time), "a date or a time"),
)


def misfit(xsd_type: Any, content: Mapping[str, object], path: tuple[str, ...] = ()) -> str | None:
    """Return the first violation of zeep's complex type; None if none is found. `path` leads to the type."""
    elements = dict(xsd_type.elements)
    known = {**dict(xsd_type.attributes), **elements}
    for key, value in content.items():
        if value is None or key.startswith("_"):
            continue
        place = (*path, key)
        part = known.get(key, known.get(_REPEATED.sub("", key)))
        if part is None:
            names = listed((name for name in known if not name.startswith("_")), _MOST_NAMES)
            return f"{_told(path, key)} is not in the contract, which has {names or 'nothing'} there"
        several = isinstance(value, list | tuple)
        if several and not part.accepts_multiple and not hasattr(part.type, "item_type"):
            return f"{_told(place)} {_takes(part.type)}, and is given a list"
        for item in value if several and isinstance(value, list | tuple) else (value,):
            wrong = None if item is None else _value_misfit(part.type, item, place)
            if wrong is not None:
                return wrong
    return None


def expected_at(xsd_type: Any, place: str) -> str:
    """Return the place with what the contract expects there, if known."""
    inner = xsd_type
    for name in place.split("."):
        parts = {**dict(getattr(inner, "attributes", ())), **dict(getattr(inner, "elements", ()))}
        part = parts.get(name)
        if part is None:
            return f"the contract takes something else at {place}"
        inner = part.type
    return f"{place} {_takes(inner)}, and is given something else"


def _value_misfit(xsd_type: Any, value: object, place: tuple[str, ...]) -> str | None:
    text = f"{_told(place)} {_takes(xsd_type)}, and is given {_kind(value)}"
    if isinstance(value, Mapping):
        return misfit(xsd_type, value, place) if _is_complex(xsd_type) else text
    if isinstance(value, etree._Element):
        return None
    if _is_complex(xsd_type):
        return None if "_value_1" in dict(xsd_type.elements) else text
    try:
        fits = isinstance(xsd_type.xmlvalue(value), str)  # some types hand on what they are given
    except Exception:  # zeep raises what it stumbles over
        fits = False
    if not fits:
        return f"{_told(place)} {_takes(xsd_type)}, and is given {_kind(value)} that is none"
    return None


def _is_complex(xsd_type: Any) -> bool:
    return hasattr(xsd_type, "elements")


def _takes(xsd_type: Any) -> str:
    if _is_complex(xsd_type):
        return "takes a table"
    name = getattr(xsd_type, "qname", None)
    local = name.localname if name is not None else type(xsd_type).__name__
    if local in ("anyType", "AnyType"):
        return "takes a text or an element (xs:anyType)"
    return f"takes {'xs:' if name is None or name.namespace == XSD else ''}{local}"


def _kind(value: object) -> str:
    return next((word for kind, word in _WORDS if isinstance(value, kind)), "something else")


def _told(path: tuple[str, ...], key: str | None = None) -> str:
    steps = path if key is None else (*path, key)
    return ".".join(step if _PLAIN_KEY.fullmatch(step) else "(a key)" for step in steps)
