"""A contract, ready for use: which operations there are, and how to build and check what they carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from appealbus.connectors.soap.builder import Builder, compile_schema
from appealbus.connectors.soap.catalog import read_catalog
from appealbus.connectors.soap.documents import load_documents
from appealbus.connectors.soap.schemas import DRIVER, Schemas, arrange
from appealbus.connectors.soap.wsdl import Operation, Port, Wsdl
from appealbus.core import ConfigError, ReplyCheck
from appealbus.core.replies.xmlschema import Checker, loosened

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WsdlContract:
    """What a WSDL says, for one port.

    Attributes:
        port: the port, with its operations.
        by_input: operations by the element of their request, where one element means one operation.
        builder: makes content from mappings; None where zeep cannot take the contract's schemas.
        checker: checks content; None where the schema is broken and that shall not matter.
        notes: what was left out, and why.
        schemas: the documents of the contract, in order.

    """

    port: Port
    by_input: Mapping[str, Operation]
    builder: Builder | None
    checker: Checker | None
    notes: tuple[str, ...]
    schemas: Schemas


def load_contract(
    wsdl: Path,
    catalog: Path | None = None,
    *,
    service: str | None = None,
    port: str | None = None,
    replies: ReplyCheck = ReplyCheck.LENIENT,
) -> WsdlContract:
    """Read a contract from files. May take seconds: call it in a thread.

    With `replies` off, a contract whose schema is broken is taken: then requests cannot be checked either.

    Raises:
        ConfigError: says which document or part is wrong, or what to choose between.

    """
    documents = load_documents(wsdl, read_catalog(catalog) if catalog is not None else {})
    schemas = arrange(documents)
    reader = Wsdl(documents, schemas.elements)
    chosen = _choose(wsdl, reader.ports(), service, port, reader.notes.lines)
    by_input: dict[str, Operation] = {}
    several = set()
    for operation in chosen.operations.values():
        if operation.input is not None and by_input.setdefault(operation.input, operation) is not operation:
            several.add(operation.input)
    for name in several:
        del by_input[name]
    notes = list(reader.notes.lines)
    return WsdlContract(
        port=chosen,
        by_input=by_input,
        builder=_builder(wsdl, schemas, notes),
        checker=_checker(schemas, replies, notes),
        notes=tuple(notes),
        schemas=schemas,
    )


def _choose(wsdl: Path, ports: list[Port], service: str | None, name: str | None, notes: list[str]) -> Port:
    if not ports:
        why = [f"  {line}" for line in notes[:20]]
        raise ConfigError(f"{wsdl}: the contract has no document/literal SOAP operation", *why)
    fitting = [
        port for port in ports if (service is None or port.service == service) and (name is None or port.name == name)
    ]
    known = ", ".join(f"{port.service}/{port.name}" for port in ports)
    if not fitting:
        raise ConfigError(f"{wsdl}: the contract has no such service or port; it has: {known}")
    if len({port.service for port in fitting}) > 1:
        raise ConfigError(f"{wsdl}: the contract has several services; write `service`, and `port` if need be: {known}")
    return fitting[0]


def _builder(wsdl: Path, schemas: Schemas, notes: list[str]) -> Builder | None:
    try:
        return Builder(schemas)
    except Exception as error:
        # zeep dies of KeyError, AttributeError and more on schemas that libxml2 takes. Lookups that bring their
        # own XML do not need it.
        notes.append(f"content cannot be built from mappings: zeep fails on the schemas ({type(error).__name__})")
        log.warning("soap.contract.no_builder", wsdl=wsdl.name, error=type(error).__name__)
        return None


def _checker(schemas: Schemas, replies: ReplyCheck, notes: list[str]) -> Checker | None:
    try:
        schema = compile_schema(schemas)
    except ConfigError as error:
        if replies is ReplyCheck.OFF:
            notes.append(f"requests are not checked: {error}")
            return None
        raise ConfigError(
            f'{error}\nrepair it, or write `replies = "off"`: then broken requests and replies pass unnoticed'
        ) from None
    loose = loosened(schemas.files, DRIVER) if replies is ReplyCheck.LENIENT else None
    return Checker(schema, schemas.names, schemas.elements, loose)
