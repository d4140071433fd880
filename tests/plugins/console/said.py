"""What the console says, by its templates and its modules: each folder has a catalogue for what it alone says."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from appealbus.core.domain.client import Role
from appealbus.plugins.console.words import HERE, folders

LANGUAGES = ("kk", "ru")
SAYS = ("say", "say_n", "said")


def of_code(path: Path) -> Iterator[str]:
    """Yield what a module says: `words.say("…")`, and the titles of views."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in SAYS:
            if isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)
        elif name == "View":
            yield str(ast.literal_eval(node.args[1]))


def of_template(path: Path) -> Iterator[str]:
    """Yield what a template says."""
    for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in SAYS and isinstance(call.args[0], nodes.Const):
            yield str(call.args[0].value)


def of_folder(folder: Path) -> set[str]:
    """Return what a view says, or what the console says besides all views."""
    if folder == HERE:
        modules, pages = folder.glob("*.py"), (folder / "templates").glob("*.html")
        roles = {role.value for role in Role if role is not Role.CHANNEL}
    else:
        modules, pages, roles = folder.rglob("*.py"), folder.rglob("*.html"), set()
    code = {text for path in modules for text in of_code(path)}
    return code | {text for path in pages for text in of_template(path)} | roles


def catalogue(folder: Path, language: str) -> set[str]:
    """Return what a catalogue has."""
    return set(translations(folder, language))


def translations(folder: Path, language: str) -> dict[str, Any]:
    """Return what a catalogue has, with its translations."""
    path = folder / "locale" / language / "LC_MESSAGES" / "appealbus.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        found = [each for each in read_po(file) if each.id]
    return {each.id if isinstance(each.id, str) else each.id[0]: each.string for each in found}


def missing(folder: Path, language: str) -> set[str]:
    """Return what is said and not in a catalogue that is read."""
    return of_folder(folder) - catalogue(folder, language) - (catalogue(HERE, language) if folder != HERE else set())


if __name__ == "__main__":
    for each in folders():
        for lang in LANGUAGES:
            for text in sorted(missing(each, lang)):
                print(each.name, lang, repr(text))
