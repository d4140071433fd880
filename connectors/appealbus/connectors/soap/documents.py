"""The documents of a contract: the WSDL and all its imports, read from files only."""

import re
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from errno import ENOENT
from pathlib import Path
from urllib.parse import unquote, urljoin

from lxml import etree

from appealbus.connectors.soap.problems import ContractNotes, Problems
from appealbus.connectors.soap.stray import WSDL, drop_stray_text
from appealbus.core import ConfigError
from appealbus.schemas.namespaces import XML, XSD
from appealbus.schemas.safexml import UnsafeXml, parse

__all__ = ["WSDL", "Document", "load_documents", "references"]


_ROOTS = (f"{{{WSDL}}}definitions", f"{{{XSD}}}schema")
_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:")
"""A single letter before the colon is a drive."""
_FILE = re.compile(r"^file:(?://[^/]*)?(?=/)")
_LIMIT = 32 * 1024 * 1024
"""Bytes: a contract of 3,000 types has a few million."""
_LIMIT_OF_ALL = 2 * _LIMIT
"""Bytes of all documents together."""
_MOST_DOCUMENTS = 2000
"""More than any contract has: a wrong catalog could make us read a whole disk."""
_MOST_LINES = 20
"""Lines of stray text reported for one document."""
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
    """One document, and the locations of its imports, by the references in it."""

    location: str
    root: etree._Element
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Location of a document.

    Attributes:
        address: base of its relative imports.
        file: where it was found; None: one of ours.
        is_outside: whether it must not be used. Its imports are still resolved, so that one error reports everything.
    """

    address: str
    file: Path | None
    is_outside: bool = False

    @property
    def location(self) -> str:
        return str(self.file) if self.file is not None else self.address


def load_documents(
    entry: Path,
    catalog: Mapping[str, Path],
    *,
    more: Sequence[Path] = (),
    folder: Path | None = None,
    notes: ContractNotes | None = None,
) -> list[Document]:
    """Read the entry, then every document imported or included, directly or not. The entry comes first.

    An import is looked up in the catalog, by its reference and by its resolved address; then beside the importing file.
    Files are read only from the contract's folder, and the folders of files named in the settings and the catalog.

    Args:
        more: schemas that belong to the contract and that nothing imports.
        folder: the contract's folder, if not the entry's own.
        notes: receives what was left out of a document.

    Raises:
        ConfigError: names every document that is missing, lies outside or cannot be read, and its importer.
    """
    loader = _Loader(catalog, folder or entry.parent, more, ContractNotes() if notes is None else notes)
    for file in (entry, *more):
        loader.add(_Place(str(file.absolute()), file.absolute()))
    loader.read_all(entry)
    loader.problems.report(entry)
    return loader.documents


def references(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Yield the elements that import or include another document, each with its reference."""
    for node in root.iter(f"{{{WSDL}}}import", f"{{{XSD}}}import", f"{{{XSD}}}include", f"{{{XSD}}}redefine"):
        target = node.get("location" if node.tag == f"{{{WSDL}}}import" else "schemaLocation", "").strip()
        if not target and node.get("namespace") == XML:
            target = _XML_LOCATION
        if target:
            yield node, target


