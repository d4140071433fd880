"""Services: long-running parts that live as long as the bus, and what they are handed of it."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Protocol, TypeVar

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import Case
from appealbus.core.domain.counts import Check, Counts, DueSoon, Figures, Warned, WeekCounts, WeekPart
from appealbus.core.domain.event import Cursor, LogPage
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.domain.source_state import SourceState
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState

T = TypeVar("T")


class JournalView(Protocol):
    """What a service can read of the journal. Reading never holds up who writes.

    Lists are paged: pass the last id that you got as `after`. Every method raises JournalError where the journal does
    not answer.
    """

    async def ask(self, question: Callable[..., T], *args: Any) -> T:
        """Return what a function of SQLAlchemy's connection and these arguments reads, such as rows of a `JournalPart`.

        It runs in a thread, and sees the journal at one moment.
        """

    async def appeals(self, after: int = 0, limit: int = 100, *, state: AppealState | None = None) -> list[AppealRow]:
        """Return a page of appeals, oldest first; of one state if it is given."""

    async def appeal(self, number: str) -> AppealRow | None:
        """Return how the appeal with this number stands, as in a list."""

    async def case(self, number: str) -> Case | None:
        """Return an appeal with all that is known of it."""

    async def versions(self, number: str) -> list[VersionRow]:
        """Return the versions of a dossier, oldest first."""

    async def dossier(self, number: str, version: int | None = None) -> bytes | None:
        """Return a version of a dossier as JSON, the newest by default; None if there is none."""

    async def access_rows(self, number: str | None = None, after: int = 0, limit: int = 100) -> list[AccessRow]:
        """Return a page of the access log, oldest first; of one appeal if a number is given."""

    async def counts(self) -> Counts:
        """Return how much the journal holds. Costs what is unfinished, not what has ever been."""

    async def log(self, after: Cursor | None = None, limit: int = 100) -> LogPage:
        """Return a page of the log behind a cursor, or from the beginning of what is kept; go on from its `next`.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.
        """

    async def warned(self) -> list[Warned]:
        """Count the newest appeals by channel and by the codes of their warnings."""

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals behind an id by week, category and place, at most so many; go on from its `upto`."""

    async def appeals_of_week(self, part: WeekPart, limit: int = 100) -> list[AppealRow]:
        """Return the newest appeals of a part of a week."""

    async def next_due(self) -> datetime | None:
        """Return when the next parked appeal is due; None if none is parked."""

    async def probe(self) -> None:
        """Write something that leaves nothing behind, and return once it would be on disk."""


class RunningBus(Protocol):
    """What a service is handed of the bus that it runs in."""

    @property
    def journal(self) -> JournalView:
        """What all workers share."""

    @property
    def journal_id(self) -> str:
        """What tells this journal from others; a copy has that of its original."""

    @property
    def worker_number(self) -> int:
        """Which of several workers this process is, from 0 on; 0 where there is one alone."""

    @property
    def draining(self) -> bool:
        """Whether the bus was told to stop: it takes nothing more."""

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        """Take one message. Returns when the result is on disk; waits while the bus is full.

        Raises:
            JournalError: if nothing could be written; the sender keeps the message.
        """

    def sources(self) -> list[SourceState]:
        """Say how each source stands, as this process sees it."""

    def links(self) -> list[LinkState]:
        """Say how all connections that stay open stand; one that several parts share is told once."""

    def figures(self) -> Figures:
        """Return the counts of this process. Counting costs the bus nothing until somebody asks."""

    def quarantine_fullness(self, counts: Counts) -> dict[str, float]:
        """Return how near each channel's quarantine is to its bounds; at 1.0 the oldest messages are dropped."""

    def waiting_fullness(self, counts: Counts) -> dict[str, float]:
        """Return how many of the changes that may wait each channel has; from 1.0 on more go into quarantine."""

    def works_on(self, day: date) -> tuple[bool, str] | None:
        """Return whether people work on a day, and the name of the terms whose calendar says so; None: none knows."""

    def shared(self, plugin: str) -> Any:
        """Return what the `register_shared` of another plugin returned; None: it is not there, or shares nothing."""

    async def due_soon(self) -> DueSoon:
        """Return what falls due within `bus.due_within_days`, or did within a month, and lacks facts, by body.

        Raises:
            JournalError: the journal does not answer.
        """

    async def checks(self, probe: Callable[[], Awaitable[None]]) -> list[Check]:
        """Look whether the bus does what it is there for. Sources are left out: agencies come and go.

        Args:
            probe: `journal.probe`, or what shares one among many who ask; raises JournalError or TimeoutError.
        """


class Service(ABC):
    """An API, a console, a metrics endpoint."""

    name: ClassVar[str]
    through_drain: ClassVar[bool] = False
    """Whether it goes on while the bus drains, to the very end. It must take nothing in then."""

    def links(self) -> Sequence[LinkState]:
        """Say how the connections that it keeps open stand."""
        return ()

    @abstractmethod
    async def run(self, bus: RunningBus) -> None:
        """Serve until cancelled. One that raises is logged, and started again after five seconds."""
