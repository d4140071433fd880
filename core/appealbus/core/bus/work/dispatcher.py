"""The dispatcher: starts new appeals at once, and claims waiting ones, most urgent first, as there is room.

First versions and returning appeals have shares of the places; either may use what the other leaves idle.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from appealbus.core.bus.intake.decoding import MAX_BYTES
from appealbus.core.bus.work.isolation import Turns
from appealbus.core.clocks import monotonic
from appealbus.core.domain.case import Case
from appealbus.core.errors import JournalError
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming, leases
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.setup import LogThrottle

log = structlog.get_logger(__name__)

MOST = 12 * 1024 * 1024
"""Bytes of appeals in flight, as stored in the journal. In memory an appeal with its dossier takes up to twelve
times as much, so a worker stays under 400 MB, plus unread messages of a queue's `prefetch`."""


class Budget:
    """Counts bytes in use. An appeal larger than the whole budget fits if nothing else is taken."""

    def __init__(self) -> None:
        self.most = MOST
        self._taken = 0

    @property
    def left(self) -> int:
        """Negative while an oversized appeal is held."""
        return self.most - self._taken

    @property
    def untouched(self) -> bool:
        return not self._taken

    def fits(self, size: int) -> bool:
        return size <= self.left or self.untouched

    def take(self, size: int) -> None:
        """Take bytes even if they are not free: an appeal that is already held must count."""
        self._taken += size

    def give(self, size: int) -> None:
        self._taken -= size


