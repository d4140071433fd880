"""The operations of a WSDL, read so that a broken part does not affect the others.

Document/literal and rpc/literal over SOAP 1.1 and 1.2; anything else is noted and left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from appealbus.connectors.soap.documents import WSDL, Document
from appealbus.connectors.soap.problems import ContractNotes
from appealbus.connectors.soap.rpc import Wrappers
from appealbus.schemas.namespaces import SOAP11, SOAP12, XSD

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
        addressing_action: of WS-Addressing: the contract's own, else that of SOAPAction, else the standard's default.
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
    """A port of a service: its address in the contract, and its SOAP version's namespace."""

    service: str
    name: str
    address: str
    namespace: str
    operations: Mapping[str, Operation]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Binding:
    """A binding: the namespace of its SOAP elements, the style of its operations, and its notes."""

    extension: str
    style: str
    notes: ContractNotes


class _Broken(Exception):
    """A part refers to something missing."""


class Wsdl:
    """The definitions of all documents, by name.

    `notes` are beside the ports' own. `wrappers` are elements of rpc operations, which no schema declares; whether the
    others are declared is not checked here.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._roots = [document.root for document in documents if document.root.tag == f"{{{WSDL}}}definitions"]
        schemas = [node for document in documents for node in document.root.iter(f"{{{XSD}}}schema")]
        self._declared_elements = {
            _in(schema.get("targetNamespace"), node.get("name", ""))
            for schema in schemas
            for node in schema.iterchildren(f"{{{XSD}}}element")
        }
        self._messages = self._named("message")
        self._port_types = self._named("portType")
        self._bindings = self._named("binding")
        self.notes = ContractNotes()
        self.wrappers = Wrappers()

    def ports(self) -> list[Port]:
        """Return the SOAP ports. Without a service, each binding counts as a port."""
        ports = []
        for service, name, binding, address in self._declared():
            try:
                port = self._port(service, name, self._bindings_get(binding), address)
            except _Broken as error:
                self.notes.add(f"port {name}", str(error))
                continue
            if port is not None:
                ports.append(port)
        return ports

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
            notes = ContractNotes()
            bound = _Binding(extension, soap.get("style", "document"), notes)
            abstract = _labelled(port_type)
            operations = {}
            for label, node in _labelled(binding).items():
                try:
                    if node is None:
                        raise _Broken("there are several of this name, and nothing tells them apart")
                    operations[label] = self._operation(label, node, abstract.get(label), bound)
                except _Broken as error:
                    notes.add(f"operation {label}", str(error))
            for overloaded, labels in _overloads(operations).items():
                shown = " or ".join(labels)
                notes.add(f"operation {overloaded}", f"there are several of this name; call each by {shown}")
            return Port(service, name, address, namespace, operations, tuple(notes.lines))
        return None

    def _operation(
        self, name: str, node: etree._Element, abstract: etree._Element | None, binding: _Binding
    ) -> Operation:
        if abstract is None:
            raise _Broken("the port type has no such operation")
        extension = binding.extension
        soap = next(node.iterchildren(f"{{{extension}}}operation"), None)
        style = soap.get("style", binding.style) if soap is not None else binding.style
        action = soap.get("soapAction", "") if soap is not None else ""
        bound_in, bound_out = (next(node.iterchildren(f"{{{WSDL}}}{side}"), None) for side in ("input", "output"))
        for bound in (bound_in, bound_out):
            if bound is not None and any(body.get("use") == "encoded" for body in bound.iter(f"{{{extension}}}body")):
                raise _Broken(
                    f"it is {style}/encoded: its messages have types of their own in place of a schema, and such are "
                    "not spoken here; ask the owner for a literal binding"
                )
        given, wanted = (self._message(abstract, side, name) for side in ("input", "output"))
        entry = next(abstract.iterchildren(f"{{{WSDL}}}input"), None)
        declared = next((entry.get(key) for key in _ACTIONS if entry is not None and entry.get(key)), None)
        body_of = self._wrapper if style == "rpc" else self._body
        local = node.get("name", "")
        return Operation(
            name=name,
            action=action,
            addressing_action=declared or action or _default_action(abstract),
            input=body_of(given, bound_in, extension, local),
            output=body_of(wanted, bound_out, extension, f"{local}Response"),
            headers=tuple(self._headers(bound_in, name, binding)),
        )

    def _message(self, abstract: etree._Element, side: str, name: str) -> etree._Element | None:
        entry = next(abstract.iterchildren(f"{{{WSDL}}}{side}"), None)
        if entry is None:
            return None
        message = self._messages.get(_qname(entry, entry.get("message", "")))
        if message is None:
            raise _Broken(f"its {side} message {entry.get('message')} does not exist")
        return message

    def _parts(self, message: etree._Element, bound: etree._Element | None, extension: str) -> list[etree._Element]:
        """Return the parts of a message that are in the body."""
        parts = {part.get("name", ""): part for part in message.iterchildren(f"{{{WSDL}}}part")}
        body = _first(bound, f"{{{extension}}}body")
        chosen = body.get("parts", body.get("part")) if body is not None else None
        if chosen is not None:
            return [part for label, part in parts.items() if label in chosen.split()]
        if bound is not None and len(parts) > 1:
            for header in bound.iter(f"{{{extension}}}header"):
                if self._messages.get(_qname(header, header.get("message", ""))) is message:
                    parts.pop(header.get("part", ""), None)
        return list(parts.values())

    def _body(
        self, message: etree._Element | None, bound: etree._Element | None, extension: str, _local: str
    ) -> str | None:
        """Return the element of a document/literal body."""
        parts = self._parts(message, bound, extension) if message is not None else []
        if not parts:
            return None
        if len(parts) > 1:
            raise _Broken("its body has more than one part, and is not rpc")
        return self._element(parts[0])

    def _wrapper(
        self, message: etree._Element | None, bound: etree._Element | None, extension: str, local: str
    ) -> str | None:
        """Return the wrapper element of an rpc/literal body (WSDL 1.1, section 3.5)."""
        if message is None:
            return None
        body = _first(bound, f"{{{extension}}}body")
        parts = []
        for part in self._parts(message, bound, extension):
            kind = "element" if part.get("element") else "type"
            written = part.get(kind)
            if not written:
                raise _Broken(f"part {part.get('name')} names neither a type nor an element")
            parts.append((part.get("name", ""), kind, _qname(part, written)))
        namespace = (body.get("namespace") if body is not None else None) or None
        if _in(namespace, local) in self._declared_elements:
            raise _Broken(f"a schema of the contract declares an element {local} as the name of its message")
        name = self.wrappers.add(namespace, local, tuple(parts))
        if name is None:
            raise _Broken(f"there are two different messages {local} of one namespace")
        return name

    def _headers(self, bound: etree._Element | None, name: str, binding: _Binding) -> Iterator[str]:
        for header in bound.iter(f"{{{binding.extension}}}header") if bound is not None else ():
            message = self._messages.get(_qname(header, header.get("message", "")))
            label = header.get("part", "")
            parts = message.iterchildren(f"{{{WSDL}}}part") if message is not None else ()
            part = next((one for one in parts if one.get("name") == label), None)
            try:
                if part is None:
                    raise _Broken(f"part {label} of message {header.get('message')} does not exist")
                yield self._element(part)
            except _Broken as error:
                binding.notes.add(f"operation {name}, header", str(error))

    def _element(self, part: etree._Element) -> str:
        element = part.get("element")
        if element is None:
            raise _Broken(f"part {part.get('name')} names no element, which document/literal needs")
        return _qname(part, element)

    def _bindings_get(self, name: str) -> etree._Element:
        binding = self._bindings.get(name)
        if binding is None:
            raise _Broken(f"its binding {etree.QName(name).localname if name else ''} does not exist")
        return binding

    def _named(self, kind: str) -> dict[str, etree._Element]:
        by_name: dict[str, etree._Element] = {}
        for root in self._roots:
            namespace = root.get("targetNamespace")
            for node in root.iterchildren(f"{{{WSDL}}}{kind}"):
                name = node.get("name", "")
                by_name.setdefault(_in(namespace, name), node)
        return by_name


def _labelled(parent: etree._Element) -> dict[str, etree._Element | None]:
    """Return the operations of a port type or binding by a unique label; None if it is ambiguous."""
    nodes = list(parent.iterchildren(f"{{{WSDL}}}operation"))
    names = Counter(node.get("name", "") for node in nodes)
    by_label: dict[str, etree._Element | None] = {}
    for node in nodes:
        label = node.get("name", "")
        if names[label] > 1:
            given = next(node.iterchildren(f"{{{WSDL}}}input"), None)
            given_name = given.get("name") if given is not None else None
            label = f"{label}:{given_name}" if given_name else label
        by_label[label] = None if label in by_label else node
    return by_label


def _overloads(operations: Iterable[str]) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for label in operations:
        name, colon, _ = label.partition(":")
        if colon:
            by_name.setdefault(name, []).append(label)
    return by_name


def _default_action(abstract: etree._Element) -> str:
    """Return the default action of an operation's request (WS-Addressing 1.0 Metadata, 4.4.4)."""
    port_type, definitions, *_ = abstract.iterancestors()
    namespace = definitions.get("targetNamespace", "")
    delimiter = ":" if namespace.lower().startswith("urn:") else "/"
    entry = next(abstract.iterchildren(f"{{{WSDL}}}input"), None)
    name = entry.get("name") if entry is not None else None
    if not name:  # WSDL 1.1, 2.4.5
        answered = next(abstract.iterchildren(f"{{{WSDL}}}output"), None) is not None
        name = abstract.get("name", "") + ("Request" if answered else "")
    return delimiter.join((namespace.removesuffix(delimiter), port_type.get("name", ""), name))


def _first(node: etree._Element | None, tag: str) -> etree._Element | None:
    return next(node.iter(tag), None) if node is not None else None


def _in(namespace: str | None, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local


def _qname(node: etree._Element, value: str) -> str:
    prefix, colon, local = value.strip().rpartition(":")
    return _in(node.nsmap.get(prefix if colon else None), local)
