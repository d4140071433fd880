"""Requests and answers as values: what a transport has to carry, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Send:
    """A request that is to be sent once."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    within: float
    """Seconds until the whole answer is there."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause before the next step."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """What the body is, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer came; `what` says why in a word: `ConnectError`, `ReadTimeout`."""

    what: str
