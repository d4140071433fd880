"""What the API gives. None of it shows its content when it is printed or logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict


class State(TypedDict):
    """How an appeal stands, without what it says."""

    id: str
    number: NotRequired[str]
    version: NotRequired[int | None]
    completeness: NotRequired[str | None]


class Version(TypedDict):
    """One visible version of a dossier, without its content. Numbers may skip: the client saw no change in between."""

    version: int
    epoch: NotRequired[int]
    completeness: NotRequired[str]
    created_at: NotRequired[str]


class Operation(TypedDict):
    """One step of a JSON Patch (RFC 6902)."""

    op: str
    path: str
    value: NotRequired[Any]
    # `from`, of a copy or a move, is no name that Python knows: it is there all the same.


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a message: it is on disk.

    Attributes:
        new: False where it came before.
        id: of the appeal; None where this client may not see it, or a change's appeal is not known yet.
        receipt: as the server wrote it: `number`, `accepted_at`, `message_id`, `channel` …

    """

    new: bool
    id: str | None
    receipt: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found.

    Attributes:
        appeals: how each stands.
        next: what to give as `after` for the next page; None on the last.

    """

    appeals: Sequence[State] = field(repr=False)
    next: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A version of a dossier as this client may see it.

    Attributes:
        version: its number.
        etag: the same as long as the client sees the same.
        document: as the contract has it; what is hidden is absent, and `hidden` says by which rules.

    """

    version: int
    etag: str
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A new version of a dossier."""

    position: int
    id: str
    version: int
    epoch: int
    completeness: str
    kind: str
    at: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the feed.

    Attributes:
        entries: in the order of their positions; none where nothing came in time.
        next: the cursor to go on from: keep it together with what was done with the page.
        position: of that cursor.
        lag: how much follows it.

    """

    entries: Sequence[FeedEntry]
    next: str
    position: int
    lag: int
