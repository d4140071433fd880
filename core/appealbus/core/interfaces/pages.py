"""Pages: an application of a plugin in the server of the API, and what it is handed to show appeals safely."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow, VersionRow
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import AppealBusError

_Message = MutableMapping[str, Any]
Asgi = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]
"""An application by the ASGI specification, version 3."""

_PATH = re.compile(r"/[a-z][a-z0-9_-]{0,39}", re.ASCII)
_TAKEN = re.compile(r"/(v[0-9]+|docs|problems|healthz|metrics|openapi|asyncapi)", re.ASCII)
"""What the API has itself, or keeps for later versions."""


class PageRefused(AppealBusError):
    """A request that is not answered; let it pass, and the server answers as the API does, with a problem (RFC 9457).

    Attributes:
        status: of the answer by HTTP: 400, 401, 403, 404, 409, 410, 429 or 503.
        code: the type of the problem in docs/api.md: `unauthenticated`, `not-allowed`, `unknown` …
        headers: that the answer has besides.
    """

    def __init__(self, status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status: Final = status
        self.code: Final = code
        self.headers: Final = dict(headers or {})


@dataclass(frozen=True, slots=True)
class AppealsPage:
    """A page of a list of appeals, in the order of their arrival."""

    rows: Sequence[AppealRow]
    """What the viewer sees of each. A page may come short where more follow."""
    next: str
    """`after` of the next page; empty: there is none."""


@dataclass(frozen=True, slots=True)
class ReceiverStanding:
    """How a receiver of dossiers stands."""

    name: str
    configured: bool
    """Whether the configuration still has it."""
    waiting: int
    """Versions on their way to it."""
    waits_since: datetime | None
    """When the oldest of these was made."""
    refused: int
    """Versions that it will not take."""
    confirmed_at: datetime | None
    """When it last confirmed one."""


@dataclass(frozen=True, slots=True)
class AppealLog:
    """A page of what happened to an appeal, oldest first."""

    entries: Sequence[LogEntry]
    """Without `appeal_id` and `number`: all are about this appeal."""
    next: int | None
    """`after` of the next page; None: there is none."""


@dataclass(frozen=True, slots=True)
class OperationStanding:
    """A bulk operation that is not finished."""

    operation: str
    """Its word, such as `retry`."""
    at: datetime
    by: str
    total: int
    seen: int
    """Rows that are dealt with."""
    stopped_by: str
    """Empty: nobody has stopped it."""


class PageViewer(Protocol):
    """Who asks, what it may see, and what it may do: for its own request, as long as its credentials count.

    Each method raises PageRefused if the role does not allow it or this viewer has no such appeal, and JournalError if
    the journal does not answer: let both pass. What is returned is masked by the policy, and looks are in the log.
    """

    @property
    def name(self) -> str:
        """Name of the client or the person."""

    @property
    def role(self) -> str:
        """Its role, such as `reviewer`."""

    async def appeals(self, after: str = "", limit: int = 50) -> AppealsPage:
        """Return a page of 1 to 100 appeals. Their `appeal_id` is 0: outside they are known by `public_id`."""

    async def dossier(self, public_id: str, version: int | None = None, purpose: str = "") -> bytes:
        """Return a version of a dossier as JSON, the newest by default.

        `purpose` says what for, in the viewer's words; empty: the header `Appealbus-Purpose` does.
        """

    async def versions(self, public_id: str) -> Sequence[VersionRow]:
        """Return the versions that look different to the viewer, the oldest first."""

    async def appeal(self, public_id: str) -> AppealRow:
        """Return how an appeal stands. Its `appeal_id` is 0."""

    async def history(self, public_id: str, after: int = 0, limit: int = 100) -> AppealLog:
        """Return a page of 1 to 500 entries of an appeal's log."""

    async def hold(self, public_id: str, reason: str) -> None:
        """Stop work on an appeal until its release.

        This and the acts below need the role `ops` and credentials of a client: the session of a person only reads,
        and so does a request that a browser sends for another site (`Sec-Fetch-Site`).
        `reason` has 1 to 500 characters. It is in the log, in the viewer's name. PageRefused `conflict` (409) if the
        appeal stands otherwise: it is held, is not held, or a worker has it right now.
        """

    async def release(self, public_id: str, reason: str) -> None:
        """Let work on a held appeal go on."""

    async def retry(self, public_id: str, reason: str) -> int:
        """Ask the open questions of an appeal again, also those given up; return how many."""

    async def operations(self) -> Sequence[OperationStanding]:
        """Return the bulk operations that are not finished, the oldest first."""

    async def sources(self) -> Sequence[SourceState]:
        """Return how the sources stand, as the workers see them; while none is alive, as they stood at last (`at`)."""

    async def receivers(self) -> Sequence[ReceiverStanding]:
        """Return how the receivers of dossiers stand, by name."""

    async def findings(self) -> Sequence[Mapping[str, str]]:
        """Return what `appealbus health` finds, the worst first: `severity`, `about`, `detail` and `todo` of each."""


class PagesContext(Protocol):
    """What an application is made with. Nobody asks anything before it is made."""

    async def viewer(self, scope: Mapping[str, Any]) -> PageViewer:
        """Say who asks by the scope of a request: a client, or a person who is signed in to the console.

        A person counts where the request only reads (GET, HEAD) and shows no credentials of a client. The request
        counts towards the limits of the API. Raises PageRefused for nobody who counts, or one request too many, and
        JournalError if nobody can say.
        """


class Pages:
    """An application that the server of the API has under a path, such as `/fleet`."""

    def __init__(self, path: str, make: Callable[[PagesContext], Asgi]) -> None:
        """Bind a path to an application.

        Args:
            path: one step of small letters, digits, `-` and `_`; the application sees it as `root_path`.
            make: makes the application, once for each server, within a minute, in a thread and without side effects,
                since `appealbus check` tries it. Raises ConfigError where the settings cannot hold together.

        Raises:
            TypeError: `make` cannot be called.
            ValueError: the path is none, or the API has it itself.
        """
        if not (isinstance(path, str) and _PATH.fullmatch(path)):
            raise ValueError(f'Pages({path!r}, …): write a path of one step in small letters, such as "/fleet"')
        if _TAKEN.fullmatch(path):
            raise ValueError(f"Pages({path!r}, …): the API has this path itself; choose another one")
        if not callable(make):
            raise TypeError(f"Pages({path!r}, make): make must be a function of a PagesContext")
        self.name: Final = path[1:]
        self.path: Final = path
        self.make: Final = make