LEASE = 30.0
"""Seconds until others take over a dead worker's cases; a process whose event loop hangs as long ends itself. With
less, a pausing worker loses cases and others repeat questions; with more, a dead worker's appeals wait longer."""
_RENEW = 8.0
"""Seconds between renewals: three per lease, so that two may fail."""
_LATE = 0.2
"""Seconds for a case that lost its lease to end by itself, since it may just have been concluded."""
_CLAIM = 200
"""Most appeals per claim. With more, other writes wait longer; with less, an empty worker needs several claims."""
_POLL = 1.0
"""Seconds until the journal is polled without a hint, since other processes add work, too."""
_LACKS = 10.0
"""Seconds between searches for appeals that other workers left because they lack a lookup available here."""
_THOROUGH = 10.0
"""Seconds between full searches for returning appeals; one takes 0.1 s with 300,000 new ones."""
_SILENT = 3.0
"""Seconds of silence after which a stop no longer waits for cases: the database rolls back idle writes by then."""
_CALLED_OFF = 2.0
"""Seconds for cancelled cases to close their resources. Slower ones are left behind."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    due_at: datetime | None = None
    """When the case is worked again; None: not on its own."""
    ready: bool = False
    """Whether it can be worked at once, because something came for it during the run."""
    written: bool = True
    """Whether the end of the run is in the journal. If not, others may take the case once the journal works."""


class Dispatcher:
    """Holds the leased appeals in flight, at most `concurrency` and within the budget of bytes.

    Attributes:
        lost: returns lookups required by a contract but unavailable here; None: leave such appeals to others.
        lease: seconds until others may claim cases in work here, unless renewed.
    """

    def __init__(
        self,
        journal: Journal,
        work: Callable[[Case], Coroutine[Any, Any, RunEnd]],
        turns: Turns,
        *,
        owner: str,
        concurrency: int,
        first_share: float = 0.25,
    ) -> None:
        """Create a dispatcher without cases.

        `work` runs one case to its end and never raises. `first_share` is the fraction of places in which first
        versions have priority over returning appeals.
        """
        self.owner = owner
        self.lease = LEASE
        self._journal = journal
        self._work = work
        self._turns = turns
        turns.on_free = self._wake_for_suspects
        self._suspects: set[int] = set()
        self._concurrency = concurrency
        self._first_share = first_share
        self._first: dict[int, int] = {}
        """Size in bytes of appeals in flight without a version yet, by id."""
        self._claims = 0
        self._thorough_at = float("-inf")
        self.budget = Budget()
        self._cases: dict[int, asyncio.Task[None]] = {}
        self._arriving = 0
        self._begun = 0
        self._claiming = False
        self._turn_is_over = False
        self._dropped: set[int] = set()
        self._taking = True
        self._over = False
        self.cut: list[int] | None = []
        """Cases that the stop no longer waits for; None: all cases, since the stop is not orderly."""
        self._backlog = True
        self._starved = False
        self.lost: Callable[[], Awaitable[frozenset[str]]] | None = None
        self._lacking = True
        self._looked_for_lacks = float("-inf")
        self._looked = float("-inf")
        self._due: datetime | None = None
        self._wake = asyncio.Event()
        self._renewed = monotonic()
        self._lookers: list[asyncio.Future[None]] = []
        self._trouble = LogThrottle()

    @property
    def busy(self) -> bool:
        return bool(self._cases or self._arriving or self._claiming)

    @property
    def looks_for_lacks(self) -> bool:
        return self._lacking and self.lost is not None

    @property
    def begun(self) -> int:
        """Number of claims and arrivals so far, to detect new ones between two reads."""
        return self._begun

    @property
    def in_flight(self) -> int:
        return len(self._cases)

    @contextmanager
    def place(self, size: int = 0) -> Iterator[bool]:
        """Reserve a place for an appeal of `size` bytes while it is written.

        Yields False if there is no place; the appeal then waits in the journal. Also False while other appeals wait
        there, since only the journal knows which is the most urgent.
        """
        kept = self._taking and self._room > 0 and not self._starved and self.budget.fits(size)
        self._arriving += kept
        self._begun += kept
        self.budget.take(size if kept else 0)
        try:
            yield kept
        finally:
            self._arriving -= kept
            self.budget.give(size if kept else 0)

    def start(self, case: Case) -> None:
        """Work a case leased to this worker. After a stop the case is left to others."""
        # An arrival that a claim did not know of yet, and whose lease ended in it: its run has the new one.
        if case.appeal_id not in self._cases and not self._over:
            task = asyncio.create_task(self._run_case(case))
            self._cases[case.appeal_id] = task
            if case.deaths is not None:
                self._suspects.add(case.appeal_id)
            elif case.is_first:
                self._first[case.appeal_id] = case.size
            self.budget.take(case.size)
            task.add_done_callback(lambda _: self._ended(case.appeal_id, case.size, suspect=case.deaths is not None))

    def more(self) -> None:
        self._backlog = True
        self._wake.set()

    async def look(self, within: float) -> bool:
        """Have the journal polled once there is room; False if there was none within `within` seconds."""
        looked = asyncio.get_running_loop().create_future()
        self._lookers.append(looked)
        self.more()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await looked
                return True
        return False

    def expect(self, due_at: datetime | None) -> None:
        """Note when the next parked appeal is due; None: none is parked."""
        if due_at is not None and (self._due is None or due_at < self._due):
            self._due = due_at
            self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            wanted = (
                self._backlog
                or monotonic() - self._looked >= _POLL
                or (self._due is not None and self._journal.now() >= self._due)
            )
            if wanted and self._has_room():
                self._looked = monotonic()
                await self._claim()
                continue
            self._starved = wanted
            pause = _POLL if wanted else self._looked + _POLL - monotonic()
            if self._due is not None and not wanted:
                pause = min(pause, (self._due - self._journal.now()).total_seconds())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()

    async def renew(self) -> None:
        """Renew leases of cases in flight if due; cancel cases that others have taken over."""
        if monotonic() - self._renewed < min(_RENEW, self.lease / 3):
            return
        self._renewed = monotonic()
        held = dict(self._cases)
        if not held:
            return
        try:
            kept = await self._journal.do(leases.Renewal(self.owner, list(held), self._journal.now(), self.lease))
        except JournalError as error:
            log.warning("journal.renew_failed", code=error.code)
            return
        if len(kept) < len(held):
            # A case that was just concluded has no lease either, and its run ends by itself in a moment.
            await asyncio.sleep(_LATE)
            for appeal_id in held.keys() - kept:
                if self._cases.get(appeal_id) is held[appeal_id]:
                    log.warning("case.lost", appeal_id=appeal_id)
                    held[appeal_id].cancel()

    def stop_taking(self) -> None:
        self._taking = False

    async def end(self, seconds: float) -> None:
        """Wait at most `seconds` for cases in flight; cancel the rest and start nothing more."""
        ends = monotonic() + seconds
        while self._cases and monotonic() < ends and self._journal.silent_for < _SILENT:
            await asyncio.wait(self._cases.values(), timeout=min(0.25, ends - monotonic()))
        self._over = True
        if self.cut is not None and self._journal.silent_for < _SILENT:
            self.cut += self._cases
        for task in tuple(self._cases.values()):
            task.cancel()
        if self._cases:
            await asyncio.wait(self._cases.values(), timeout=_CALLED_OFF)

    @property
    def _room(self) -> int:
        return self._concurrency - len(self._cases) - self._arriving

    def _has_room(self) -> bool:
        """Whether a claim pays: only with a quarter of all places free, so that a full bus needs no claim per appeal.

        Once a second one place is enough. Otherwise arrivals could take all places, and waiting appeals would
        starve.
        """
        rested = monotonic() - self._looked >= _POLL
        if rested or self._turn_is_over:
            return self._room >= 1
        return self._room >= max(1, self._concurrency // 4) and self.budget.fits(MAX_BYTES)

    async def _run_case(self, case: Case) -> None:
        end = await self._work(case)
        if not end.written:
            self._dropped.add(case.appeal_id)
        elif end.ready:
            self.more()
        else:
            self.expect(end.due_at)

    def _ended(self, appeal_id: int, size: int, *, suspect: bool) -> None:
        del self._cases[appeal_id]
        self._first.pop(appeal_id, None)
        self.budget.give(size)
        if suspect:  # the next suspect has its turn at once
            self._suspects.discard(appeal_id)
            self._end_turn()
            self._turn_is_over = self._backlog = True
        if suspect or (self._starved and self._has_room()):
            self._wake.set()

    def _end_turn(self) -> None:
        if not self._suspects:
            self._turns.end_suspect()

    def _wake_for_suspects(self) -> None:
        self._turn_is_over = self._backlog = True
        self._wake.set()

    async def _lost_here(self) -> frozenset[str] | None:
        """Return the lookups unavailable here if it is time to claim what others could not finish; else None."""
        if self.lost is None or (not self._lacking and monotonic() - self._looked_for_lacks < _LACKS):
            return None
        self._looked_for_lacks = monotonic()
        return await self.lost()

    def _kept(self) -> int:
        """Return how many places are reserved for first versions in the claim that begins."""
        if sum(self._first.values()) > self._first_share * self.budget.most:
            return 0
        # By turns, where their part is no whole number: of one place they have every fourth claim.
        exact = self._concurrency * self._first_share
        self._claims += 1
        places = int(exact * self._claims) - int(exact * (self._claims - 1))
        return max(0, places - len(self._first) - self._arriving)

    def _is_thorough(self) -> bool:
        thorough = monotonic() - self._thorough_at >= _THOROUGH
        if thorough:
            self._thorough_at = monotonic()
        return thorough

    async def _claim(self) -> None:
        self._backlog = self._turn_is_over = False
        self._begun += 1
        self._claiming = True
        self._due = None
        lookers, self._lookers = self._lookers, []
        try:
            if self._dropped:
                given_back = tuple(self._dropped)
                await self._journal.do(leases.Release(self.owner, given_back))
                self._dropped.difference_update(given_back)
            lost = await self._lost_here()
            # From here on nothing may arrive before what is claimed has its place.
            limit = min(self._room, _CLAIM)
            budget = self.budget
            room, alone = budget.left, budget.untouched
            suspects = not self._suspects and self._turns.begin_suspect()
            claimed = await claiming.claim(
                self._journal,
                claiming.Claim(
                    self.owner,
                    self._journal.now(),
                    limit,
                    self.lease,
                    room=room,
                    alone=alone,
                    suspects=suspects,
                    lost=lost,
                    kept=self._kept(),
                    thorough=self._is_thorough(),
                    busy=frozenset(self._cases),
                ),
            )
            for case in claimed:
                self.start(case)
            more = len(claimed) == limit or (bool(claimed) and not budget.fits(MAX_BYTES))
            self._backlog = self._backlog or more
            self._lacking = bool(self._journal.lacks_after) or (more and lost is not None)
            due = await self._journal.ask(figures.next_due)
            if due is not None and (claimed or due > self._journal.now()):
                self.expect(due)  # a due appeal that could not be claimed is being claimed by another worker
            self._trouble.over()
            for looker in lookers:
                if not looker.done():
                    looker.set_result(None)
        except JournalError:
            self._lookers += (looker for looker in lookers if not looker.done())
            if self._trouble.is_news():
                log.exception("journal.claim_failed")
        finally:
            self._claiming = False
            self._end_turn()
