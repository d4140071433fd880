"""All settings in force, with values and origins. Possible secrets have no value here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from appealbus.core.config.docs import shown
from appealbus.core.config.loading import Loaded
from appealbus.core.config.problems import ConfigPlace, dotted
from appealbus.core.config.types import Secret, Settings
from appealbus.core.errors import ConfigError
from appealbus.core.loading.extension_points import KINDS
from appealbus.core.loading.host import Host

__all__ = ["InForce", "in_force"]

_OURS = "appealbus."
_TELLING = re.compile(
    r"pass|secret|token|credential|private|cookie|salt|auth|header|(^|[_-])(pin|pw|pwd|key|apikey|login|user)", re.I
)
"""Names of settings whose texts and numbers are hidden from everybody."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting.

    Attributes:
        value: in the syntax of the file; None: hidden. For a secret, its location.
        place: file and line, or variable; None: default.
    """

    key: str
    value: str | None
    place: ConfigPlace | None


def in_force(loaded: Loaded, host: Host) -> list[InForce]:
    """Return all settings of the bus, its parts and its plugins, in the order of their tables.

    Texts of third-party plugins are hidden, as are settings that nobody reads.
    """
    lines = list(_of_model(loaded, loaded.settings, (), ours=True))
    read = set()
    for kind in KINDS:
        for path, factory in kind.configured(loaded.settings):
            made = host.brought(kind.plural).get(factory)
            lines += _of_part(loaded, None if made is None else made.settings, path)
            read.add(path)
    for plugin in host.plugins:
        path = ("plugins", plugin.name)
        settings = host.settings_of(plugin.name)
        if settings is not None and plugin.state == "active":
            lines += _of_model(loaded, settings, path, ours=_is_ours(settings))
            read.add(path)
    for name in loaded.settings.plugins:
        if ("plugins", name) not in read:
            lines += _unread(loaded, ("plugins", name))
    return lines


def _of_part(loaded: Loaded, model: type[Settings] | None, path: Sequence[str]) -> Iterator[InForce]:
    try:
        settings = None if model is None else loaded.validate(model, *path)
    except ConfigError:
        settings = None
    if settings is None:
        yield from _unread(loaded, path)
    else:
        yield from _of_model(loaded, settings, path, ours=_is_ours(settings))


def _unread(loaded: Loaded, path: Sequence[str]) -> Iterator[InForce]:
    table: Any = loaded.document
    for part in path:
        table = table.get(part, {}) if isinstance(table, dict) else {}
    for key in table if isinstance(table, dict) else ():
        if key not in ("connector", "kind", "guard", "keep_replies", "meaningless"):
            yield InForce(dotted((*path, key)), None, loaded.where((*path, key)))


def _is_ours(settings: BaseModel) -> bool:
    return type(settings).__module__.startswith(_OURS)


def _of_model(loaded: Loaded, model: BaseModel, path: Sequence[str], *, ours: bool) -> Iterator[InForce]:
    for name in type(model).model_fields:
        if path or name != "plugins":  # their tables are theirs, and are told with what they make of them
            metadata = type(model).model_fields[name].metadata
            yield from _of_value(loaded, getattr(model, name), (*path, name), ours, metadata)


def _of_value(
    loaded: Loaded, value: Any, path: Sequence[str], ours: bool, metadata: Sequence[Any] = ()
) -> Iterator[InForce]:
    if isinstance(value, BaseModel):
        yield from _of_model(loaded, value, path, ours=ours and _is_ours(value))
    elif isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _of_value(loaded, part, (*path, str(key)), ours)
    elif isinstance(value, (list, tuple)) and any(isinstance(part, (BaseModel, Mapping)) for part in value):
        for at, part in enumerate(value):
            yield from _of_value(loaded, part, (*path, str(at)), ours)
    else:
        hidden = any(_TELLING.search(part) for part in path)
        text = _told(value, ours=ours, hidden=hidden, metadata=metadata)
        yield InForce(dotted(path), text, _place(loaded, path))


def _told(value: Any, *, ours: bool, hidden: bool, metadata: Sequence[Any] = ()) -> str | None:
    """Format a value; of a secret only its location."""
    text: str | None = None
    match value:
        case None:
            text = "none"
        case Secret():
            text = shown(value.reference)
        case Path():
            text = shown(str(value))
        case bool() | Enum():
            text = shown(value)
        case int() | float() if not hidden:
            text = shown(value, metadata)
        case str() if ours and not hidden:
            text = shown(_plain(value))
        case list() | tuple() | set() | frozenset():
            items = [_told(one, ours=ours, hidden=hidden) for one in value]
            text = None if None in items else f"[{', '.join(str(one) for one in items)}]"
        case Mapping():  # an empty one: others are told key by key
            text = "{}"
    return text


def _plain(text: str) -> str:
    """Shorten a text and remove credentials from URLs."""
    if "-----BEGIN" in text:
        return "…"
    if "://" in text:
        try:
            parts = urlsplit(text)
            text = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{'?…' if parts.query else ''}"
        except ValueError:
            return "…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _place(loaded: Loaded, path: Sequence[str]) -> ConfigPlace | None:
    table: Any = loaded.document
    for part in path:
        if isinstance(table, list) and part.isdecimal() and int(part) < len(table):
            table = table[int(part)]
        elif isinstance(table, dict) and part in table:
            table = table[part]
        else:
            return None
    return loaded.where(path)
