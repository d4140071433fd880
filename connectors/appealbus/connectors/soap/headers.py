"""The SOAP header of our requests."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import date, datetime, time

from lxml import etree
from yarl import URL

from appealbus.connectors.soap.contract import WsdlContract
from appealbus.connectors.soap.wsdl import Operation
from appealbus.core import Call, CallFailed, ConfigError

_WSA = "http://www.w3.org/2005/08/addressing"


class Headers:
    """Header elements: built once for each operation, filled in for each call."""

    def __init__(
        self, contract: WsdlContract, values: Mapping[str, object], key: str, url: URL, addressing: bool
    ) -> None:
        self._url = str(url)
        self._addressing = addressing
        self._made = {
            operation.name: tuple(_elements(contract, operation, values, key))
            for operation in contract.port.operations.values()
        }
        declared = {_local(name) for operation in contract.port.operations.values() for name in operation.headers}
        for name in values:
            if not name.startswith("{") and name not in declared:
                known = ", ".join(sorted(declared)) or "none"
                raise ConfigError(
                    f'{key}.{name}: the contract has no such header; it has: {known}; or write "{{ns}}name"'
                )

    def made(self, operation: Operation, call: Call) -> tuple[etree._Element, ...]:
        """Return the header elements of one request."""
        templates = self._made[operation.name]
        if not templates and not self._addressing:
            return ()
        elements = tuple(deepcopy(template) for template in templates)
        for element in elements:
            for node in element.iter():
                if node.text and "{" in node.text:
                    node.text = _filled(node.text, call)
                for key, value in node.attrib.items():
                    if "{" in value:
                        node.attrib[key] = _filled(value, call)
        return (*elements, *self._addresses(operation, call)) if self._addressing else elements

    def _addresses(self, operation: Operation, call: Call) -> Iterable[etree._Element]:
        for name, value in (
            ("To", self._url),
            ("Action", operation.addressing_action),
            ("MessageID", f"urn:uuid:{call.question_id}"),
        ):
            element = etree.Element(f"{{{_WSA}}}{name}", nsmap={"wsa": _WSA})
            element.text = value
            yield element


def _filled(text: str, call: Call) -> str:
    return text.replace("{question_id}", call.question_id).replace("{number}", call.number)


def _elements(
    contract: WsdlContract, operation: Operation, values: Mapping[str, object], key: str
) -> Iterable[etree._Element]:
    for name in operation.headers:
        value = values.get(_local(name))
        if value is not None:
            yield _built(contract, name, value, f"{key}.{_local(name)}")
    for name, value in values.items():
        if name.startswith("{"):
            yield _plain(name, value, f"{key}.{name}")


def _built(contract: WsdlContract, name: str, value: object, key: str) -> etree._Element:
    if not isinstance(value, Mapping):
        return _plain(name, value, key)
    if contract.builder is None:
        raise ConfigError(f"{key}: this contract's header cannot be built from a table")
    try:
        return contract.builder.build(name, value)
    except CallFailed:
        raise ConfigError(f"{key}: the table does not fit what the contract says of this header") from None


def _plain(name: str, value: object, key: str) -> etree._Element:
    """Return a header that is a text."""
    element = etree.Element(name)
    match value:
        case bool():
            element.text = "true" if value else "false"
        case str() | int() | float():
            element.text = str(value)
        case datetime() | date() | time():
            element.text = value.isoformat()
        case _:
            raise ConfigError(
                f"{key}: write a text; a table needs a header that the contract declares, under its local name, "
                "and a list has no place in a header"
            )
    return element


def _local(name: str) -> str:
    return etree.QName(name).localname
