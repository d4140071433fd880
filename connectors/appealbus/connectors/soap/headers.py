"""The SOAP header of our requests."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, time

from lxml import etree
from yarl import URL

from appealbus.connectors.soap.contract import WsdlContract
from appealbus.connectors.soap.wsdl import Operation
from appealbus.core import Call, CallFailed, ConfigError, Request
from appealbus.core.clocks import wall
from appealbus.schemas.outcome import OutcomeKind

_WSA = "http://www.w3.org/2005/08/addressing"
_MOST = 256
"""Header sets of lookups cached: a source has some lookups, each with its own headers."""
_WORD = re.compile(r"\{(?:question_id|message_id|number|now)\}")
_SAMPLE = Call("00000000-0000-4000-8000-000000000000", "1", 1.0)


class _Wrong(Exception):
    """A header cannot be built."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")


class Headers:
    """Header elements: built once for each operation and each header set of a lookup, filled in for each call."""

    def __init__(
        self, contract: WsdlContract, values: Mapping[str, object], key: str, url: URL, addressing: bool
    ) -> None:
        """Build the headers of the settings. Raises ConfigError if one violates the contract."""
        self._contract = contract
        self._values = values
        self._url = str(url)
        self._addressing = addressing
        self._made: dict[tuple[str, str], tuple[etree._Element, ...]] = {}
        self._known = {_local(name) for operation in contract.port.operations.values() for name in operation.headers}
        try:
            for operation in contract.port.operations.values():
                self._made[operation.name, ""] = self._elements(operation, values)
        except _Wrong as wrong:
            raise ConfigError(f"{key}.{wrong}") from None

    def made(self, operation: Operation, call: Call, request: Request) -> tuple[etree._Element, ...]:
        """Return the header elements of one request. Raises CallFailed `soap.request` if the lookup's are invalid."""
        templates = self._templates(operation, request.headers)
        if not templates and not self._addressing:
            return ()
        elements = _filled(templates, call)
        if not self._addressing:
            return elements
        given = {element.tag for element in elements}
        return (*elements, *(address for address in self._addresses(operation, call) if address.tag not in given))

    def unset(self) -> Sequence[str]:
        """Return the headers of the contract that the settings lack, each with its first operation."""
        names: dict[str, str] = {}
        for operation in self._contract.port.operations.values():
            for name in operation.headers:
                if _local(name) not in self._values and name not in self._values:
                    names.setdefault(_local(name), f"{_local(name)} of {operation.name}")
        return list(names.values())

    def _templates(self, operation: Operation, own: Mapping[str, object]) -> tuple[etree._Element, ...]:
        key = operation.name, repr(own) if own else ""
        is_told = _is_told_by_repr(own)
        templates = self._made.get(key) if is_told else None
        if templates is None:
            try:
                templates = self._elements(operation, self._with(own, operation))
            except _Wrong as wrong:
                raise CallFailed(OutcomeKind.INVALID, "soap.request", f"header {wrong}") from None
            if is_told and len(self._made) < _MOST:
                self._made[key] = templates
        return templates

    def _with(self, own: Mapping[str, object], operation: Operation) -> dict[str, object]:
        """Merge a lookup's values over those of the settings.

        If the two name a header differently, by local and by qualified name, only the lookup's counts, as the content
        differs in notation, too.
        """
        declared = {_local(name): name for name in operation.headers}
        wholes = {declared.get(name, name) for name in own}
        return _over(
            {
                name: value
                for name, value in self._values.items()
                if name in own or declared.get(name, name) not in wholes
            },
            own,
        )

    def _elements(self, operation: Operation, values: Mapping[str, object]) -> tuple[etree._Element, ...]:
        declared = {_local(name): name for name in operation.headers}
        built: list[etree._Element] = []
        for name, value in values.items():
            if name.startswith("{"):
                built.append(self._checked(name, _plain(name, value, name), operation))
            elif name in declared:
                if declared[name] in values and declared[name] != name:
                    raise _Wrong(name, f"it is given twice: {declared[name]} is the same header")
                built.append(self._checked(name, self._built(declared[name], name, value), operation))
            elif name not in self._known:
                known = ", ".join(sorted(self._known)) or "none"
                raise _Wrong(name, f'the contract has no such header; it has: {known}; or write "{{namespace}}name"')
        # Those of the contract stand in its order, before all others.
        order = list(operation.headers)
        return tuple(sorted(built, key=lambda node: order.index(str(node.tag)) if node.tag in order else len(order)))

    def _built(self, name: str, key: str, value: object) -> etree._Element:
        builder = self._contract.builder
        if not isinstance(value, Mapping) or builder is None or any(name.startswith(("{", "@", "#")) for name in value):
            return _plain(name, value, key)
        try:
            return builder.build(name, value)
        except CallFailed as failed:
            raise _Wrong(
                key, f"the table does not fit what the contract says of this header: {failed.reason}"
            ) from None

    def _checked(self, key: str, element: etree._Element, operation: Operation) -> etree._Element:
        """Check a header that the contract describes, with sample values filled in."""
        checker = self._contract.checker
        if checker is not None and str(element.tag) in operation.headers:
            try:
                checker.check(_filled((element,), _SAMPLE)[0], "soap.request", "it")
            except CallFailed as failed:
                raise _Wrong(key, f"by the contract {failed.reason}") from None
        return element

    def _addresses(self, operation: Operation, call: Call) -> Iterator[etree._Element]:
        for name, value in (
            ("To", self._url),
            ("Action", operation.addressing_action),
            ("MessageID", f"urn:uuid:{call.message_id}"),
        ):
            element = etree.Element(f"{{{_WSA}}}{name}", nsmap={"wsa": _WSA})
            element.text = value
            yield element


