"""Compiles schemas from memory, without access to disk or network."""

from collections.abc import Mapping
from typing import Any

from lxml import etree


def compiled(files: Mapping[str, bytes], entry: str) -> etree.XMLSchema:
    """Compile XSD documents, given by import location; `entry` is the first.

    Raises etree.XMLSchemaParseError for an invalid schema, etree.XMLSyntaxError if the first is no XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Resolver(files))
    return etree.XMLSchema(etree.fromstring(files[entry], parser, base_url=entry))


class _Resolver(etree.Resolver):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        # What is not among the documents is an empty one.
        return self.resolve_string(self._files.get(system_url or "", b"<none/>"), context, base_url=system_url)
