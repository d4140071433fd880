"""What a journal knows of the plugins that have worked it, so that one that is gone is missed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputPaths:
    """Where one input of a lookup comes from."""

    union: bool
    """Whether from all the paths, and not from the first that has a value."""
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownLookup:
    """A lookup that could be asked once, as its plugin brought it last. Without a name: the plugin itself."""

    plugin: str
    lookup: str
    version: str
    inputs: tuple[InputPaths, ...] = ()
    formerly: tuple[str, ...] = ()
    """Names that it had before."""
