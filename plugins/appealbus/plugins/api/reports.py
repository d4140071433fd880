"""Reports, and lists of what they count: which a client may ask for, and each made once for all who do."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from functools import partial
from typing import Any

import structlog

from appealbus.core import ConfigError
from appealbus.core.clocks import day_of, wall
from appealbus.core.fair_share import FairShare, requester
from appealbus.core.management.people import Client
from appealbus.core.management.viewing import Viewer
from appealbus.plugins.api.problems import Problem, invalid, unavailable
from appealbus.plugins.monitor.shared_result import SharedResult
from appealbus.plugins.report.asking import Ask, ReportOrder
from appealbus.plugins.report.listing import Cell
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.words import By

log = structlog.get_logger(__name__)

_FRESH = 60.0
"""Seconds for which a report serves all who ask for the same."""
_PATIENCE = 20.0
"""Seconds that a request waits; what it waited for goes on, and may be asked for again."""
_MOST = 8
"""Reports that one client waits for: of a million appeals each takes some ten seconds, one after the other."""
_RETRY_AFTER = 30
"""Seconds after which it is worth asking again."""
_FIRST_YEAR = 2
"""The year before the first one has no number."""
_KEPT = 16
"""Reports that are remembered: the largest have some megabytes."""


class Reports:
    """Has reports made.

    Args:
        makers: each makes one at a time; where there are two, one client does not keep another from the second.

    """

    def __init__(self, *makers: Callable[[ReportOrder | Cell], Coroutine[Any, Any, bytes]]) -> None:
        self._makers = list(makers)
        self._share = FairShare(len(makers))
        self._kept: dict[ReportOrder | Cell, SharedResult[bytes]] = {}
        # By client and report, who waits for one that is not there yet.
        self._asked: dict[tuple[str, ReportOrder | Cell], asyncio.Task[bytes]] = {}

    async def get(self, wanted: ReportOrder | Cell) -> bytes:
        """Return a report.

        Raises:
            Problem: the client waits for too many others.
            TimeoutError: it takes too long; it is made all the same.
            Exception: whatever made it impossible.

        """
        kept, key = self._kept.get(wanted), (requester.get(), wanted)
        if kept is not None and not kept.running and not kept.stale:
            return await kept.get()
        if key not in self._asked:
            if sum(who == key[0] for who, _ in self._asked) >= _MOST:
                raise unavailable("too many other reports are asked for", _RETRY_AFTER)
            self._asked[key] = asyncio.create_task(self._in_turn(wanted))
            self._asked[key].add_done_callback(partial(self._ended, key))
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.shield(self._asked[key])

    async def _in_turn(self, wanted: ReportOrder | Cell) -> bytes:
        """Make a report in the client's turn, unless somebody has made it or makes it now."""
        async with self._share.place():
            kept = self._kept.get(wanted)
            if kept is None:
                over = [each for each, result in self._kept.items() if not result.running]
                gone = [each for each in over if self._kept[each].stale] or over[: len(self._kept) >= _KEPT]
                for each in gone:
                    del self._kept[each]
                kept = self._kept[wanted] = SharedResult(partial(self._made, wanted), fresh=_FRESH, patience=None)
            return await kept.get()

    async def _made(self, wanted: ReportOrder | Cell) -> bytes:
        make = self._makers.pop()
        try:
            return await make(wanted)
        finally:
            self._makers.append(make)

    def _ended(self, key: tuple[str, ReportOrder | Cell], task: asyncio.Task[bytes]) -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # whoever waited for it may be gone

    async def made(self, wanted: ReportOrder | Cell) -> bytes:
        """Return a report, or a list of what it counts, made once for all who ask for the same.

        Raises:
            Problem: it takes too long, too many others are wanted, or the server cannot count.

        """
        try:
            return await self.get(wanted)
        except TimeoutError:
            text = "it is being counted, and others wait as well; the first time takes as long as reading each appeal"
            raise unavailable(f"{text} once", _RETRY_AFTER) from None
        except ConfigError as error:
            log.warning("report.failed", reason=str(error))
            raise unavailable("the server cannot count; its log says why", _RETRY_AFTER) from None


def ask_of(
    client: Client, viewer: Viewer, days: tuple[date | None, date | None], by: By, place: str, *, public: bool
) -> Ask:
    """Return what a client asks for, within its scopes.

    Args:
        client: who asks.
        viewer: what it sees: whose mask hides anything gets the public form alone, of quarters that are over.
        days: the first and the last one; None: what is usual.
        by: what a row is.
        place: the beginning of КАТО of the places; empty: all.
        public: whether the public form is wanted.

    Raises:
        Problem: there is no such report, or not for this client.

    """
    today, plain = day_of(wall()), viewer.mask.plain
    first, last = _default(today, plain=plain)
    since, until = days
    last = until or last
    first = since or (date(last.year, 1, 1) if plain else first)
    _check(first, last)
    if not plain and (by is not By.BODY or place or not _is_quarter(first, last) or last >= today):
        raise _invalid("since", "the client sees whole quarters that are over, by body, and all places together")
    return Ask(ReportSpan(first, last, place, client.places, client.kinds), by, today, public=public or not plain)


def _default(today: date, *, plain: bool) -> tuple[date, date]:
    """Return this year up to today; for whom sees the public form alone, the quarter before this one."""
    if plain:
        return date(today.year, 1, 1), today
    last = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1) - timedelta(days=1)
    return date(last.year, last.month - 2, 1), last


def _is_quarter(first: date, last: date) -> bool:
    after = last + timedelta(days=1) if last < date.max else date.min
    starts = first.day == 1 and first.month % 3 == 1
    return starts and after.day == 1 and 12 * (after.year - first.year) + after.month - first.month == 3


def _check(first: date, last: date) -> None:
    if first > last:
        raise _invalid("until", "the last day is before the first one")
    if first.year < _FIRST_YEAR:
        raise _invalid("since", "the year before has no number")


def _invalid(name: str, what: str) -> Problem:
    return invalid("there is no such report", f"query {name}", what)
