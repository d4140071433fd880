"""The documents of a contract: the WSDL and everything that it imports, read from files and nowhere else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from appealbus.core import ConfigError
from appealbus.schemas.safexml import UnsafeXml, parse

WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"
XML = "http://www.w3.org/XML/1998/namespace"

_LIMIT = 32 * 1024 * 1024
"""Bytes: a contract of 3,000 types has a few million."""
_MOST_DOCUMENTS = 2000
"""More than any contract has: with a wrong catalog we could be reading a whole disk."""
# Four attributes that every contract may name; the one document that does not have to be in the catalog.
_XML_SCHEMA = f"""<xs:schema xmlns:xs="{XSD}" targetNamespace="{XML}">
<xs:attribute name="lang" type="xs:string"/><xs:attribute name="base" type="xs:anyURI"/>
<xs:attribute name="space"><xs:simpleType><xs:restriction base="xs:NCName"><xs:enumeration value="default"/>
<xs:enumeration value="preserve"/></xs:restriction></xs:simpleType></xs:attribute><xs:attribute name="id" type="xs:ID"/>
<xs:attributeGroup name="specialAttrs"><xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/>
<xs:attribute ref="xml:space"/><xs:attribute ref="xml:id"/></xs:attributeGroup></xs:schema>""".encode()
_XML_LOCATION = "http://www.w3.org/2001/xml.xsd"
_XML_LOCATIONS = frozenset({_XML_LOCATION, "http://www.w3.org/2009/01/xml.xsd", "http://www.w3.org/2001/03/xml.xsd"})


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `location` is an absolute path, or the URL under which it was imported."""

    location: str
    root: etree._Element


def load_documents(entry: Path, catalog: Mapping[str, Path]) -> list[Document]:
    """Read the entry and, from it on, every document that is imported or included. The entry comes first.

    Raises:
        ConfigError: names every document that is missing and who imports it, or the one that is not XML.

    """
    start = str(entry.absolute())
    importers: dict[str, str] = {start: "the settings"}
    waiting = [start]
    documents: list[Document] = []
    missing: list[str] = []
    while waiting:
        location = waiting.pop(0)
        content = _content(location, catalog)
        if content is None:
            missing.append(location)
            continue
        root = _parsed(location, content)
        documents.append(Document(location, root))
        for _node, target in references(root, location):
            if target not in importers:
                importers[target] = location
                waiting.append(target)
        if len(importers) > _MOST_DOCUMENTS:
            raise ConfigError(f"{entry}: imports more than {_MOST_DOCUMENTS} documents")
    if missing:
        raise ConfigError(*_missing(entry, missing, importers))
    return documents


def references(root: etree._Element, location: str) -> Iterator[tuple[etree._Element, str]]:
    """Yield the elements that bring another document in, each with the location of that document."""
    for node in root.iter(f"{{{WSDL}}}import", f"{{{XSD}}}import", f"{{{XSD}}}include", f"{{{XSD}}}redefine"):
        target = node.get("location" if node.tag == f"{{{WSDL}}}import" else "schemaLocation", "").strip()
        if not target and node.get("namespace") == XML:
            target = _XML_LOCATION
        if target:
            yield node, _resolved(target, location)


def _resolved(target: str, base: str) -> str:
    scheme = urlsplit(target).scheme
    if scheme in ("http", "https", "urn"):
        return target
    if urlsplit(base).scheme in ("http", "https"):
        return urljoin(base, target)
    path = unquote(urlsplit(target).path) if scheme == "file" else unquote(target)
    return str((Path(base).parent / path).resolve())


def _content(location: str, catalog: Mapping[str, Path]) -> bytes | None:
    file = catalog.get(location)
    if file is None and urlsplit(location).scheme in ("http", "https", "urn"):
        return _XML_SCHEMA if location.replace("https:", "http:", 1) in _XML_LOCATIONS else None
    try:
        with (file or Path(location)).open("rb") as stream:
            return stream.read(_LIMIT + 1)
    except FileNotFoundError:
        if file is not None:
            raise ConfigError(f"{file}: the file that the catalog names for {location} does not exist") from None
        return None
    except OSError as error:
        raise ConfigError(f"{file or location}: cannot be read: {error.strerror}") from None


def _parsed(location: str, content: bytes) -> etree._Element:
    try:
        return parse(content, limit=_LIMIT)
    except UnsafeXml as error:
        raise ConfigError(f"{location}: {error.reason}") from None


def _missing(entry: Path, missing: list[str], importers: Mapping[str, str]) -> list[str]:
    lines = [f"{entry}: the contract needs documents that are not here, and nothing is fetched from the network:"]
    lines += [f"  {location} (imported by {importers[location]})" for location in missing]
    by_url = [location for location in missing if "://" in location or location.startswith("urn:")]
    if by_url:
        lines.append("save each as a file, and name it in the catalog, one line each (URL, tab, file):")
        lines += [f"  {url}\t{urlsplit(url).path.rstrip('/').rpartition('/')[2] or 'schema.xsd'}" for url in by_url]
    return lines
