"""The offline catalog: files for the documents that a contract imports by URL."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from appealbus.core import ConfigError


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
