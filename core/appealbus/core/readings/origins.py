"""Places of declarations in plugins."""

import ast
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_OURS = __name__.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Origin:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def of(self, text: str, field: str = "") -> "Origin":
        """Return the line of a text inside the call that begins here; with `field`, of that argument.

        A value passed in a variable has no line of its own: then the call's counts.
        """
        for call in _nodes(self.file):
            if isinstance(call, ast.Call) and call.lineno == self.line:
                named = [keyword.value for keyword in call.keywords if keyword.arg == field]
                for inside in (*named, call):
                    for node in ast.walk(inside):
                        if isinstance(node, ast.Constant) and node.value == text:
                            return Origin(self.file, node.lineno)
        return self


def caller() -> Origin:
    """Return the running line outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(_OURS):
        frame = frame.f_back
    return Origin(frame.f_code.co_filename, frame.f_lineno)


def class_line(kind: type) -> Origin:
    """Return a class's first line; if unknown, the file's."""
    file = str(getattr(sys.modules.get(kind.__module__), "__file__", "") or kind.__module__)
    for node in _nodes(file):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return Origin(file, node.lineno)
    return Origin(file, 1)


@lru_cache(maxsize=64)
def _nodes(file: str) -> tuple[ast.AST, ...]:
    try:
        return tuple(ast.walk(ast.parse(Path(file).read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return ()
