"""What calls return beside plain JSON. None of it shows its content when it is printed or logged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appealbus.client.models import Happened, State, SurgeAlarm


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

    alarms: Sequence[SurgeAlarm] = field(repr=False)
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
