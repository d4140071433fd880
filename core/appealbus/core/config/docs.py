"""Documentation of settings, made of the models themselves.

A page marks where a model's table belongs; `python -m appealbus.core.config.docs PAGE` writes the tables anew:

    <!-- settings: appealbus.core.config.models:LogSettings -->
    <!-- end -->
"""

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appealbus.core.config.problems import models_at
from appealbus.core.config.types import Seconds, Secret
from appealbus.schemas.described import description_of

_MARKED = re.compile(r"(<!-- settings: ([\w.]+):(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DURATION = get_args(Seconds)[1]
_NAMES = {str: "text", bool: "true or false", int: "whole number", float: "number", Path: "path", Secret: "secret"}


def describe(model: type[BaseModel]) -> str:
    """Return a Markdown table of everything that a model lets one set, with the tables inside it."""
    rows = [f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in _rows(model, "")]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def refresh(page: str) -> str:
    """Return the page with all its tables as the models are now."""

    def table(match: re.Match[str]) -> str:
        return match[1] + describe(getattr(importlib.import_module(match[2]), match[3])) + match[4]

    return _MARKED.sub(table, page)


def _rows(
    model: type[BaseModel], prefix: str, keys: dict[type[BaseModel], str] | None = None
) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, type, default and meaning. A table that is told already is told by its name the second time."""
    keys = {} if keys is None else keys
    for name, field in model.model_fields.items():
        key = prefix + name
        meaning = _meaning(model, name)
        inner, step = _inner(field.annotation)
        if inner in keys:
            meaning = f"{meaning} The same keys as in `{keys[inner]}`.".strip()
        default = "" if inner and not step and field.default is not None else _default(field)
        yield key, _type(field.annotation, field.metadata), default, meaning
        if inner and inner not in keys:
            keys[inner] = key
            yield from _rows(inner, f"{key}{step}.", keys)


def _meaning(model: type[BaseModel], name: str) -> str:
    """Return a field's docstring; one that only has another default than in its base keeps what is said there."""
    text = description_of(model, name) or ""
    return " ".join(text.split()).replace("|", "\\|")


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """Return the model inside a field, and how its keys are reached from the field's own."""
    if models := models_at(annotation, ()):
        return models[0], ""
    for step, shown in (("NAME", ".NAME"), (0, "[]")):
        if (models := models_at(annotation, (step,))) and get_origin(annotation) is (dict if step else list):
            return models[0], shown
    return None, ""


def _type(annotation: Any, metadata: list[Any]) -> str:  # noqa: PLR0911 - one for each kind of type
    if _DURATION in metadata:
        return "duration"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(args[0], list(args[1:]))
    if origin in {Union, UnionType}:
        return " or ".join(_type(arg, metadata) for arg in args if arg is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{arg.value if isinstance(arg, Enum) else arg}`" for arg in args)
    if origin is dict:
        return f"table: name = {_type(args[1], [])}"
    if origin is not None:
        return f"list of {_type(args[0], [])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return _NAMES.get(annotation, "anything")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if _DURATION in field.metadata and isinstance(value, (int, float)):
        return f'`"{_duration(value)}"`'
    return "none" if value is None else f"`{_toml(value)}`"


def shown(value: Any, metadata: Sequence[Any] = ()) -> str:
    """Return a value as a file has it; `metadata` is that of its field."""
    if _DURATION in metadata and isinstance(value, (int, float)):
        return f'"{_duration(value)}"'
    return _toml(value)


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds else "0s"


def _toml(value: Any) -> str:
    match value:
        case Enum():
            return _toml(value.value)
        case bool():
            return str(value).lower()
        case list() | tuple() | set() | frozenset():
            values = sorted(value) if isinstance(value, (set, frozenset)) else value
            return f"[{', '.join(map(_toml, values))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}" if value else "{}"
        case int() | float():
            return f"{value:_}" if isinstance(value, int) and value >= 10_000 else f"{value:g}"
        case _:
            return f'"{value}"'


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(refresh(page.read_text(encoding="utf-8")), encoding="utf-8")
