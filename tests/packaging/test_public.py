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
    """Every name is in `__all__` of a module that is declared public, or of its own making."""
    if module == "appealbus.core":
        assert name in appealbus.core.__all__, f"{where}: export {name}, or show something else"
    else:
        assert module in PUBLIC_MODULES, f"{where}: declare {module} public, or show something else"
        assert not name or hasattr(importlib.import_module(module), name), f"{where}: {module} has no {name}"


def test_something_is_found() -> None:
    """README, a page and an example are read."""
    assert {"README.md", "docs/plugins.md", "examples/first_plugin/my_plugin.py"} <= {where for where, _, _ in FOUND}


def test_public_names_exist_once() -> None:
    """Each group of `__all__` says something of its own."""
    assert len(appealbus.core.__all__) == len(set(appealbus.core.__all__))
    assert [name for name in appealbus.core.__all__ if not hasattr(appealbus.core, name)] == []
