"""Write the public interface down: `python -m tests.packaging.interface` after a change of it."""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from appealbus.core import API_VERSION, PUBLIC_MODULES

FILE = Path(__file__).with_name("interface.txt")
MODULES = ("appealbus.core", *PUBLIC_MODULES)
PARTLY: dict[str, str] = {
    "BusSettings": "",
    "Host": "appeal_accepted compare compares counting defects pages plugins settings_of shared stray",
    "Journal": "acting actor ask compares_texts deliveries_to do doubt epoch find keyed now",
    "JournalKey": "mark",
    "JournalReader": "ask deliveries_to find keyed",
    "LogSettings": "",
    "PublicJournal": "",
    "Reception": "receive senders",
}
"""Of these classes, which plugins are handed or pass on, only some members are public."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def interface() -> str:
    """Return a line for each public name, and for each field and method of a class."""
    lines = [f"API_VERSION {API_VERSION}"]
    for module in MODULES:
        for name in names_of(module):
            lines += lines_of(f"{module}.{name}", getattr(importlib.import_module(module), name))
    return "\n".join(lines) + "\n"


def names_of(module: str) -> list[str]:
    """Return what a module exports; without `__all__` what it defines."""
    names = vars(importlib.import_module(module))
    made = ast.parse(inspect.getsource(importlib.import_module(module))).body
    assigned = {target.id for node in made if isinstance(node, ast.Assign) for target in named(node.targets)}
    assigned |= {target.id for node in made if isinstance(node, ast.AnnAssign) for target in named([node.target])}
    own = {name for name, value in names.items() if name in assigned or getattr(value, "__module__", "") == module}
    return sorted(name for name in names.get("__all__", own) if name == "__version__" or not name.startswith("_"))


def named(targets: list[ast.expr]) -> list[ast.Name]:
    return [target for target in targets if isinstance(target, ast.Name)]


def lines_of(path: str, value: Any) -> Iterator[str]:
    try:
        (node,) = ast.parse(dedent(inspect.getsource(value))).body
    except (TypeError, OSError, SyntaxError):  # a constant, an alias of a type
        node = ast.Pass()
    if isinstance(node, _Function):
        yield path + signature(node)
    elif isinstance(node, ast.ClassDef):
        yield f"{path}({', '.join(map(ast.unparse, node.bases))})"
        members = PARTLY.get(node.name)
        for line in (line for part in node.body for line in lines_of_part(part)):
            name = re.split(r"\W", line)[0]
            if not line.startswith("_") and (members is None or name in members.split()):
                yield f"{path}.{line}"
    else:
        yield path


def lines_of_part(part: ast.stmt) -> list[str]:
    """Return the line of a field, a member or a method."""
    if isinstance(part, _Function):
        return [part.name.replace("__init__", "()") + signature(part)]
    if isinstance(part, ast.AnnAssign):
        return [ast.unparse(part)]
    return [target.id for target in named(part.targets)] if isinstance(part, ast.Assign) else []


def signature(node: _Function) -> str:
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"({ast.unparse(node.args)}){returns}"


def write(*, compatible: bool) -> None:
    """Write it; refuse to drop or change a line under an API version that has it, unless somebody vouches."""
    before, now = (set(text.splitlines()) for text in (FILE.read_text(encoding="utf-8"), interface()))
    if (gone := sorted(before - now)) and f"API_VERSION {API_VERSION}" in before and not compatible:
        listed = "\n".join(gone)
        sys.exit(f"{listed}\nPlugins may use these: raise API_VERSION, or say --compatible if that breaks none.")
    FILE.write_text(interface(), encoding="utf-8")


if __name__ == "__main__":
    write(compatible="--compatible" in sys.argv)
