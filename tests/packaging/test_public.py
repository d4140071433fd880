"""What is public: README, docs and examples import nothing of the core that may change without notice."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import appealbus.core
from appealbus.core import PUBLIC_MODULES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
EXAMPLES = [path for path in (ROOT / "examples").rglob("*.py") if not {".venv", "build"} & set(path.parts)]
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def imports() -> Iterator[tuple[str, str, str]]:
    """Go through what is imported of the core: where, the module, and the name."""
    sources = [(path, path.read_text(encoding="utf-8")) for path in EXAMPLES]
    for page in PAGES:
        sources += [(page, re.sub(rf"(?m)^{indent}", "", block)) for indent, block in BLOCK.findall(page.read_text())]
    yield from imports_of(sources)


def imports_of(sources: list[tuple[Path, str]]) -> Iterator[tuple[str, str, str]]:
    """Go through all imports: where, the module, and the name."""
    for path, source in sources:
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from ((where, each.name, "") for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((where, node.module or "", each.name) for each in node.names)


FOUND = sorted({each for each in imports() if re.match(r"appealbus\.core\b", each[1])})


@pytest.mark.parametrize(("where", "module", "name"), FOUND)
def test_what_is_shown_is_public(where: str, module: str, name: str) -> None:
    """Every name is one that `appealbus.core` exports, or stands in a module that is declared public."""
    if f"{module}.{name}" in PUBLIC_MODULES:
        return
    if module == "appealbus.core":
        assert name in appealbus.core.__all__, f"{where}: export {name}, or show something else"
    else:
        assert module in PUBLIC_MODULES, f"{where}: declare {module} public, or show something else"
        assert not name or hasattr(importlib.import_module(module), name), f"{where}: {module} has no {name}"


def test_something_is_found() -> None:
    """README, a page and an example are read."""
    assert {"README.md", "docs/plugins.md", "examples/first_plugin/my_plugin.py"} <= {where for where, _, _ in FOUND}


def test_what_is_public_has_a_docstring() -> None:
    """Each name that plugins import, and each public method of it: what it takes, returns and raises."""
    bare = []
    for name in appealbus.core.__all__:
        thing = getattr(appealbus.core, name)
        if not inspect.isclass(thing) and not inspect.isfunction(thing):
            continue
        parts = {name: thing}
        if inspect.isclass(thing):
            parts |= {f"{name}.{key}": part for key, part in vars(thing).items() if is_method(key, part)}
        # That of a data class without one is its signature.
        bare += [key for key, part in parts.items() if not part.__doc__ or part.__doc__.startswith(f"{name}(")]
    assert not bare


def is_method(name: str, part: object) -> bool:
    return not name.startswith("_") and (inspect.isfunction(part) or isinstance(part, property))


COMMANDS = frozenset({"cli", "escaping", "journal.journal", "language", "rights"})
"""What commands and reports of plugins use, so that they talk and mask as the program's own do."""
BESIDE = {
    "connectors/amqp": {"config.loading", "logs.setup"},
    "connectors/files": {"bus.intake.reception", "config.problems"},
    "connectors/http": {"config.permissions"},
    "connectors/signing": {"config.permissions"},
    "plugins/api": {
        "bus.clock_watch",
        "bus.intake.decoding",
        "bus.intake.reception",
        "bus.intake.quarantine",
        "bus.watchdog",
        "config.loading",
        "config.models",
        "domain.client",
        "domain.event",
        "domain.selection",
        "enrichment.fields",
        "errors",
        "fair_share",
        "journal",
        "journal.appeals",
        "journal.deliveries",
        "journal.errors",
        "journal.naming",
        "loading.host",
        "loading.pages",
        "plugin_calls.boundary",
        "process.runtime",
    },
    "plugins/competence": {"config.loading", "config.problems"},
    "plugins/console": {
        "bus.intake.quarantine",
        "bus.intake.quarantine_replay",
        "bus.intake.reception",
        "domain.access",
        "domain.spans",
        "domain.case",
        "domain.client",
        "domain.event",
        "domain.known",
        "domain.listing",
        "domain.operation",
        "domain.pauses",
        "domain.selection",
        "domain.counts",
        "enrichment.fields",
        "enrichment.rereading",
        "fair_share",
        "health.facts",
        "health.finding",
        "health.messages",
        "journal",
        "journal.appeals",
        "journal.deliveries",
        "journal.deliveries.deliveries",
        "journal.deliveries.delivering",
        "journal.deliveries.receivers",
        "journal.naming",
        "journal.quarantine",
        "journal.workers",
        "loading.parts",
        "operations",
        "operations.in_force",
        "operations.outages",
        "operations.pausing",
        "operations.rereading",
        "planning.paths",
    },
    "plugins/monitor": {"fair_share"},
    "plugins/repeats": {
        "interfaces.journal_part",
        "journal",
        "journal.appeals",
        "journal.changes.changes",
        "journal.key",
        "journal.naming",
        "journal.questions",
        "journal.tables",
        "loading.host",
        "packing",
        "plugin_calls.boundary",
    },
    "plugins/report": {
        "config.models",
        "domain.change",
        "domain.counts",
        "journal",
        "journal.appeals",
        "journal.key",
        "journal.naming",
        "journal.reader",
        "logs",
        "process.sidecar",
        "process.runtime",
    },
    "plugins/surges": {"journal", "journal.view", "process.sidecar", "process.runtime"},
    "plugins/terms": {
        "loading.due_dates",
        "domain.change",
        "domain.counts",
        "journal",
        "journal.appeals",
        "journal.reader",
    },
    "plugins/traces": {"logs.setup"},
}
"""What others that ship use of the core besides, and a third party could not: nothing else, and nothing in vain."""


NAMES = {"plugins/api": 65, "plugins/console": 122}
"""How many private names these two use, those for commands among them: whoever needs one more writes it down here."""


def test_what_ships_imports_hardly_more_than_others_may() -> None:
    """Names are counted, not ways: what `appealbus.core` exports may be imported from where it is made."""
    sources = [path for root in ("plugins", "connectors") for path in (ROOT / root).rglob("*.py")]
    used: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {each: set() for each in NAMES}
    for where, module, name in imports_of([(path, path.read_text(encoding="utf-8")) for path in sources]):
        part, core = "/".join(where.split("/appealbus/")[1].split("/")[:2]), module.removeprefix("appealbus.core.")
        if not module.startswith("appealbus.core") or module in PUBLIC_MODULES or name in appealbus.core.__all__:
            continue
        if part in NAMES:
            names[part].add(f"{module}.{name}")
        if not any(f"{core}.".startswith(f"{each}.") for each in COMMANDS):
            used.setdefault(part, set()).add(core)
    assert used == BESIDE
    assert {part: len(found) for part, found in names.items()} == NAMES


def test_public_names_exist_once() -> None:
    """Each group of `__all__` says something of its own."""
    assert len(appealbus.core.__all__) == len(set(appealbus.core.__all__))
    assert [name for name in appealbus.core.__all__ if not hasattr(appealbus.core, name)] == []
