"""The dispatcher: gives appeals to work, new ones at once, the others most urgent first as there is room."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

from appealbus.core.bus.budget import LARGEST, Budget
from appealbus.core.bus.turns import Turns
from appealbus.core.domain.case import Case
from appealbus.core.errors import JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.logs.throttle import LogThrottle

log = structlog.get_logger(__name__)

LEASE = 30.0
"""Seconds until others may take over what a dead worker had in work."""
_RENEW = 8.0
_LATE = 0.2
_CLAIM = 200
_POLL = 1.0
_SILENT = 3.0
"""Seconds without a word of the journal after which nothing in flight can be written down any more."""
_CALLED_OFF = 2.0


class Dispatcher:
    """Holds the appeals in flight, never more than `concurrency` or than its budget has bytes, each under a lease.

    Attributes:
        budget: the bytes of what is in flight and of what arrives. Whoever has appeals in hand takes and gives there.

    """

    def __init__(
        self,
        journal: Journal,
        work: Callable[[Case], Coroutine[Any, Any, None]],
        turns: Turns,
        *,
        owner: str,
        concurrency: int,
        lease: float = LEASE,
    ) -> None:
        """Start empty.

        Args:
            journal: where appeals are claimed.
            work: runs one case to its end and never raises.
            turns: says when a suspect may have its turn.
            owner: what this worker is called.
            concurrency: the most appeals in flight.
            lease: seconds until others may claim what is in work here, unless it is renewed.

        """
        self.owner = owner
        self.lease = lease
        self._journal = journal
        self._work = work
        self._turns = turns
        turns.on_free = self._wake_for_suspects
        self._suspects: set[int] = set()
        self._concurrency = concurrency
        self.budget = Budget()
        self._cases: dict[int, asyncio.Task[None]] = {}
        self._arriving = 0
        self._begun = 0
        self._claiming = False
        self._turn_is_over = False
        self._dropped: set[int] = set()
        self._taking = True
        self._over = False
        self._backlog = True
        self._starved = False
        self._looked = float("-inf")
        self._due: datetime | None = None
        self._wake = asyncio.Event()
        self._renewed = asyncio.get_running_loop().time()
        self._lookers: list[asyncio.Future[None]] = []
        self._trouble = LogThrottle()

    @property
    def busy(self) -> bool:
        """Whether anything is in flight."""
        return bool(self._cases or self._arriving or self._claiming)

    @property
    def begun(self) -> int:
        """How often anything has begun here that ends in a case at work, or in none: who looks twice sees whether."""
        return self._begun

    @property
    def in_flight(self) -> int:
        """How many cases are being worked on."""
        return len(self._cases)

    @contextmanager
    def place(self, size: int = 0) -> Iterator[bool]:
        """Keep a place for an appeal of so many bytes on its way in; False if there is none: the journal will keep it.

        Where others wait for a place already it is theirs: the journal knows which of all is the most urgent.
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
        """Work a case that this bus has leased; after the end, leave it to others."""
        # After a jump of the clock a case may be claimed again while it is still worked here.
        if case.appeal_id not in self._cases and not self._over:
            task = asyncio.create_task(self._work(case))
            self._cases[case.appeal_id] = task
            if case.deaths is not None:
                self._suspects.add(case.appeal_id)
            self.budget.take(case.size)
            task.add_done_callback(lambda _: self._ended(case.appeal_id, case.size, suspect=case.deaths is not None))

    def more(self) -> None:
        """Say that the journal has an appeal that is ready."""
        self._backlog = True
        self._wake.set()

    async def look(self, within: float) -> bool:
        """Have the journal asked for work once there is room; say whether it was, within so many seconds."""
        looked = asyncio.get_running_loop().create_future()
        self._lookers.append(looked)
        self.more()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await looked
                return True
        return False

    def expect(self, due_at: datetime | None) -> None:
        """Say that an appeal is parked until then."""
        if due_at is not None and (self._due is None or due_at < self._due):
            self._due = due_at
            self._wake.set()

    def give_back(self, appeal_id: int) -> None:
        """Let others have an appeal whose run could not be written down, once the journal works again."""
        self._dropped.add(appeal_id)

    async def run(self) -> None:
        """Claim until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            wanted = (
                self._backlog
                or clock() - self._looked >= _POLL
                or (self._due is not None and self._journal.now() >= self._due)
            )
            if wanted and self._has_room():
                self._looked = clock()
                await self._claim()
                continue
            self._starved = wanted
            pause = _POLL if wanted else self._looked + _POLL - clock()
            if self._due is not None and not wanted:
                pause = min(pause, (self._due - self._journal.now()).total_seconds())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()

    async def renew(self) -> None:
        """Keep the leases of what is in flight, once it is time; let go of what others have taken over meanwhile."""
        clock = asyncio.get_running_loop().time
        if clock() - self._renewed < min(_RENEW, self.lease / 3):
            return
        self._renewed = clock()
        held = dict(self._cases)
        try:
            kept = await self._journal.renew(self.owner, list(held), self._journal.now(), self.lease)
        except JournalError as error:
            log.warning("journal.renew_failed", code=error.code)
            return
        if len(kept) < len(held):
            # One that was just concluded has no lease either, and ends by itself in a moment.
            await asyncio.sleep(_LATE)
            for appeal_id in held.keys() - kept:
                if self._cases.get(appeal_id) is held[appeal_id]:
                    log.warning("case.lost", appeal_id=appeal_id)
                    held[appeal_id].cancel()

    def stop_taking(self) -> None:
        """Keep no place for anybody any more."""
        self._taking = False

    async def end(self, seconds: float) -> None:
        """Wait for what is in flight, for so long; cancel the rest, and start nothing more."""
        clock = asyncio.get_running_loop().time
        ends = clock() + seconds
        while self._cases and clock() < ends and self._journal.silent_for < _SILENT:
            await asyncio.wait(self._cases.values(), timeout=min(0.25, ends - clock()))
        self._over = True
        for task in tuple(self._cases.values()):
            task.cancel()
        if self._cases:
            await asyncio.wait(self._cases.values(), timeout=_CALLED_OFF)

    @property
    def _room(self) -> int:
        return self._concurrency - len(self._cases) - self._arriving

    def _has_room(self) -> bool:
        """Whether a claim pays: it takes handfuls, so that a full bus does not pay a transaction for each appeal.

        Once a second any place will do, or what waits would wait for ever where places go one by one.
        """
        rested = asyncio.get_running_loop().time() - self._looked >= _POLL
        if rested or self._turn_is_over:
            return self._room >= 1
        return self._room >= max(1, self._concurrency // 4) and self.budget.fits(LARGEST)

    def _ended(self, appeal_id: int, size: int, *, suspect: bool) -> None:
        del self._cases[appeal_id]
        self.budget.give(size)
        if suspect:  # the next one has its turn at once
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

    async def _claim(self) -> None:
        limit = min(self._room, _CLAIM)
        self._backlog = self._turn_is_over = False
        self._begun += 1
        self._claiming = True
        self._due = None
        lookers, self._lookers = self._lookers, []
        try:
            if self._dropped:
                given_back = tuple(self._dropped)
                await self._journal.release(self.owner, given_back)
                self._dropped.difference_update(given_back)
            budget = self.budget
            room, alone = budget.left, budget.untouched
            suspects = not self._suspects and self._turns.begin_suspect()
            claimed = await self._journal.claim(
                self.owner, self._journal.now(), limit, self.lease, room=room, alone=alone, suspects=suspects
            )
            for case in claimed:
                self.start(case)
            self._backlog = self._backlog or len(claimed) == limit or (bool(claimed) and not budget.fits(LARGEST))
            due = await self._journal.next_due()
            if due is not None and (claimed or due > self._journal.now()):
                self.expect(due)  # one that is due and could not be claimed is being taken by another worker
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
