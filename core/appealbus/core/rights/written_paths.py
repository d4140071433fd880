"""Checking field paths in the source of assessors: a wrong path hides the signals that name it."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.rights.fields import is_of_the_dossier, leads
from appealbus.core.rights.paths import PARTS, path_of
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import Record

_NAME = r"[A-Za-z_]\w*(?:\[\w*\])?"
_OF_LOOKUP = re.compile(rf"[a-z]\w*(?:\.[a-z]\w*)+(?:\[\w*\])?/{_NAME}(?:\.{_NAME})*")
_OF_PART = re.compile(rf"(?:{'|'.join(PARTS)})(?:\.{_NAME})+")
_BEHIND = re.compile(rf"\0[/.]?({_NAME}(?:\.{_NAME})*)")
"""A path whose beginning is interpolated, as by `records`."""


class Astray(NamedTuple):
    """A path that leads nowhere, or cannot be checked: file and line, or `reads`, and the problem."""

    where: str
    path: str
    why: str
    certain: bool
    """Whether it is surely wrong; otherwise its lookup is not loaded here, or it may be no path."""


def astray(assessor: Assessor, lookups: Mapping[str, type[Record] | None]) -> Iterator[Astray]:
    """Yield the wrong paths in the source of an assessor: in its module and the others of its package.

    Paths built at run time are found by `appealbus.core.testing.check_assessor` instead.
    """
    for path in assessor.reads or ():
        if why := _why(path, lookups, named=True):
            yield Astray("reads", path, *why)
    for name in _modules(type(assessor).__module__):
        try:
            tree = ast.parse(inspect.getsource(sys.modules[name]))
        except (OSError, TypeError, SyntaxError, ValueError):
            yield Astray(name, "", "its source cannot be read, and nobody has looked at the paths in it", certain=False)
            continue
        file = inspect.getsourcefile(sys.modules[name])
        for line, path, named in _written(tree):
            if why := _why(path, lookups, named=named):
                yield Astray(f"{file}:{line}", path.replace("\0", "…"), *why)


def _modules(own: str) -> list[str]:
    """Return a module and the others of its package; in a namespace package only the module itself."""
    package = own if hasattr(sys.modules[own], "__path__") else own.rpartition(".")[0]
    if getattr(sys.modules.get(package), "__file__", None) is None:
        return [own]
    return sorted(name for name in sys.modules if f"{name}.".startswith(f"{package}."))


def _written(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Yield line and text of possible paths, and whether they belong to a signal's `fields`."""
    nodes = list(ast.walk(tree))
    given = [(node.arg == "fields", node.value) for node in nodes if isinstance(node, ast.keyword)]
    named = {id(inner) for is_fields, value in given if is_fields for inner in ast.walk(value)}
    parts = {id(inner) for node in nodes if isinstance(node, ast.JoinedStr) for inner in node.values}
    skipped = parts | {id(value) for is_fields, value in given if not is_fields}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value, id(node) in named
        elif isinstance(node, ast.JoinedStr):
            pieces = (str(one.value) if isinstance(one, ast.Constant) else "\0" for one in node.values)
            yield node.lineno, "".join(pieces).replace("[\0]", "[]"), id(node) in named


def _why(text: str, lookups: Mapping[str, type[Record] | None], *, named: bool) -> tuple[str, bool] | None:
    """Return the problem of a path, and whether it is certain; None if it is right, or no path."""
    if _OF_PART.fullmatch(text):
        return None if is_of_the_dossier(path_of(text)) else ("the dossier has no such field", named)
    if behind := _BEHIND.fullmatch(text):
        _, steps = path_of(f"-/{behind[1]}")
        models = [Appeal, *lookups.values()]
        right = any(model is None or leads(model, steps) for model in models)
        return None if right or not named else ("neither the appeal nor a record has such a field", True)
    if not _OF_LOOKUP.fullmatch(text):
        return None
    head, steps = path_of(text)
    if head not in lookups:
        return "no such lookup is loaded", False
    model = lookups[head]
    return None if model is None or leads(model, steps) else ("its record has no such field", True)