class _Loader:
    def __init__(self, catalog: Mapping[str, Path], folder: Path, more: Sequence[Path], notes: ContractNotes) -> None:
        self.documents: list[Document] = []
        self.problems = Problems(folder)
        self._catalog = catalog
        named = {file.parent for file in (*more, *catalog.values())}
        self._folders = tuple(path.resolve() for path in (folder, *named))
        self._notes = notes
        self._known: dict[str, str] = {}
        self._waiting: deque[_Place] = deque()
        self._left = _LIMIT_OF_ALL

    def add(self, place: _Place) -> str:
        """Queue a document, once, and return its location."""
        key = str(place.file.resolve()) if place.file is not None else place.address
        if key not in self._known:
            self._known[key] = place.location
            self._waiting.append(place)
        return self._known[key]

    def read_all(self, entry: Path) -> None:
        """Read all queued documents, and their imports."""
        while self._waiting:
            place = self._waiting.popleft()
            root = self._root(place)
            if root is None:
                continue
            targets: dict[str, str] = {}
            self.documents.append(Document(place.location, root, targets))
            for written in dict.fromkeys(written for _, written in references(root)):
                target = self._found(written, place)
                if target is not None:
                    targets[written] = self.add(target)
                if len(self._known) + len(self.problems) > _MOST_DOCUMENTS or self._left < 0:
                    raise ConfigError(
                        f"{entry}: imports more than {_MOST_DOCUMENTS} documents, or {_LIMIT_OF_ALL} bytes in all"
                    )

    def _found(self, written: str, importer: _Place) -> _Place | None:
        address = _resolved(written, importer.address)
        named = self._catalog.get(written) or self._catalog.get(address)
        if named is not None:
            if not _is_file(named):
                why = f"the file that the catalog names for {address} does not exist"
                self.problems.unreadable[str(named)] = why
                return None
            return _Place(address, named.absolute())
        place = None
        if importer.file is not None and not _is_url(written):
            place = self._beside(importer.file, _path(written), address, importer.location)
        elif not _is_builtin(address):
            self.problems.missing[address].append(importer.location)
        return place or (_Place(_XML_LOCATION, None) if _is_builtin(address) else None)

    def _beside(self, importer: Path, written: str, address: str, location: str) -> _Place | None:
        """Return the file for a relative import or a path in another file."""
        file = importer.parent / written
        try:
            file = file.resolve()
            is_inside = any(file.is_relative_to(folder) for folder in self._folders)
        except (OSError, ValueError, RuntimeError):  # a name that no file can have; links that lead to each other
            self.problems.missing[str(file)].append(location)
            return None
        is_there = _is_file(file)
        if not is_inside:
            self.problems.outside[str(file)].append(location)
        elif not is_there and not _is_builtin(address):
            self.problems.missing[address if _is_url(address) else str(file)].append(location)
        return _Place(address, file, is_outside=not is_inside) if is_there else None

    def _root(self, place: _Place) -> etree._Element | None:
        if place.file is None:
            return parse(_XML_SCHEMA)
        try:
            if not _is_file(place.file):  # a pipe would be waited for without an end
                raise FileNotFoundError(ENOENT, "there is no such file")
            with place.file.open("rb") as stream:
                content = stream.read(_LIMIT + 1)
            self._left -= len(content)
            root = parse(content, limit=_LIMIT)
        except (OSError, UnsafeXml) as error:
            why = error.reason if isinstance(error, UnsafeXml) else f"cannot be read: {error.strerror}"
            if not place.is_outside:
                self.problems.unreadable[place.location] = why
            return None
        if root.tag not in _ROOTS:
            if not place.is_outside:
                self.problems.unreadable[place.location] = "is neither a WSDL 1.1 nor an XML schema"
            return None
        lines = drop_stray_text(root, content)
        if lines is not None:
            where = ", ".join(map(str, lines[:_MOST_LINES])) or "unknown"
            self._notes.add(f"{place.location}, line {where}", "text between the parts of the document is skipped")
        return root


def _is_builtin(address: str) -> bool:
    return address.replace("https:", "http:", 1) in _XML_LOCATIONS


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_url(target: str) -> bool:
    return _URL.match(target) is not None


def _path(target: str) -> str:
    return unquote(_FILE.sub("", target))


def _resolved(target: str, base: str) -> str:
    """Resolve an import against the address of its document."""
    if not _is_url(target) and _is_url(base):
        try:
            return urljoin(base, target)
        except ValueError:  # brackets that are no address
            return target
    return target if _is_url(target) else str(Path(base).parent / _path(target))


def read_catalog(path: Path) -> Mapping[str, Path]:
    """Return the file of each URL.

    Two forms: lines of URL, tab, file; or, in a file named *.toml, `"URL" = "file"`. Files are relative to the catalog.
    Empty lines and lines that begin with # are skipped. Raises ConfigError with the line.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: the catalog cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the catalog is not UTF-8 text") from None
    entries = _toml(path, content) if path.suffix == ".toml" else _lines(path, content)
    return {url: path.parent / file for url, file in entries.items()}


def _toml(path: Path, content: str) -> dict[str, str]:
    try:
        table = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    entries = {}
    for url, file in table.items():
        if not isinstance(file, str):
            raise ConfigError(f'{path}: {url}: write "URL" = "file", the URL in quotes')
        entries[url] = file
    return entries


def _lines(path: Path, content: str) -> dict[str, str]:
    entries = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        url, tab, file = line.partition("\t")
        if not tab or not url.strip() or not file.strip():
            raise ConfigError(f"{path}:{number}: write URL, tab, file")
        entries[url.strip()] = file.strip()
    return entries
