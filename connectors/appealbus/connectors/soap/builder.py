"""Building content from a mapping, by zeep, and checking content, by libxml2; both from the contract's schemas."""

import logging
from collections.abc import Mapping
from copy import deepcopy
from enum import Enum
from typing import Any

from lxml import etree

from appealbus.connectors.soap.arrival import lost
from appealbus.connectors.soap.schemas import DRIVER, Schemas
from appealbus.core import CallFailed, ConfigError
from appealbus.schemas.outcome import OutcomeKind

_MARK = "\ue000appealbus:"


class Builder:
    """Makes elements of the contract from mappings. Reads the schemas once; takes milliseconds to seconds."""

    def __init__(self, schemas: Schemas) -> None:
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
        self._schema = make(etree.fromstring(schemas.files[DRIVER]), _Files(schemas), DRIVER, settings)

    def build(self, name: str, content: Mapping[str, object]) -> etree._Element:
        """Return the element `{namespace}local` with the content.

        Raises:
            CallFailed: `soap.request`, where the content does not fit the contract; names the place, no value.

        """
        holder = etree.Element("holder")
        within: dict[str, etree._Element] = {}
        try:
            element = self._schema.get_element(name)
            element.render(holder, element(**_held(content, within)))
            _put(holder[0], within)
        except Exception as error:
            # zeep raises what it happens to stumble over, and quotes values.
            path = getattr(error, "path", None)
            where = f" at {'.'.join(map(str, path))}" if isinstance(path, list) and path else ""
            reason = f"the request's content does not fit the contract{where}"
            raise CallFailed(OutcomeKind.INVALID, "soap.request", reason) from None
        place = lost(content, holder[0])
        if place is not None:
            reason = (
                f"the request's content would not leave as it was given: the contract takes something else at {place}"
            )
            raise CallFailed(OutcomeKind.INVALID, "soap.request", reason)
        return holder[0]


def _held(content: Mapping[str, object], within: dict[str, etree._Element]) -> dict[str, Any]:
    """Return the content as zeep takes it: of enumerations their values, and a mark for each element that is the value
    of a key, since zeep would print its address."""

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
    """Put elements where their marks are."""
    for node in list(root.iter()) if within else ():
        inner = within.get(node.text or "")
        if inner is not None:
            node.text = None
            node.append(deepcopy(inner))


class _Files:
    """What zeep takes for a transport: reads the arranged documents, and nothing else."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def load(self, url: str) -> bytes:
        # Some namespaces zeep loads by their own name.
        return self._schemas.files[self._schemas.homes.get(url, url)]


class _Resolver(etree.Resolver):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        # Whatever is not ours is an empty document: nothing is ever read from disk or network.
        return self.resolve_string(self._files.get(system_url or "", b"<none/>"), context, base_url=system_url)


def compile_schema(schemas: Schemas) -> etree.XMLSchema:
    """Return the validator of the contract.

    Raises:
        ConfigError: what libxml2 finds wrong, and in which document.

    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Resolver(schemas.files))
    try:
        return etree.XMLSchema(etree.fromstring(schemas.files[DRIVER], parser, base_url=DRIVER))
    except etree.XMLSchemaParseError as error:
        first = error.error_log[0] if len(error.error_log) else None
        where = schemas.locations.get(first.filename, "the contract") if first is not None else "the contract"
        what = first.message if first is not None else "unknown"
        raise ConfigError(f"{where}: the schema is not valid: {what}") from None
