"""The gate before a source: shut while it is paused, closed, or its quota is used up."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import date, datetime
from typing import Protocol

from appealbus.core.clocks import day_of
from appealbus.core.domain.pauses import (
    CLOSED,
    PAUSED,
    SPENT,
    Pause,
    Period,
    Quota,
    QuotaAnswer,
    QuotaCall,
    QuotaUse,
    QuotaWish,
)
from appealbus.core.errors import JournalError
from appealbus.core.guards.settings import Calendar, GuardSettings
from appealbus.core.interfaces.lookup import unavailable
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record


class QuotaBook(Protocol):
    """Counts quota calls for all workers together."""

    async def take_quota(self, wish: QuotaWish) -> QuotaAnswer:
        """Take one call."""

    async def return_quota(self, call: QuotaCall) -> None:
        """Return one call."""


KNOWN_FOR = 5.0
"""Seconds for which known pauses count, refreshed each second. Later the journal is asked before a call leaves."""
_PATIENCE = 2.0
"""Seconds that a call waits for that refresh; it must not hold its place much longer."""
_KINDS = [(urgent, first) for urgent in (False, True) for first in (False, True)]
UNSURE = unavailable(
    "source.unsure", "the journal could not say whether somebody has the source paused, so nothing was asked"
)
UNCOUNTED = unavailable("source.uncounted", "the source's quota could not be counted, so nothing was asked")


class Gate:
    """Decides whether a call may leave for a source now, and counts its quota.

    Attributes:
        pause: set by a person, as known from the journal.
        left: remaining calls of the quotas, by period, as far as known here.
        known_until: until when `pause` counts without a refresh, on the monotonic clock.
        look: refreshes the pauses from the journal; None: there are no pauses.
    """

    def __init__(
        self,
        source: str,
        settings: GuardSettings,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        book: QuotaBook | None = None,
        first_share: float = 0.25,
    ) -> None:
        self.pause: Pause | None = None
        self.left: dict[str, int] = {}
        self.known_until = math.inf
        self.look: Callable[[], Awaitable[None]] | None = None
        self._source = source
        self._calendar = Calendar(settings.closed)
        self._urgent_days = settings.urgent_days
        self._quota = Quota(settings.quotas(), settings.quota_reserve, first_share)
        self._spent: dict[tuple[bool, bool], QuotaAnswer] = {}  # by whether it is urgent, and for a first version
        self._refused_at = -math.inf
        self._booked: dict[tuple[bool, bool], datetime] = {}
        self._none_for = set(_KINDS)
        """Kinds of questions for which the journal had no call left."""
        self._now = now
        self._monotonic = monotonic
        self._book = book
        self.settling: set[asyncio.Task[object]] = set()
        """Pending writes for calls that did not leave."""

    @property
    def paused_until(self) -> datetime | None:
        """End of the current pause by a person."""
        return self.pause.until if self.pause is not None and self._now() < self.pause.until else None

    @property
    def closed_until(self) -> datetime | None:
        """End of the current closing window."""
        return self._calendar.closed_until(self._now()) if self._calendar.windows else None

    @property
    def shut_to_returning(self) -> bool:
        """Whether returning appeals that are not urgent must wait."""
        return self.stopped() is not None or self._refuses((False, False)) is not None

    def shut(self, due_on: date | None, *, first: bool) -> Outcome[Record] | None:
        """Return the outcome of a question that must not leave now, by its due date and version; None if it may."""
        return self.stopped() or (self._used_up((self._is_urgent(due_on), first)) if self._spent else None)

    def stopped(self) -> Outcome[Record] | None:
        """Return the outcome of any question while the source is paused or closed."""
        if self.pause is not None and (until := self.paused_until) is not None:
            return unavailable(PAUSED, f"a person has the source paused: {self.pause.reason}", not_before=until)
        if (until := self.closed_until) is not None:
            return unavailable(CLOSED, "the source is closed at this time of its week", not_before=until)
        return None

    def late(self, call: QuotaCall) -> Outcome[Record] | None:
        """Return the outcome of a question whose call was counted in a period that has ended."""
        if all(Period(period).begins(self._now()) <= begins for period, begins in call.counted.items()):
            return None
        return unavailable(SPENT, "the period in which its call was counted has just ended", not_before=self._now())

    async def sure(self) -> bool:
        """Return whether the pauses are known; refresh them if needed."""
        if self._monotonic() < self.known_until:
            return True
        if self.look is not None:
            with contextlib.suppress(JournalError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self.look()
        return self._monotonic() < self.known_until

    async def take(self, due_on: date | None, *, first: bool) -> Outcome[Record] | QuotaCall:
        """Take one call of the quotas, or return the outcome if none is left. Arguments as in `shut`."""
        if not self._quota.most or self._book is None:
            return QuotaCall(self._source)
        urgent = self._is_urgent(due_on)
        taking = asyncio.ensure_future(self._book.take_quota(self._wish(urgent, first)))
        try:
            answer = await asyncio.shield(taking)
        except JournalError:
            return UNCOUNTED
        except asyncio.CancelledError:
            self.settle(self._taken_in_vain(taking))
            raise
        self.left = dict(answer.left)
        if answer.again_at is None:
            return QuotaCall(self._source, answer.counted)
        self._spent[urgent, first] = answer
        self._refused_at = self._monotonic()
        return self._used_up((urgent, first)) or _spent(answer.again_at, answer.period, urgent, first)

    def settle(self, coroutine: Coroutine[object, object, object]) -> None:
        """Write the result of a call that did not leave, in the background."""
        task = asyncio.create_task(coroutine)
        self.settling.add(task)
        task.add_done_callback(self.settling.discard)

    async def give_back(self, call: QuotaCall) -> None:
        """Return the quota of a call that did not leave. If that cannot be written, it is lost, as in a crash."""
        if call.counted and self._book is not None:
            with contextlib.suppress(JournalError):
                await self._book.return_quota(call)

    def learn(self, pause: Pause | None, used: Sequence[QuotaUse], begun: float) -> bool:
        """Adopt the journal's state; return whether calls are available again for a kind that had none.

        `begun` is when the journal was asked, on the monotonic clock. Later refusals take precedence.
        """
        self.pause, self.known_until = pause, begun + KNOWN_FOR
        if begun < self._refused_at:
            return False
        now = self._now()
        self.left = self._quota.left(used, now)
        last = {use.period: use for use in used}
        uses = [(period, period.use(self._source, last.get(period.value), now)) for period in self._quota.most]
        none_for = {kind for kind in _KINDS if any(self._quota.refusal(*use, self._wish(*kind)) for use in uses)}
        back, self._none_for = (self._none_for | self._spent.keys()) - none_for, none_for
        for kind in back:
            self._spent.pop(kind, None)
            self._booked.pop(kind, None)
        return bool(back and self._quota.most)

    async def _taken_in_vain(self, taking: Awaitable[QuotaAnswer]) -> None:
        with contextlib.suppress(JournalError):
            await self.give_back(QuotaCall(self._source, (await taking).counted))

    def _wish(self, urgent: bool, first: bool) -> QuotaWish:
        return QuotaWish(self._source, self._quota, urgent, self._now(), first)

    def _is_urgent(self, due_on: date | None) -> bool:
        today = day_of(self._now())
        return due_on is not None and (due_on - today).days <= self._urgent_days

    def _refuses(self, kind: tuple[bool, bool]) -> QuotaAnswer | None:
        spent = self._spent.get(kind)
        if spent is None or spent.again_at is None or self._now() >= spent.again_at:
            self._spent.pop(kind, None)
            return None
        return spent

    def _used_up(self, kind: tuple[bool, bool]) -> Outcome[Record] | None:
        """Return the outcome if no call is left, with a turn for a retry."""
        spent = self._refuses(kind)
        if spent is None or spent.again_at is None:
            return None
        turn = max(spent.again_at, self._booked.get(kind, spent.again_at))
        if spent.ends is not None and turn >= spent.ends:
            turn = spent.ends
        else:
            self._booked[kind] = turn + spent.pace
        return _spent(turn, spent.period, *kind)


def _spent(again_at: datetime, period: str, urgent: bool, first: bool) -> Outcome[Record]:
    kept = [*([] if urgent else ["urgent appeals"]), *([] if first else ["first versions"])]
    rest = f", or what is left is kept for {' and '.join(kept)}" if kept else ""
    return unavailable(SPENT, f"the source's quota of the {period} is used up{rest}", not_before=again_at)
