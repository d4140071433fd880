"""Pages: an application of a plugin in the server of the API, and what it is handed to show appeals safely."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from appealbus.core.domain.listing import AppealRow, VersionRow
from appealbus.core.domain.source_state import SourceState
from appealbus.core.errors import AppealBusError

Message = MutableMapping[str, Any]
Asgi = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
"""An application by the ASGI specification, version 3."""

_PATH = re.compile(r"/[a-z][a-z0-9_-]{0,39}", re.ASCII)
_TAKEN = re.compile(r"/(v[0-9]+|docs|problems|healthz|metrics|openapi|asyncapi)", re.ASCII)
"""What the API has itself, or keeps for later versions."""


class PageRefused(AppealBusError):
    """A request is not answered: nobody asks who counts, the role does not allow it, there is no such appeal …

    The `PagesContext` raises it. Let it pass, and the server answers as the API does, with a problem (RFC 9457).

    Attributes:
        status: of the answer by HTTP: 401, 403, 404, 422, 429 or 503.
        code: the type of the problem, as docs/api.md lists them: `unauthenticated`, `not-allowed`, `unknown` …
        headers: that the answer has besides.

    """

    def __init__(self, status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status: Final = status
        self.code: Final = code
        self.headers: Final = dict(headers or {})


@dataclass(frozen=True, slots=True)
class AppealsPage:
    """A page of a list of appeals, in the order of their arrival.

    Attributes:
        rows: what the viewer sees of each; a page may come short where more follow.
        next: give it as `after` for the page behind this one; empty: this is the last one.

    """

    rows: Sequence[AppealRow]
    next: str


@dataclass(frozen=True, slots=True)
class ReceiverStanding:
    """How a receiver of dossiers stands.

    Attributes:
        name: of its table in the configuration, now or before.
        configured: whether the table is still there.
        waiting: versions on their way to it.
        waits_since: when the oldest of these was made.
        refused: versions that it will not take.
        confirmed_at: when it last confirmed one.

    """

    name: str
    configured: bool
    waiting: int
    waits_since: datetime | None
    refused: int
    confirmed_at: datetime | None


class PageViewer(Protocol):
    """Who asks, and all that it may see. Use it for its own request; it counts no longer than its credentials.

    Each method raises PageRefused if the role does not allow it or there is no such appeal for this viewer, and
    JournalError if the journal does not answer. Either may pass: the server answers. What a look shows is masked by the
    policy, and the look is in the log, before the method returns.
    """

    @property
    def name(self) -> str:
        """Name of the client or the person."""

    @property
    def role(self) -> str:
        """Its role, such as `reviewer`."""

    async def appeals(self, after: str = "", limit: int = 50) -> AppealsPage:
        """Return a page of 1 to 100 appeals, the oldest first. Their `appeal_id` is 0: clients know the `public_id`."""

    async def appeal(self, public_id: str) -> AppealRow:
        """Return how an appeal stands, as in the list."""

    async def dossier(self, public_id: str, version: int | None = None, purpose: str = "") -> bytes:
        """Return a version of a dossier as JSON, the newest by default.

        Args:
            public_id: of the appeal.
            version: its number.
            purpose: what for, in the viewer's own words; empty: what the header `Appealbus-Purpose` says.

        """

    async def versions(self, public_id: str) -> Sequence[VersionRow]:
        """Return the versions that look different to the viewer, the oldest first."""

    async def sources(self) -> Sequence[SourceState]:
        """Return how the sources stand, as the workers see them."""

    async def receivers(self) -> Sequence[ReceiverStanding]:
        """Return how the receivers of dossiers stand, by name."""

    async def findings(self) -> Sequence[Mapping[str, str]]:
        """Return what `appealbus health` finds, the worst first: `severity`, `about`, `detail` and `todo` of each."""


class PagesContext(Protocol):
    """What an application is made with. Nobody asks anything before it is made."""

    async def viewer(self, scope: Mapping[str, Any]) -> PageViewer:
        """Say who asks: the client of a token or a certificate, or the person who is signed in to the console.

        A person counts where the request only reads (GET, HEAD) and shows no credentials of its own. The request counts
        towards the limits of the API.

        Args:
            scope: of the request, as the application was given it.

        Raises:
            PageRefused: nobody who counts, or one too many requests.
            JournalError: nobody can say.

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
