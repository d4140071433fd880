"""The catalogues of words: complete, without anything dead in them, and compiled as they are written."""

import ast
import inspect
import io
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from pydantic import BaseModel

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.pauses import Period
from appealbus.core.domain.source_state import BreakerState
from appealbus.core.interfaces.link import LinkStatus
from appealbus.schemas import address, appeal, change, dossier, organisation, outcome, parcel, person, signal
from appealbus.schemas.base import Model, Word
from appealbus.schemas.provenance import Provenance
from tests.packaging.test_docs_wires import literals

ROOT = Path(__file__).parents[3]
CORE = ROOT / "core" / "appealbus" / "core"
CONNECTORS = ROOT / "connectors" / "appealbus" / "connectors"
PLUGINS = ROOT / "plugins" / "appealbus" / "plugins"
FILES = sorted(path for each in ("core", "connectors", "plugins", "examples") for path in (ROOT / each).rglob("*.po"))
RECORDS = {"gbdfl": person, "gbdul": organisation, "egkn": parcel, "address": address}
TRAIL = {"accepted_at", "accepted_by", "outcome", "reason", "code", "next_attempt_at", "not_asked_now"}
LANGUAGES = ("kk", "ru")
Key = tuple[str | None, str]


@cache
def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def of(folder: Path, language: str) -> set[Key]:
    read = catalogue(folder / "locale" / language / "LC_MESSAGES" / "appealbus.po")
    return {(each.context, each.id if isinstance(each.id, str) else each.id[0]) for each in read if each.id}


@cache
def said() -> set[Key]:
    """Find what the program says, by its calls of `say`, `say_n` and `told`."""
    # By ast: babel does not look into f-strings.
    calls = [
        node
        for file in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("say", "say_n", "told")
    ]
    texts = [call.args[0] for call in calls if call.args]
    return {(None, each.value) for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def fields(*models: type[BaseModel]) -> set[str]:
    return {re.sub("_(ru|kk)$", "", name) for model in models for name in model.model_fields}


def models(module: object) -> list[type[BaseModel]]:
    return [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Model) and each.__module__ == getattr(module, "__name__", "")
    ]


def core_fields() -> set[str]:
    shown = [each for each in models(appeal) if each not in (appeal.Receipt, appeal.Refusal)]
    return fields(*shown, Provenance) | TRAIL | {"appeal"}


def words() -> Iterator[Key]:
    named = [each for module in (appeal, change, dossier, outcome, signal) for each in vars(module).values()]
    lists = {each for each in named if inspect.isclass(each) and issubclass(each, Word) and each is not Word}
    for each in (*lists, AppealState, BreakerState, LinkStatus, Period):
        yield from ((each.__name__, word.value) for word in each)


def plain(keys: set[Key], context: str) -> set[str]:
    """Return the names of a context; of fields those that hold wherever they lie."""
    return {name for found, name in keys if found == context and not (context == "field" and "." in name)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_the_program_says_is_in_the_catalogue(language: str) -> None:
    """Each sentence and each word of a list; and nothing else is in there."""
    keys = of(CORE, language)
    assert {key for key in keys if key[0] not in ("field", "code")} == said() | set(words())
    assert len(said()) > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_fields_have_a_name(language: str) -> None:
    """Those of appeals in the program's catalogue, those of records in the one of the plugin that brings them."""
    ours = plain(of(CORE, language), "field")
    assert core_fields() == ours
    for plugin, module in RECORDS.items():
        theirs = {name for name in fields(*models(module)) if name != "purpose"}  # a trail has one of its own
        found = of(PLUGINS / plugin, language)
        assert plain(found, "field") == theirs - ours, plugin
        within = {name for context, name in found if context == "field" and "." in name}
        known = {each.__name__ for each in models(module)} | theirs
        assert {name for name in within if name.partition(".")[0] not in known} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_means_something(language: str) -> None:
    """By itself or by what it begins with, in the catalogue of who says it; and no code there is one of nobody's."""
    wires, bus = of(CONNECTORS, language), of(CORE, language)
    known = plain(wires, "code") | plain(bus, "code")
    for code in literals("connectors", "schemas", "core") - {"soap.contract"}:
        assert code in known or code.partition(".")[0] in known, code
    families = {code.partition(".")[0] for code in literals("connectors", "schemas", "core")}
    assert {code.partition(".")[0] for code in plain(wires, "code")} <= families
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "schemas").rglob("*.py"))
    text += "\n".join(path.read_text(encoding="utf-8") for path in CORE.rglob("*.py"))
    for code in plain(bus, "code"):
        assert re.search(rf"\"{re.escape(code)}[.\"]", text), code


@pytest.mark.parametrize("plugin", sorted(RECORDS))
def test_every_lookup_has_a_name(plugin: str) -> None:
    """As its source calls it; what it asks for is said, too."""
    text = (PLUGINS / plugin / "lookups.py").read_text(encoding="utf-8")
    names = set(re.findall(rf"^    name = \"({plugin}\.\w+)\"", text, re.MULTILINE))
    purposes = set(re.findall(r"^    purpose = \"(.+)\"", text, re.MULTILINE))
    assert names
    assert purposes
    for language in LANGUAGES:
        found = of(PLUGINS / plugin, language)
        assert plain(found, "lookup") == names
        assert plain(found, "purpose") == purposes
        assert {code.partition(".")[0] for code in plain(found, "code")} == {plugin}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_catalogue_is_whole(path: Path) -> None:
    """No word is empty, unsure, out of use or without what stands in its places; in all plurals of the language."""
    read = catalogue(path)
    assert (not read.fuzzy, read.obsolete, str(read.locale)) == (True, {}, path.parts[-3])
    for each in read:
        if not each.id:
            continue
        sources = [each.id] if isinstance(each.id, str) else list(each.id)
        targets = [each.string] if isinstance(each.string, str) else list(each.string)
        assert not each.fuzzy
        assert len(targets) == (1 if isinstance(each.id, str) else read.num_plurals)
        for text in targets:
            assert text.strip(), each.id
            assert places(text) == places(sources[-1]), each.id
    other = {"ru": "kk", "kk": "ru"}[path.parts[-3]]
    assert of(path.parents[3], other) == of(path.parents[3], path.parts[-3])


def places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_ships_is_compiled_from_it(path: Path) -> None:
    """After a change: `make catalogues`."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(path))
    assert path.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_there_are_catalogues() -> None:
    """The tests above would be empty otherwise."""
    assert len(FILES) >= 18
