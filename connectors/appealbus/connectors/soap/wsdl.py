"""What a WSDL says of its operations, read so that one broken part does not take the others down.

Document/literal over SOAP 1.1 and 1.2 alone: what else is there is named in the notes and left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from appealbus.connectors.soap.documents import WSDL, Document
from appealbus.connectors.soap.envelope import SOAP11, SOAP12

_BINDINGS = {"http://schemas.xmlsoap.org/wsdl/soap/": SOAP11, "http://schemas.xmlsoap.org/wsdl/soap12/": SOAP12}
_ACTIONS = (
    "{http://www.w3.org/2007/05/addressing/metadata}Action",
    "{http://www.w3.org/2006/05/addressing/wsdl}Action",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a port. Elements are names in the form `{namespace}local`.

    Attributes:
        name: as the contract has it; of several of one name, with the name of its input behind: `Find:ByNumber`.
        action: of the SOAPAction header.
        addressing_action: of WS-Addressing.
        input: the element of the request; None: the body stays empty.
        output: the element of the reply; None: the contract has none.
        headers: elements that the contract puts into the request's header.

    """

    name: str
    action: str
    addressing_action: str
    input: str | None
    output: str | None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A port, its address and its operations. `namespace` is the one of the envelope: SOAP 1.1 or 1.2."""

    service: str
    name: str
    address: str
    namespace: str
    operations: Mapping[str, Operation]


@dataclass(slots=True)
class ContractNotes:
    """What was left out of a contract, and why, in words."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, why: str) -> None:
        """Note that something was left out."""
        line = f"{what}: {why}"
        if line not in self.lines:
            self.lines.append(line)


class _Broken(Exception):
    """A part refers to what is not there."""


