"""Paths into an appeal or a record.

`applicant.iin`, `parcels[*].cadastral_number`, `egkn.parcel/rights[*].holder.bin`.
"""

import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from appealbus.core.errors import AppealBusError
from appealbus.schemas.appeal import Mention, Span
from appealbus.schemas.suggestion import did_you_mean

_STEP = re.compile(r"([a-z_][a-z0-9_]*)(\[\*\])?")
_INDEX = re.compile(r"\[\d+\]")
_LOOKUP = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class PathError(AppealBusError, ValueError):
    """An invalid path."""


@dataclass(frozen=True, slots=True)
class Step:
    """One field of a path; `each` iterates over a list."""

    name: str
    each: bool


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `lookup` is None for a path into the appeal."""

    text: str
    lookup: str | None
    steps: tuple[Step, ...]
    fans_out: bool
    """Whether the path can have several values."""
    lists: tuple[str, ...] = ()
    """Lists on the path, outermost first: `egkn.parcel/rights[*]`."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value at the end of a path. `span` is its position in the appeal's text; `at` has the element of each list."""

    value: Any
    path: Path
    span: Span | None = None
    at: tuple[int, ...] = ()


def parse_path(text: str) -> Path:
    """Parse a path; PathError for a syntax error."""
    head, slash, rest = text.partition("/")
    lookup = head if slash else None
    if lookup is not None and not _LOOKUP.fullmatch(lookup):
        raise PathError(f"{text!r}: {lookup!r} is not the name of a lookup such as 'gbdfl.person'")
    steps = []
    for part in (rest if slash else head).split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise PathError(f"{text!r}: {part!r} is not a field name, or a field name and [*]")
        steps.append(Step(match[1], bool(match[2])))
    ends = [match.end() for match in re.finditer(r"\[\*\]", text)]
    return Path(text, lookup, tuple(steps), bool(ends), tuple(text[:end] for end in ends))


def check_path(path: Path, root: type[BaseModel]) -> None:
    """Check that the path leads to a field of the model; PathError names the wrong step and the nearest field."""
    models: list[type[BaseModel]] = [root]
    for step in path.steps:
        annotations = [m.model_fields[step.name].annotation for m in models if step.name in m.model_fields]
        if not annotations:
            names = {name for model in models for name in model.model_fields}
            hint = did_you_mean(step.name, names)
            where = " or ".join(model.__name__ for model in models) or "the value before it"
            raise PathError(f"{path.text!r}: {where} has no field {step.name!r}; {hint}")
        models = []
        for annotation in annotations:
            is_list, inner = _inside(annotation)
            if is_list != step.each:
                hint = f"write '{step.name}[*]'" if is_list else f"it is no list: write '{step.name}'"
                raise PathError(f"{path.text!r}: {hint}")
            models.extend(inner)


def _inside(annotation: Any) -> tuple[bool, list[type[BaseModel]]]:
    """Return whether the annotation is a list, and its models."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _inside(get_args(annotation)[0])
    if origin is list:
        return True, _inside(get_args(annotation)[0])[1]
    if origin in (Union, types.UnionType):
        parts = [_inside(argument) for argument in get_args(annotation)]
        return any(part[0] for part in parts), [model for part in parts for model in part[1]]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return False, [annotation]
    return False, []


def of_each(path: str) -> str:
    """Generalize indexes: `rights[0].holder` becomes `rights[*].holder`."""
    return _INDEX.sub("[*]", path)


def within(field: str, other: str) -> bool:
    """Whether `field` equals `other` or is a part of it: `rights[*].holder` is within `rights`."""
    return field == other or field.startswith((f"{other}.", f"{other}[", f"{other}/"))


def touch(field: str, other: str) -> bool:
    return within(field, other) or within(other, field)


def values(path: Path, root: BaseModel) -> Iterator[Value]:
    """Yield the values at a path; nothing for absent or empty fields."""
    return _walked(path, path.steps, root, ())


def _walked(path: Path, steps: Sequence[Step], node: Any, at: tuple[int, ...]) -> Iterator[Value]:
    inside = None
    for depth, step in enumerate(steps, 1):
        # Of a record whose model is not loaded only the first level has attributes.
        inside, node = node, node.get(step.name) if isinstance(node, dict) else getattr(node, step.name, None)
        if node is None or node == "":
            return
        if step.each and not isinstance(node, list | tuple):
            return  # as its model had it before
        if step.each:
            for place, item in enumerate(node):
                if item is None or item == "":
                    continue
                if depth < len(steps):
                    yield from _walked(path, steps[depth:], item, (*at, place))
                else:
                    yield Value(item, path, None, (*at, place))
            return
    yield Value(node, path, inside.span if isinstance(inside, Mention) else None, at)
