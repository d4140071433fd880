"""What the API gives. None of it shows its content when it is printed or logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict


class State(TypedDict):
    """How an appeal stands. What is hidden from the client, or unknown, is absent; newer servers may tell more."""

    id: str
    accepted_at: str
    state: str
    version: int
    """Of the newest dossier that the client sees; 0: there is none yet."""
    number: NotRequired[str]
    channel: NotRequired[str]
    message_id: NotRequired[str]
    changed_at: NotRequired[str]
    asked_again_at: NotRequired[str]
    completeness: NotRequired[str]
    kind: NotRequired[str]
    place: NotRequired[str]
    body: NotRequired[str]
    due_on: NotRequired[str]
    counted_on: NotRequired[str | None]
    """Of one whose term moves: the day that is counted now."""
    closed: NotRequired[str]
    held_by: NotRequired[str]
    held_reason: NotRequired[str]
    waits_for: NotRequired[list[str]]
    lacks: NotRequired[list[str]]
    signal: NotRequired[str]


class Version(TypedDict):
    """One visible version of a dossier, without its content. Numbers may skip: the client saw no change in between."""

    version: int
    completeness: NotRequired[str]
    created_at: NotRequired[str]


class Why(TypedDict):
    """What the newest version lacks: each gap has one cause, and the time when it is asked again."""

    gaps: list[dict[str, Any]]
    number: NotRequired[str]
    version: NotRequired[int]
    completeness: NotRequired[str]
    held: NotRequired[dict[str, Any]]


class Explained(TypedDict):
    """A field with its trail: source, message, times, plugin, purpose, legal basis; of a gap its cause."""

    path: str
    value: str | int | float | bool | None
    trail: dict[str, str]


class CountedTerm(TypedDict):
    """What one of those who count terms has to show; `law` is the legal clock that ships."""

    name: str
    proof: dict[str, Any] | None


class Term(TypedDict):
    """Until when an appeal has to be answered, and why, as far as the client sees it."""

    number: NotRequired[str]
    due_on: NotRequired[str]
    terms: NotRequired[list[CountedTerm]]


class Compared(TypedDict):
    """What one of those who compare appeals has to show; None: it failed."""

    name: str
    comparison: dict[str, Any] | None


class Repeats(TypedDict):
    """Which other appeals are about the same, and what is new beside them."""

    number: NotRequired[str]
    compared: list[Compared]


class Happened(TypedDict):
    """Something that happened to an appeal."""

    at: str
    what: str
    actor: NotRequired[str]
    about: NotRequired[str]
    position: NotRequired[int | None]
    detail: NotRequired[dict[str, Any]]


class Reader(TypedDict):
    """Up to where a client has read the feed."""

    client: str
    cursor: str
    at: str
    lag: int


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
        receipt: as the server wrote it: `number`, `accepted_at`, `message_id`, `channel` …; where something is odd
            about the message, `warnings`, each with `field`, `code` and `message`.

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
class Alarms:
    """A page of alarms of surges, the newest first. A page may be short, or empty, while there is a `next`.

    Attributes:
        alarms: each with its `id`, its figures, and what people did about it.
        next: what to give as `before` for the next page; None on the last.

    """

    alarms: Sequence[dict[str, Any]] = field(repr=False)
    next: int | None


@dataclass(frozen=True, slots=True)
class History:
    """A page of what happened to an appeal, oldest first.

    Attributes:
        entries: as far as the client sees them.
        next: what to give as `after` for the next page; None on the last.

    """

    entries: Sequence[Happened] = field(repr=False)
    next: int | None


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
    """A new version of a dossier.

    Attributes:
        position: the cursor behind it.
        id: the appeal's.
        version: to be read by `dossier(id, version)`.
        epoch: of the version: of one appeal the greatest epoch counts, then the greatest version.
        completeness: `partial`, `complete` or `settled`; None where it is hidden.
        kind: the appeal's; None where it is hidden.
        at: when the version was made.

    """

    position: str
    id: str
    version: int
    epoch: int
    completeness: str | None
    kind: str | None
    at: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of the feed.

    Attributes:
        entries: in the order of their positions; none where nothing came in time.
        next: the cursor to go on from: keep it together with what was done with the page.
        position: the end of the feed when the page was read.
        lag: how many entries follow `next`, of interest or not; 0: this was all.

    """

    entries: Sequence[FeedEntry]
    next: str
    position: str
    lag: int