class Wsdl:
    """The definitions of all documents, looked up by name."""

    def __init__(self, documents: Iterable[Document], elements: frozenset[str]) -> None:
        self._roots = [each.root for each in documents if each.root.tag == f"{{{WSDL}}}definitions"]
        self._elements = elements
        self._messages = self._named("message")
        self._port_types = self._named("portType")
        self._bindings = self._named("binding")
        self.notes = ContractNotes()

    def ports(self) -> list[Port]:
        """Return the SOAP ports that have operations. Without a service, each binding counts as a port."""
        found = []
        for service, name, binding, address in self._declared():
            try:
                port = self._port(service, name, self._bindings_get(binding), address)
            except _Broken as error:
                self.notes.add(f"port {name}", str(error))
                continue
            if port is not None and port.operations:
                found.append(port)
        return found

    def _declared(self) -> Iterator[tuple[str, str, str, str]]:
        services = [node for root in self._roots for node in root.iterchildren(f"{{{WSDL}}}service")]
        for service in services:
            for port in service.iterchildren(f"{{{WSDL}}}port"):
                address = next(port.iterchildren("{*}address"), None)
                location = address.get("location", "") if address is not None else ""
                yield service.get("name", ""), port.get("name", ""), _qname(port, port.get("binding", "")), location
        if not services:
            for name in self._bindings:
                yield "", etree.QName(name).localname, name, ""

    def _port(self, service: str, name: str, binding: etree._Element, address: str) -> Port | None:
        for extension, namespace in _BINDINGS.items():
            soap = next(binding.iterchildren(f"{{{extension}}}binding"), None)
            if soap is None:
                continue
            port_type = self._port_types.get(_qname(binding, binding.get("type", "")))
            if port_type is None:
                raise _Broken(f"its port type {binding.get('type')} does not exist")
            abstract = _labelled(port_type)
            operations = {}
            for label, node in _labelled(binding).items():
                try:
                    if node is None:
                        raise _Broken("there are several of this name, and nothing tells them apart")
                    operations[label] = self._operation(label, node, abstract.get(label), extension, soap.get("style"))
                except _Broken as error:
                    self.notes.add(f"operation {label}", str(error))
            return Port(service, name, address, namespace, operations)
        return None

    def _operation(
        self, name: str, node: etree._Element, abstract: etree._Element | None, extension: str, style: str | None
    ) -> Operation:
        if abstract is None:
            raise _Broken("the port type has no such operation")
        soap = next(node.iterchildren(f"{{{extension}}}operation"), None)
        if (soap.get("style", style) if soap is not None else style) == "rpc":
            raise _Broken("it is rpc, not document/literal")
        given, wanted = (self._message(abstract, side, name) for side in ("input", "output"))
        action = soap.get("soapAction", "") if soap is not None else ""
        bound_in, bound_out = (next(node.iterchildren(f"{{{WSDL}}}{side}"), None) for side in ("input", "output"))
        entry = next(abstract.iterchildren(f"{{{WSDL}}}input"), None)
        declared = next((entry.get(key) for key in _ACTIONS if entry is not None and entry.get(key)), None)
        return Operation(
            name=name,
            action=action,
            addressing_action=declared or action,
            input=self._body(given, bound_in, extension),
            output=self._body(wanted, bound_out, extension),
            headers=tuple(self._headers(bound_in, extension, name)),
        )

    def _message(self, abstract: etree._Element, side: str, name: str) -> etree._Element | None:
        entry = next(abstract.iterchildren(f"{{{WSDL}}}{side}"), None)
        if entry is None:
            return None
        message = self._messages.get(_qname(entry, entry.get("message", "")))
        if message is None:
            raise _Broken(f"its {side} message {entry.get('message')} does not exist")
        return message

    def _body(self, message: etree._Element | None, bound: etree._Element | None, extension: str) -> str | None:
        if message is None:
            return None
        parts = {part.get("name", ""): part for part in message.iterchildren(f"{{{WSDL}}}part")}
        body = next(bound.iter(f"{{{extension}}}body"), None) if bound is not None else None
        if body is not None and body.get("use", "literal") == "encoded":
            raise _Broken("it is encoded, not document/literal")
        chosen = body.get("parts", body.get("part")) if body is not None else None
        if chosen is not None:
            parts = {label: part for label, part in parts.items() if label in chosen.split()}
        elif bound is not None and len(parts) > 1:
            for header in bound.iter(f"{{{extension}}}header"):
                if self._messages.get(_qname(header, header.get("message", ""))) is message:
                    parts.pop(header.get("part", ""), None)
        if not parts:
            return None
        if len(parts) > 1:
            raise _Broken("its body has more than one part")
        return self._element(next(iter(parts.values())))

    def _headers(self, bound: etree._Element | None, extension: str, name: str) -> Iterator[str]:
        for header in bound.iter(f"{{{extension}}}header") if bound is not None else ():
            message = self._messages.get(_qname(header, header.get("message", "")))
            label = header.get("part", "")
            parts = message.iterchildren(f"{{{WSDL}}}part") if message is not None else ()
            part = next((each for each in parts if each.get("name") == label), None)
            try:
                if part is None:
                    raise _Broken(f"part {label} of message {header.get('message')} does not exist")
                yield self._element(part)
            except _Broken as error:
                self.notes.add(f"operation {name}, header", str(error))

    def _element(self, part: etree._Element) -> str:
        element = part.get("element")
        if element is None:
            raise _Broken(f"part {part.get('name')} names no element: not document/literal")
        name = _qname(part, element)
        if name not in self._elements:
            raise _Broken(f"element {element} of part {part.get('name')} does not exist")
        return name

    def _bindings_get(self, name: str) -> etree._Element:
        binding = self._bindings.get(name)
        if binding is None:
            raise _Broken(f"its binding {etree.QName(name).localname if name else ''} does not exist")
        return binding

    def _named(self, kind: str) -> dict[str, etree._Element]:
        found: dict[str, etree._Element] = {}
        for root in self._roots:
            namespace = root.get("targetNamespace")
            for node in root.iterchildren(f"{{{WSDL}}}{kind}"):
                name = node.get("name", "")
                found.setdefault(f"{{{namespace}}}{name}" if namespace else name, node)
        return found


def _labelled(parent: etree._Element) -> dict[str, etree._Element | None]:
    """Return the operations of a port type or binding by what tells them apart; None where nothing does."""
    nodes = list(parent.iterchildren(f"{{{WSDL}}}operation"))
    names = Counter(node.get("name", "") for node in nodes)
    found: dict[str, etree._Element | None] = {}
    for node in nodes:
        label = node.get("name", "")
        if names[label] > 1:
            given = next(node.iterchildren(f"{{{WSDL}}}input"), None)
            told = given.get("name") if given is not None else None
            label = f"{label}:{told}" if told else label
        found[label] = None if label in found else node
    return found


def _qname(node: etree._Element, value: str) -> str:
    prefix, colon, local = value.strip().rpartition(":")
    namespace = node.nsmap.get(prefix if colon else None)
    return f"{{{namespace}}}{local}" if namespace else local
