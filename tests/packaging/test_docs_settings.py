"""Settings are called in pages and in messages what the code calls them."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
TABLES = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
"""Generated from the models, which another test sees to."""
FREE = {
    "trusted_subject",
    "soap_headers",
    "http_headers",
    "secret_headers",
    "headers",
    "faults",
    "fault_texts",
    "properties",
    "roles",
}
"""Tables whose keys are the reader's own."""
_ROW = re.compile(r"^\| `([\w.*\[\]]+)` \|", re.MULTILINE)
_SAID = re.compile(r"(?<![\w.\"'{])((?:[a-z][a-z0-9_]*\.)*[a-z][a-z0-9_]*) = (?=[\"'\[{\d]|true\b|false\b|…)")


def known() -> set[str]:
    """Return the names of all settings."""
    return {part for row in _ROW.findall(TABLES) for part in re.split(r"[.\[\]*]+", row) if part}


KNOWN = known() | {"env", "file"}
"""With those of a secret, which may stand for any text."""


def leaves(table: Mapping[str, object]) -> Iterator[str]:
    """Yield the keys of a document that have a value, and those of tables in settings."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            if key not in FREE:
                yield from leaves(value)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in value:
                yield from leaves(each)
        else:
            yield key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_in_pages_exist(page: Path) -> None:
    """In each block of TOML, and wherever a page says `name = value`."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"```toml\s*\[project.*?```", "", text, flags=re.DOTALL)
    named = [key for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) for key in leaves(tomllib.loads(block))]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    named += [name.rpartition(".")[2] for code in re.findall(r"`([^`\n]+)`", prose) for name in _SAID.findall(code)]
    assert sorted({name for name in named if name not in KNOWN}) == []


def messages(file: Path) -> Iterator[str]:
    """Yield the texts in a module that are no docstrings, those with values in them as one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for call in [node] if isinstance(node, ast.Call) else []:
            for argument in call.args:
                for part in ast.walk(argument):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def test_settings_in_messages_exist() -> None:
    """What a message proposes to write can be written."""
    folders = ("core", "connectors", "plugins", "schemas", "simulator")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    named = {
        f"{file.name}: {name}"
        for file in files
        for text in messages(file)
        for name in _SAID.findall(text)
        if file.parent.parent.name != "migrations" and name.rpartition(".")[2] not in KNOWN
    }
    assert sorted(named) == []


def test_what_it_finds() -> None:
    """The words that it looks for are found, and a name that is none is."""
    assert _SAID.findall('repair it, or write `replies = "off"`; guard.timeout = 3') == ["replies", "guard.timeout"]
    assert {"replies", "service_id", "ca_bundle"} <= KNOWN
    assert "validate" not in KNOWN
