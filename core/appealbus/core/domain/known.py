"""The journal's memory of plugins, to detect missing ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputPaths:
    union: bool
    """Whether all paths count, not only the first with a value."""
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownLookup:
    """A lookup as last provided by its plugin. Without a name: the plugin itself."""

    plugin: str
    lookup: str
    version: str
    inputs: tuple[InputPaths, ...] = ()
    formerly: tuple[str, ...] = ()
