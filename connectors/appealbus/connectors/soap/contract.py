"""A loaded contract: its operations, and how to build and validate their content."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appealbus.connectors.soap.builder import Builder
from appealbus.connectors.soap.compiling import compile_usable
from appealbus.connectors.soap.documents import load_documents, read_catalog
from appealbus.connectors.soap.problems import ContractNotes
from appealbus.connectors.soap.schemas import DRIVER, Schemas, arrange
from appealbus.connectors.soap.wsdl import Operation, Port, Wsdl
from appealbus.core import ConfigError, ReplyCheck
from appealbus.core.replies.xmlschema import Checker, loosened

_MOST_REASONS = 20
"""Lines of an error; a contract may have hundreds of operations."""


@dataclass(frozen=True, slots=True)
class WsdlContract:
    """A WSDL, for one port.

    Attributes:
        by_input: operations by the element of their request, if it is unique.
        builder: None if zeep cannot read the contract.
        checker: None if the schema is broken as a whole and this is tolerated.
        notes: what was left out and why, and what was renamed.
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
    folder: Path | None = None,
    xsd: Sequence[Path] = (),
    replies: ReplyCheck = ReplyCheck.LENIENT,
) -> WsdlContract:
    """Read a contract from files. May take seconds: call it in a thread. Raises ConfigError.

    Args:
        catalog: maps URLs of imported documents to files.
        service: required if there are several, like `port`.
        folder: the contract's folder, which imports cannot leave; None: the WSDL's own.
        xsd: schemas of what the contract leaves open.
        replies: how strictly replies are validated. With `off`, operations stay although the schema of their reply is
            broken; if the whole schema is broken, nothing is validated.
    """
    notes = ContractNotes()
    documents = load_documents(
        wsdl, read_catalog(catalog) if catalog is not None else {}, more=xsd, folder=folder, notes=notes
    )
    reader = Wsdl(documents)
    ports = reader.ports()
    schemas = arrange([*documents, *reader.wrappers.documents()])
    checker, broken = None, frozenset[str]()
    try:
        compiled = compile_usable(schemas, notes)
    except ConfigError as error:
        if replies is not ReplyCheck.OFF:
            raise ConfigError(
                str(error), 'repair it, or write `replies = "off"`: then broken requests and replies pass unnoticed'
            ) from None
        notes.add("schema", f"requests are not checked: {error}")
    else:
        schemas, broken = compiled.schemas, compiled.broken
        loose = loosened(schemas.files, DRIVER) if replies is ReplyCheck.LENIENT else None
        checker = Checker(compiled.schema, schemas.vocabulary, loose)
    known = schemas.elements
    usable = [_usable(port, known, broken, replies) for port in ports]
    chosen = _choose(wsdl, usable, service, port, [*notes.lines, *reader.notes.lines])
    lines = [*notes.lines, *reader.notes.lines, *chosen.notes]
    return WsdlContract(
        port=chosen,
        by_input=_by_input(chosen),
        builder=_builder(chosen, schemas, lines),
        checker=checker,
        notes=tuple(dict.fromkeys(lines)),
        schemas=schemas,
    )


def _usable(port: Port, known: Collection[str], broken: Collection[str], replies: ReplyCheck) -> Port:
    """Return the port without the operations whose elements are unusable, and note the reasons."""
    notes = ContractNotes(list(port.notes))
    operations = {}
    for name, operation in port.operations.items():
        checked = [("the request", operation.input)]
        if replies is not ReplyCheck.OFF:
            checked.append(("the reply", operation.output))
        wrong = [
            f"{what} {element} {_why(element, broken)}"
            for what, element in checked
            if element is not None and (element not in known or element in broken)
        ]
        if wrong:
            notes.add(f"operation {name}", "; ".join(wrong))
            continue
        headers = tuple(header for header in operation.headers if header in known and header not in broken)
        for header in set(operation.headers) - set(headers):
            notes.add(f"operation {name}, header", f"element {header} {_why(header, broken)}")
        operations[name] = replace(operation, headers=headers)
    return replace(port, operations=operations, notes=tuple(notes.lines))


def _why(element: str, broken: Collection[str]) -> str:
    return "is built on a broken part of the schema" if element in broken else "does not exist"


def _by_input(port: Port) -> Mapping[str, Operation]:
    """Return operations by the element of their request, if it is unique."""
    by_element: dict[str, Operation] = {}
    several = set()
    for operation in port.operations.values():
        if operation.input is not None and by_element.setdefault(operation.input, operation) is not operation:
            several.add(operation.input)
    return {element: operation for element, operation in by_element.items() if element not in several}


def _choose(wsdl: Path, ports: list[Port], service: str | None, name: str | None, notes: list[str]) -> Port:
    serving = [port for port in ports if port.operations]
    if not serving:
        why = dict.fromkeys([*notes, *(note for port in ports for note in port.notes)])
        lines = [f"  {line}" for line in list(why)[:_MOST_REASONS]]
        raise ConfigError(f"{wsdl}: the contract has no SOAP operation that can be used", *lines)
    fitting = [
        port for port in serving if (service is None or port.service == service) and (name is None or port.name == name)
    ]
    known = ", ".join(f"{port.service}/{port.name}" for port in serving)
    if not fitting:
        named = (port for port in ports if service in (None, port.service) and name in (None, port.name))
        why = dict.fromkeys(f"  {note}" for port in named for note in port.notes)
        wrong = f"{wsdl}: the contract has no such service or port, with operations that can be used; it has: {known}"
        raise ConfigError(wrong, *list(why)[:_MOST_REASONS])
    if len({port.service for port in fitting}) > 1:
        raise ConfigError(f"{wsdl}: the contract has several services; write `service`, and `port` if need be: {known}")
    return fitting[0]


def _builder(port: Port, schemas: Schemas, notes: list[str]) -> Builder | None:
    """Return the builder of the port's requests and headers; note those that it cannot build."""
    wanted: dict[str, list[str]] = {}
    for operation in port.operations.values():
        for element in (operation.input, *operation.headers):
            if element is not None:
                wanted.setdefault(element, []).append(operation.name)
    builder = Builder(schemas, wanted)
    for element, error in builder.failed.items():
        notes.append(
            f"operation {', '.join(wanted[element])}: {element} can be brought as an element alone: zeep cannot build "
            f"it from a mapping ({error})"
        )
    return None if wanted and len(builder.failed) == len(wanted) else builder
