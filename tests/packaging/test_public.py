"""What is public: docs, examples, plugins and connectors import nothing of the core that may change without notice."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import appealbus.core
from appealbus.core import PUBLIC_MODULES
from tests.packaging.interface import FILE, interface, names_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
SOURCES = [
    path
    for top in ("examples", "plugins", "connectors")
    for path in (ROOT / top).rglob("*.py")
    if not {".venv", "build"} & set(path.parts)
]
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def imports() -> Iterator[tuple[str, str, str]]:
    """Go through what is imported of the core: where, the module, and the name."""
    sources = [(path, path.read_text(encoding="utf-8")) for path in SOURCES]
    for page in PAGES:
        sources += [(page, re.sub(rf"(?m)^{indent}", "", block)) for indent, block in BLOCK.findall(page.read_text())]
    for path, source in sources:
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from ((where, alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((where, node.module or "", alias.name) for alias in node.names)


IMPORTS = sorted({row for row in imports() if re.match(r"appealbus\.core\b", row[1])})


def test_what_is_imported_is_public() -> None:
    """Every name is one that `appealbus.core` exports, or that a public module exports or defines."""
    private = [row for row in IMPORTS if f"{row[1]}.{row[2]}" not in PUBLIC_MODULES and not is_public(*row[1:])]
    assert not private, "export these in core/public.py or a public module, or do without them"


def is_public(module: str, name: str) -> bool:
    if module == "appealbus.core":
        return name in appealbus.core.__all__
    return module in PUBLIC_MODULES and (not name or name in names_of(module))


def test_something_is_found() -> None:
    """README, a page and an example are read."""
    assert {"README.md", "docs/plugins.md", "examples/first_plugin/my_plugin.py"} <= {where for where, _, _ in IMPORTS}


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


def test_the_interface_is_the_one_that_is_written_down() -> None:
    """Each change of a public name or signature shows in review, and one that breaks plugins has a new API version."""
    assert FILE.read_text(encoding="utf-8") == interface(), "run python -m tests.packaging.interface, and commit it"


def test_public_names_exist_once() -> None:
    """Each group of `__all__` says something of its own."""
    assert len(appealbus.core.__all__) == len(set(appealbus.core.__all__))
    assert [name for name in appealbus.core.__all__ if not hasattr(appealbus.core, name)] == []
