"""Declarations of readings, and their places in plugins."""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pydantic import BaseModel

from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings.paths import DeclarationError, ReplyPath, parse_reply_path

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


class InnerSchema(Protocol):
    """Validator of XML inside text."""

    def check(self, message: Any, notes: Notes | None = None) -> None:
        """Validate as strictly as the notes say; raises CallFailed."""


class _Paths:
    def __init__(self, *paths: str) -> None:
        if not paths:
            raise DeclarationError(f"{type(self).__name__} needs a path such as 'LeftSide/Side[*]'")
        self.paths: tuple[ReplyPath, ...] = tuple(map(parse_reply_path, paths))
        self.origin = caller()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(path.text) for path in self.paths)})"


class At(_Paths):
    """A field's value stands at the first of the paths that has one; of a list, at all of them, in their order.

    Args:
        paths: `a/b` leads through elements by their local names, at each step to the first; `[*]` to all that match;
            `[1]` says that the first is meant where there may be more; `@name` leads to an attribute; `*` to what no
            other field takes; `.` to the element itself; `xml()` into XML that is the text of an element.
        of: how to read a nested model. Left out, the model's own declarations count.
        word: what the value is, for the code of a failure: `reply.bad_<word>`. Left out, it follows from the type.
    """

    def __init__(self, *paths: str, of: "ReadingSpec | None" = None, word: str = "") -> None:
        super().__init__(*paths)
        self.of = of
        self.word = word


class By(_Paths):
    """A field's value is what a function makes of texts: the one way out, and its paths can still be checked.

    The function gets one argument for each path: the text there, or None; for a path with `[*]` the list of texts,
    without gaps: what belongs together in each of several elements needs a nested model. It is not called where there
    is none at all. It returns the value, or None for absent, and raises ValueError for what it cannot read. It must be
    pure: no clock, no network, no state.
    """

    def __init__(self, function: Callable[..., Any], *paths: str, word: str = "value") -> None:
        super().__init__(*paths)
        self.function = function
        self.word = word


class Present(_Paths):
    """A field is true where there is an element, such as an empty flag, that does not say `false` or `0`.

    Else it is false, or its own default.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Tree(_Paths):
    """A field holds an element of open content as it is: names to texts, tables and lists of both."""

    def __init__(self, path: str) -> None:
        super().__init__(path)


class ReadingSpec:
    """The declarations of a reading.

    Attributes:
        model: result: a record or nested model.
        fields: declarations by field.
        codes: names of a coded value's code and two texts.
        zone: of times without a zone.
        comma: whether decimal commas are accepted.
        xml: validator of XML inside text.
        origin: place of the declaration.
    """

    model: type[BaseModel]
    fields: "dict[str, Declared]"
    codes: tuple[str, str, str]
    zone: tzinfo
    comma: bool
    xml: InnerSchema | None
    origin: Origin


Declaration: TypeAlias = At | By | Present | Tree
Declared: TypeAlias = str | Declaration | ReadingSpec | tuple[str | Declaration, ...]


def annotated(model: type[BaseModel]) -> dict[str, Declared]:
    by_name: dict[str, Declared] = {}
    for name, field in model.model_fields.items():
        declared = tuple(item for item in field.metadata if isinstance(item, Declaration))
        if declared:
            by_name[name] = declared if len(declared) > 1 else declared[0]
    return by_name
