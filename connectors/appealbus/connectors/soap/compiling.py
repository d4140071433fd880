"""Compiling the validator of a contract. A broken declaration removes only what depends on it."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

from lxml import etree

from appealbus.connectors.soap.problems import ContractNotes
from appealbus.connectors.soap.schemas import DRIVER, Component, Schemas
from appealbus.core import ConfigError
from appealbus.core.replies.xmlschema import compiled

_MOST_ROUNDS = 100
"""Rounds of removing what depends on removed declarations; types are never nested that deep."""
_MOST_TOLD = 20
_LONGEST = 300
"""Characters kept of libxml2's message, which may quote a whole pattern."""

_UNRESOLVED = re.compile(r"The QName value '([^']{1,500})' does not resolve")
_SUBJECT = re.compile(r"[a-z .]{1,40}'([^']{1,500})'")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A validator, the schemas without broken declarations, and the broken elements, `{namespace}local`."""

    schema: etree.XMLSchema
    schemas: Schemas
    broken: frozenset[str]


def compile_usable(schemas: Schemas, notes: ContractNotes) -> Compiled:
    """Compile all valid declarations, and note the others. Raises ConfigError if the error is in no single one."""
    whole = schemas
    broken: dict[Component, str] = {}
    for _ in range(_MOST_ROUNDS):
        try:
            schema = compiled(schemas.files, DRIVER)
        except etree.XMLSchemaParseError as error:
            culprits = _culprits(error, schemas)
            if not culprits:
                raise _failure(error, schemas) from None
            broken |= culprits
            schemas = schemas.without(culprits)
        else:
            return Compiled(schema, schemas, _told(whole, broken, notes))
    raise ConfigError(f"{_where(whole, *next(iter(broken)))}: too many declarations of the schema are broken")


def _failure(error: etree.XMLSchemaParseError, schemas: Schemas) -> ConfigError:
    errors = error.error_log.filter_from_errors()
    first = errors[0] if len(errors) else None
    where = schemas.locations.get(first.filename, "the contract") if first is not None else "the contract"
    return ConfigError(f"{where}: the schema is not valid: {_said(first.message) if first is not None else 'unknown'}")


def _culprits(error: etree.XMLSchemaParseError, schemas: Schemas) -> dict[Component, str]:
    """Return the declarations with errors, each with its first message."""
    broken: dict[Component, str] = {}
    starts: dict[str, list[tuple[int, Component]]] = {}
    named: dict[str, list[Component]] = {}
    for file in schemas.spaces:
        starts[file] = []
        for component, node in schemas.components(file):
            starts[file].append((int(node.sourceline or 0), component))
            for name in schemas.qualified(file, node):
                named.setdefault(name, []).append(component)
    for entry in error.error_log.filter_from_errors():
        if entry.filename in starts:
            before = bisect_right(starts[entry.filename], entry.line, key=itemgetter(0))
            culprits = [starts[entry.filename][before - 1][1]] if before else []
        else:  # of some errors libxml2 tells no place, and names the declaration
            subject = _SUBJECT.match(entry.message)
            culprits = named.get(subject[1], []) if subject is not None else []
        for component in culprits:
            broken.setdefault(component, _said(entry.message))
    return broken


def _said(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]} …"


def _told(schemas: Schemas, broken: Mapping[Component, str], notes: ContractNotes) -> frozenset[str]:
    """Note the declarations broken by themselves; return the names of all broken elements."""
    if not broken:
        return frozenset()
    nodes = {
        component: node
        for file in {file for file, _ in broken}
        for component, node in schemas.components(file)
        if component in broken
    }
    copies = _copies(schemas, broken, nodes)
    nodes = {component: node for component, node in nodes.items() if component not in copies}
    names = {component: schemas.qualified(component[0], node) for component, node in nodes.items()}
    gone = {name for several in names.values() for name in several}
    own = [component for component in nodes if not _is_built_on(broken[component], gone)]
    for component in own[:_MOST_TOLD]:
        kind = etree.QName(nodes[component]).localname
        notes.add(f"{_where(schemas, *component)}, {kind} {nodes[component].get('name')}", broken[component])
    if len(own) > _MOST_TOLD:
        notes.add("schema", f"{len(own) - _MOST_TOLD} more declarations are broken")
    return frozenset(name for component, node in nodes.items() if _is_element(node) for name in names[component])


def _copies(
    schemas: Schemas, broken: Mapping[Component, str], nodes: Mapping[Component, etree._Element]
) -> set[Component]:
    """Return the declarations removed only as duplicates of others."""
    twice = {
        component: (str(node.tag), *schemas.qualified(component[0], node))
        for component, node in nodes.items()
        if broken[component].endswith("does already exist.")
    }
    wanted = set(twice.values())
    kept = {}
    for file in schemas.spaces if twice else ():
        for component, node in schemas.components(file):
            key = (str(node.tag), *schemas.qualified(file, node))
            if key in wanted and component not in broken:
                kept[key] = _canonical(node)
    return {component for component, key in twice.items() if kept.get(key) == _canonical(nodes[component])}


def _canonical(node: etree._Element) -> tuple[str, frozenset[tuple[str | None, str]]]:
    """Return a declaration as written, and the meaning of its prefixes."""
    text = etree.tostring(node, method="c14n2").decode()
    used = {None, *re.findall(r"([\w.\-]+):", text)}
    return text, frozenset((prefix, space) for prefix, space in node.nsmap.items() if prefix in used)


def _is_built_on(said: str, gone: set[str]) -> bool:
    missing = _UNRESOLVED.search(said)
    return missing is not None and missing[1] in gone


def _is_element(node: etree._Element) -> bool:
    return etree.QName(node).localname == "element"


def _where(schemas: Schemas, file: str, index: int) -> str:
    return f"{schemas.locations[file]}, line {schemas.lines[file][index]}"