def _over(values: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Merge a lookup's values over those of the settings, recursively."""
    merged = dict(values)
    for name, value in own.items():
        before = merged.get(name)
        merged[name] = _over(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged


def _filled(templates: Sequence[etree._Element], call: Call) -> tuple[etree._Element, ...]:
    elements = tuple(deepcopy(template) for template in templates)
    words = {
        "{question_id}": call.question_id,
        "{message_id}": call.message_id,
        "{number}": call.number,
        "{now}": wall().astimezone(UTC).isoformat(timespec="seconds"),
    }
    for element in elements:
        for node in element.iter():
            if node.text and "{" in node.text:
                node.text = _WORD.sub(lambda word: words[word[0]], node.text)
            for key, value in node.attrib.items():
                if "{" in value:
                    node.attrib[key] = _WORD.sub(lambda word: words[word[0]], value)
    return elements


def _is_told_by_repr(value: object) -> bool:
    """Whether `repr` identifies the value: that of an element shows only its address."""
    match value:
        case Mapping():
            return all(map(_is_told_by_repr, value.values()))
        case list() | tuple():
            return all(map(_is_told_by_repr, value))
        case _:
            return isinstance(value, str | int | float | date | time | None)


def _plain(name: str, value: object, key: str) -> etree._Element:
    """Return a header with a text, or with a table of elements and `@name` attributes."""
    try:
        element = etree.Element(name)
        _fill(element, value)
    except ValueError:
        raise _Wrong(
            key, 'it has a name or a character that XML does not take; names are "name", "{namespace}name" or "@name"'
        ) from None
    except TypeError:
        raise _Wrong(key, "write texts, tables of texts, or lists of those inside a table") from None
    return element


def _fill(element: etree._Element, value: object) -> None:
    match value:
        case Mapping():
            for name, inner in value.items():
                if name == "#text":
                    element.text = _text(inner)
                elif name.startswith("@"):
                    element.set(name[1:], _text(inner))
                else:
                    for item in inner if isinstance(inner, list) else [inner]:
                        _fill(etree.SubElement(element, name), item)
        case _:
            element.text = _text(value)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            raise TypeError


def _local(name: str) -> str:
    return etree.QName(name).localname
