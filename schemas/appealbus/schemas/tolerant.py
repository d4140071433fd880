"""Reading tolerantly what another release of the bus has stored: nothing that it knows more is lost or an error.

A field that a model does not know stays with the value, a word that a list does not know is a word all the same, and
what cannot be read at all is set aside where it stands. For stored forms alone: what comes from outside is read
strictly.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from appealbus.schemas.base import reading_stored

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_PASSES = 8
"""How often a document is read: what is set aside may make what holds it unreadable, and so on. None is deeper."""
_GONE = object()
Aside: TypeAlias = dict[int, tuple[Any, dict[str, Any]]]
"""By the identity of a map in a document the map itself, or its identity might become another's, and what it had."""


def tolerant(validate: Callable[..., T], document: Any, *, set_aside: bool = True) -> T:
    """Return the value in a document; what this program does not know of it stays with the value.

    Args:
        validate: the strict reading: `Model.model_validate` or that of a TypeAdapter.
        document: as read from JSON. It is changed where something is set aside.
        set_aside: whether to set aside what cannot be read at all; else that is an error.

    Raises:
        ValidationError: it cannot be read.
    """
    aside: Aside = {}
    for _ in range(_PASSES):
        try:
            with reading_stored():
                model = validate(document, extra="allow")
        except ValidationError as error:
            if not set_aside or not _set_aside(document, error, aside):
                raise
            last = error
        else:
            if aside:
                _keep(model, document, aside)
            _settle(model)
            return model
    raise last


def corrected(model: M, values: Mapping[str, Any]) -> M:
    """Return a model with other values; what was set aside of these fields is out of date."""
    after = model.model_copy(update=values)
    if after.__pydantic_extra__ is not None:
        rest = {name: value for name, value in after.__pydantic_extra__.items() if name not in values}
        object.__setattr__(after, "__pydantic_extra__", rest)
    return after


def knows_more(value: Any) -> bool:
    """Whether a value was read tolerantly: then it holds what this program does not know, or a word of it."""
    if isinstance(value, list | tuple):
        return any(map(knows_more, value))
    return getattr(value, "__pydantic_extra__", None) is not None


def whole(value: Any, dumped: Any) -> Any:
    """Return a value's JSON with all that stays with it beside what its model knows."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name in dumped:
                dumped[name] = whole(getattr(value, name), dumped[name])
        dumped.update(value.__pydantic_extra__ or {})
    elif isinstance(value, list | tuple):
        dumped = [whole(*pair) for pair in zip(value, dumped, strict=True)]
    return dumped


def _set_aside(document: Any, error: ValidationError, aside: Aside) -> bool:
    """Take out of a document what could not be read, into `aside`; return whether anything was."""
    done = False
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place(document, problem["loc"], missing=problem["type"] == "missing")
        if place is None:
            continue
        holder, name, below = place
        kept = aside.setdefault(id(holder), (holder, {}))[1]
        if name not in kept:
            kept[name] = _as_it_was(holder[name], aside)
        if below is None:
            del holder[name]
        else:
            holder[name][below] = _GONE
        done = True
    for holder, fields in aside.values():
        for name in fields.keys() & holder.keys():
            holder[name] = [item for item in holder[name] if item is not _GONE]
    return done


def _as_it_was(part: Any, aside: Aside) -> Any:
    """Return a part of a document with what was set aside within it before."""
    if isinstance(part, list):
        return [_as_it_was(item, aside) for item in part]
    if not isinstance(part, dict):
        return part
    _, fields = aside.get(id(part), (None, {}))
    return {name: _as_it_was(item, aside) for name, item in part.items() if name not in fields} | fields


def _place(
    document: Any, loc: tuple[int | str, ...], *, missing: bool
) -> tuple[dict[str, Any], str, int | None] | None:
    """Return what holds the place of an error: the map and its member; and of a list in that its item."""
    steps = list(_steps(document, loc[:-1] if missing else loc))
    # Of a list within a list the outer one is set aside whole.
    for at in range(len(steps) - 1, -1, -1):
        holder, name = steps[at]
        if isinstance(holder, dict):
            item = steps[at + 1][1] if at + 2 == len(steps) else None
            if item is not None and holder[name][item] is _GONE:
                return None
            return holder, name, item
    return None


def _steps(document: Any, loc: tuple[int | str, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield map and member, list and index, on the way to a place; a place also names the choices of a union."""
    for step in loc:
        if (isinstance(document, dict) and step in document) or (
            isinstance(document, list) and isinstance(step, int) and step < len(document)
        ):
            yield document, step
            document = document[step]  # type: ignore[index]


def _keep(value: Any, document: Any, aside: Aside) -> None:
    """Leave with each model what was set aside of it."""
    if isinstance(value, BaseModel) and isinstance(document, dict):
        if id(document) in aside:
            extra = {**(value.__pydantic_extra__ or {}), **aside[id(document)][1]}
            object.__setattr__(value, "__pydantic_extra__", extra)
        for name in type(value).model_fields.keys() & document.keys():
            _keep(getattr(value, name), document[name], aside)
    elif isinstance(value, list | tuple) and isinstance(document, list):
        for item, raw in zip(value, document, strict=True):
            _keep(item, raw, aside)


def _settle(value: Any, *, root: bool = True) -> None:
    """Have models within that know nothing more be as those that are read strictly; the root says that it was not."""
    if isinstance(value, BaseModel):
        if not root and not value.__pydantic_extra__ and value.model_config.get("extra") != "allow":
            object.__setattr__(value, "__pydantic_extra__", None)
        for name in type(value).model_fields:
            _settle(getattr(value, name), root=False)
    elif isinstance(value, list | tuple):
        for item in value:
            _settle(item, root=False)
