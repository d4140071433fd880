"""Building content from mappings with zeep, by the contract's schemas."""

import logging
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from datetime import date
from enum import Enum
from typing import Any

from lxml import etree

from appealbus.connectors.soap.arrival import lost
from appealbus.connectors.soap.misfit import expected_at, misfit
from appealbus.connectors.soap.schemas import DRIVER, Schemas, built_of
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_RULES = {
    "Missing element for Any": "lacks what the contract leaves open there (xs:any); give an element as _value_1",
    "Missing element": "is missing",
    "Missing attribute": "lacks an attribute",
    "Expected at least": "is there too few times",
    "Expected at most": "is there too many times",
    "Missing choice": "lacks one of a choice",
}
_MARK = "\ue000appealbus:"

_FORMS = {
    "gYear": "{0.year:04}",
    "gYearMonth": "{0.year:04}-{0.month:02}",
    "gMonthDay": "--{0.month:02}-{0.day:02}",
    "gMonth": "--{0.month:02}",
    "gDay": "---{0.day:02}",
}
"""Formats of partial dates, by their XSD types."""


class Builder:
    """Builds elements of the contract from mappings. Reading the schemas takes milliseconds to seconds, once.

    `failed` has the requested elements that zeep cannot build, each with the kind of its error.
    """

    def __init__(self, schemas: Schemas, elements: Collection[str] = ()) -> None:
        """Read the schemas, to build these elements, `{namespace}local`.

        zeep fails with KeyError, AttributeError and others on schemas that libxml2 accepts. Then each element is tried
        with its own dependencies alone, so that one does not break the others.
        """
        self.failed: dict[str, str] = {}
        self._schemas: dict[str, Any] = {}
        self._whole: Any = None
        try:
            self._whole = read_by_zeep(schemas)
        except Exception as error:
            self._halve(schemas, sorted(elements), type(error).__name__)

    def _halve(self, schemas: Schemas, elements: Sequence[str], error: str) -> None:
        """Find the elements that zeep cannot build, by bisection."""
        if not elements:
            return
        try:
            made = read_by_zeep(built_of(schemas, elements))
        except Exception as failure:
            error = type(failure).__name__
            if len(elements) == 1:
                self.failed[elements[0]] = error
                return
            middle = len(elements) // 2
            self._halve(schemas, elements[:middle], error)
            self._halve(schemas, elements[middle:], error)
        else:
            self._schemas |= dict.fromkeys(elements, made)

    def schema_for(self, name: str) -> Any:
        """Return zeep's Schema with the element `{namespace}local`; None if zeep cannot build it."""
        return self._schemas.get(name, self._whole)

    def build(self, name: str, content: Mapping[str, object]) -> etree._Element:
        """Build an element. Raises CallFailed `soap.request` with the place, but no value, of a violation."""
        schema = self.schema_for(name)
        if schema is None:
            raise _failure("zeep cannot build this request from a mapping; bring it as an element")
        holder = etree.Element("holder")
        within: dict[str, etree._Element] = {}
        element = schema.get_element(name)
        try:
            element.render(holder, element(**_held(content, within)))
            _put(holder[0], within)
        except Exception as error:
            raise _failure(_misfit(element, content) or _zeep_says(error)) from None
        place = lost(content, holder[0])
        if place is not None:
            what = _misfit(element, content) or expected_at(element.type, place)
            raise _failure(f"it would not leave as it was given: {what}")
        return holder[0]


def _misfit(element: Any, content: Mapping[str, object]) -> str | None:
    try:
        return misfit(element.type, content)
    except Exception:  # a type that zeep itself does not know its way in
        return None


def _zeep_says(error: Exception) -> str:
    """Return the place and kind of zeep's error; only the beginning of its text, which may quote values."""
    path = getattr(error, "path", None)
    where = ".".join(map(str, path)) if isinstance(path, list) and path else "a place that zeep does not tell"
    rule = next((words for start, words in _RULES.items() if str(error).startswith(start)), "does not fit")
    return f"{where} {rule}"


def _failure(reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, "soap.request", f"the request's content does not fit the contract: {reason}")


def _held(content: Mapping[str, object], within: dict[str, etree._Element]) -> dict[str, Any]:
    """Return the content for zeep: values of enumerations, and marks for elements, whose address it would print."""

    def held(value: object) -> object:
        if isinstance(value, Enum):
            return held(value.value)
        if isinstance(value, etree._Element):
            mark = f"{_MARK}{len(within)}"
            within[mark] = value
            return mark
        if isinstance(value, list | tuple):
            return [held(item) for item in value]
        return _held(value, within) if isinstance(value, Mapping) else value

    def copied(value: object) -> object:
        # zeep takes elements out of where they are, even out of the same list.
        if isinstance(value, etree._Element):
            return deepcopy(value)
        if isinstance(value, list | tuple):
            return [copied(item) for item in value]
        return _held(value, within) if isinstance(value, Mapping) else held(value)

    return {key: copied(value) if key.startswith("_value_") else held(value) for key, value in content.items()}


def _put(root: etree._Element, within: Mapping[str, etree._Element]) -> None:
    """Replace marks by their elements."""
    for node in list(root.iter()) if within else ():
        inner = within.get(node.text or "")
        if inner is not None:
            node.text = None
            node.append(deepcopy(inner))


def read_by_zeep(schemas: Schemas) -> Any:
    """Return zeep's Schema. Raises any Exception: zeep does not check its input."""
    # zeep and what it imports take a quarter of a second, and only this needs them.
    import zeep
    from zeep.xsd import Schema

    # zeep logs whole messages and the values that it could not read.
    quiet = logging.getLogger("zeep")
    quiet.setLevel(logging.CRITICAL + 1)
    quiet.propagate = False
    # forbid_external stays off: it would also forbid what `_Files` has under a URL, and nothing else loads.
    settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True)
    make: Any = Schema
    schema = make(None, _Files(schemas), DRIVER, settings)
    for document in schema.documents:
        for part in _date_parts():
            document.register_type(part._default_qname, part)
    schema.add_documents([etree.fromstring(schemas.files[DRIVER])], DRIVER)
    return schema


def _date_parts() -> list[Any]:
    """Return types for partial dates that accept them as written; zeep wants tuples with zones."""
    from zeep.xsd.types import builtins

    def made(name: str, form: str) -> Any:
        known: Any = getattr(builtins, name)

        def xmlvalue(_self: object, value: object) -> str:
            if isinstance(value, date):
                return form.format(value)
            if name == "gYear" and isinstance(value, int) and not isinstance(value, bool):
                return f"{value:04}"
            if isinstance(value, str):  # the contract's schema checks it
                return value
            raise TypeError

        return type(name, (known,), {"xmlvalue": xmlvalue})(is_global=True)

    return [made(name, form) for name, form in _FORMS.items()]


class _Files:
    """A transport for zeep that reads only the arranged documents."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def load(self, url: str) -> bytes:
        # Some namespaces zeep loads by their own name.
        return self._schemas.files[self._schemas.homes.get(url, url)]
