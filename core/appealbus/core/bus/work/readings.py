"""Fingerprints of the code and settings that parse each source's replies, to detect changes."""

import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from appealbus.core.config.loading import Loaded
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.loading.parts import Parts
from appealbus.core.planning.plan import Node
from appealbus.core.version import __version__

SETTINGS = "settings"
"""Stands for a source's table in the configuration, and its contracts."""
_CONTRACTS = ("*.xsd", "*.wsdl", "*/*.xsd", "*/*.wsdl")
"""Contracts import files beside them or one folder below."""


def readings(loaded: Loaded, parts: Parts) -> dict[str, Readings]:
    """Return fingerprints by source, for each lookup and the settings. Reads files: run it in a thread."""
    by_source: dict[str, dict[str, int]] = {}
    for name in parts.sources:
        by_source[name] = {SETTINGS: _of_settings(loaded, name)}
    for node in parts.nodes:
        if node.lookup.source in by_source:
            by_source[node.lookup.source][node.lookup.name] = _of_lookup(node)
    return dict(by_source)


def _of_lookup(node: Node) -> int:
    files: set[Path] = set()
    for model in (type(node.lookup), node.query_model, node.record_model):
        module = sys.modules.get(model.__module__)
        if (file := getattr(module, "__file__", None)) is not None:
            files.add(Path(file))
            files.update(_under(Path(file).parent, _CONTRACTS))
            if getattr(module, "__package__", ""):  # beside a file alone lie others' files
                files.update(_under(Path(file).parent, ("*.py",)))
    return _fingerprint([node.plugin, node.plugin_version, __version__], files)


def _of_settings(loaded: Loaded, source: str) -> int:
    settings = loaded.settings.sources[source]
    own = {name: value for name, value in (settings.model_extra or {}).items() if name != "url"}
    written = [text for text in _texts(own) if text.endswith((".xsd", ".wsdl"))]
    files = {loaded.folder / text for text in written}
    near = chain.from_iterable(_under(file.parent, _CONTRACTS) for file in set(files))
    meaningless = [path.model_dump(mode="json") for path in settings.meaningless]
    return _fingerprint([settings.connector, own, meaningless], files.union(near))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from chain.from_iterable(map(_texts, value.values()))
        case list():
            yield from chain.from_iterable(map(_texts, value))


def _under(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from folder.glob(pattern)


def _fingerprint(value: Any, files: Iterable[Path]) -> int:
    digest = sha256(orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS))
    # By name and content: on another machine the folder, and the date of a file, is another.
    for name, content in sorted((file.name, _content(file)) for file in files):
        digest.update(name.encode() + b"\0" + sha256(content).digest())
    return int.from_bytes(digest.digest()[:8]) >> 1


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
