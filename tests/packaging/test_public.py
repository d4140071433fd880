"""What is public: README, docs and examples import nothing of the core that may change without notice."""

import ast
import importlib
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


OURS = {
    "appealbus.core.backoff": {"connectors/amqp", "connectors/broker"},
    "appealbus.core.bus.bus": {"plugins/demo"},
    "appealbus.core.bus.clock_watch": {"plugins/api"},
    "appealbus.core.bus.decoding": {"plugins/api"},
    "appealbus.core.bus.reception": {"connectors/files", "plugins/api", "plugins/demo"},
    "appealbus.core.bus.trimming": {"plugins/api"},
    "appealbus.core.cli": {
        "plugins/console",
        "connectors/amqp",
        "connectors/files",
        "plugins/api",
        "plugins/demo",
        "plugins/repeats",
        "plugins/report",
        "plugins/simulator",
        "plugins/surges",
        "plugins/terms",
    },
    "appealbus.core.bus.copies": {"plugins/console"},
    "appealbus.core.bus.decoder": {"plugins/console"},
    "appealbus.core.bus.retaking": {"plugins/console"},
    "appealbus.core.config.loading": {"connectors/amqp", "plugins/api", "plugins/competence", "plugins/demo"},
    "appealbus.core.config.models": {"plugins/api", "plugins/report"},
    "appealbus.core.config.permissions": {"connectors/http", "connectors/signing"},
    "appealbus.core.config.problems": {"connectors/files", "plugins/competence"},
    "appealbus.core.counting": {"plugins/terms"},
    "appealbus.core.domain": {"plugins/api", "plugins/console", "plugins/demo"},
    "appealbus.core.domain.event": {"plugins/surges"},
    "appealbus.core.domain.places": {"plugins/report", "plugins/surges"},
    "appealbus.core.domain.waiting": {"plugins/terms"},
    "appealbus.core.enrichment.fields": {"plugins/api", "plugins/console"},
    "appealbus.core.enrichment.rereading": {"plugins/console"},
    "appealbus.core.errors": {"plugins/api", "plugins/console"},
    "appealbus.core.escaping": {"connectors/files", "plugins/console", "plugins/report", "plugins/surges"},
    "appealbus.core.health": {"plugins/console"},
    "appealbus.core.host": {"plugins/api"},
    "appealbus.core.journal": {"plugins/api", "plugins/console", "plugins/demo"},
    "appealbus.core.journal.journal": {
        "plugins/demo",
        "plugins/repeats",
        "plugins/report",
        "plugins/surges",
        "plugins/terms",
    },
    "appealbus.core.journal.key": {"plugins/report"},
    "appealbus.core.journal.naming": {"plugins/report"},
    "appealbus.core.language": {"plugins/api", "plugins/console", "plugins/demo", "plugins/report", "plugins/terms"},
    "appealbus.core.logs": {"connectors/amqp", "plugins/demo", "plugins/report"},
    "appealbus.core.logs.throttle": {"plugins/traces"},
    "appealbus.core.operations": {"plugins/console"},
    "appealbus.core.own_file": {"plugins/report", "plugins/surges"},
    "appealbus.core.parts": {"plugins/console", "plugins/demo"},
    "appealbus.core.process": {"plugins/api", "plugins/demo", "plugins/report", "plugins/surges"},
    "appealbus.core.rights": {
        "plugins/api",
        "plugins/console",
        "plugins/demo",
        "plugins/repeats",
        "plugins/surges",
        "plugins/terms",
    },
}
"""What ships uses these beside what is public: the demonstration runs a bus, commands talk as the program does, and
connectors pause between attempts, and look at who may write files, as the core does; a table of bodies is read as the
configuration is."""


def test_what_ships_imports_hardly_more_than_others_may() -> None:
    """Names are counted, not ways: what `appealbus.core` exports may be imported from where it is made."""
    sources = [path for root in ("plugins", "connectors") for path in (ROOT / root).rglob("*.py")]
    more = []
    for where, module, name in imports_of([(path, path.read_text(encoding="utf-8")) for path in sources]):
        if not module.startswith("appealbus.core") or module in PUBLIC_MODULES or name in appealbus.core.__all__:
            continue
        part = "/".join(where.split("/appealbus/")[1].split("/")[:2])
        allowed = [each for each, parts in OURS.items() if f"{module}.".startswith(f"{each}.") and part in parts]
        if not allowed:
            more.append(f"{where}: {module}.{name}")
    assert not more, "\n".join(more)


def test_public_names_exist_once() -> None:
    """Each group of `__all__` says something of its own."""
    assert len(appealbus.core.__all__) == len(set(appealbus.core.__all__))
    assert [name for name in appealbus.core.__all__ if not hasattr(appealbus.core, name)] == []
