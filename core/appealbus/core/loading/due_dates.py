"""Due dates of appeals, as calculated by plugins: the earliest one counts, and failures of some are tolerated."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

import orjson
import structlog

from appealbus.core.domain.case import Case
from appealbus.core.domain.change import KeptChange
from appealbus.core.interfaces.terms import Terms
from appealbus.core.logs.setup import LogThrottle
from appealbus.core.plugin_calls.boundary import ALARM, TookTooLong, is_defect
from appealbus.schemas.appeal import Appeal

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)

_WITHIN = 60.0
"""Seconds during which timeouts of terms are counted, before they are disabled."""
_TOO_OFTEN = 3
"""Timeouts in that period: a hostile appeal spoils only its own term, and blocks at most 1.5 s per minute."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The combined result of all terms."""

    day: date | None
    """The earliest day; None: there is none."""
    failed: bool
    """Whether some failed, or were disabled."""


class Counting:
    """Asks all terms. An error, a timeout or an invalid result is a defect, logged once a minute and counted."""

    def __init__(
        self, brought: Callable[[], Mapping[str, Terms]], owner: Callable[[Terms], str], defects: Counter[str]
    ) -> None:
        self._brought = brought
        self._owner = owner
        self._defects = defects
        self._told = LogThrottle()
        self._ended: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_TOO_OFTEN))

    def due_on(
        self,
        appeal: Appeal,
        first: Appeal,
        accepted_at: datetime,
        changes: Sequence[KeptChange] = (),
        *,
        before: date | None = None,
    ) -> date | None:
        """Return the due date: the register's own, else the earliest that terms give.

        If one fails and no other gives a day, `before` is returned.
        """
        if appeal.due_on is not None:
            return appeal.due_on
        counted = self.counted(appeal, first, accepted_at, changes)
        return before if counted.day is None and counted.failed else counted.day

    def counted(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange], *, without: str = ""
    ) -> Counted:
        """Return the earliest day of all terms except those named `without`."""
        days: list[date] = []
        failed = False
        for name, terms in self._brought().items():
            if name == without:
                continue
            try:
                day = self._ask(name, terms, partial(_day, terms.due_on, appeal, first, accepted_at, changes))
            except _Failed:
                failed = True
                continue
            if day is not None:
                days.append(day)
        return Counted(min(days, default=None), failed)

    def known_until(self) -> dict[str, date]:
        """Return by terms the last day of their calendar, if limited."""
        until: dict[str, date] = {}
        for name, terms in self._brought().items():
            with suppress(_Failed):
                day = self._ask(name, terms, partial(_day, terms.known_until))
                if day is not None:
                    until[name] = day
        return until

    def works_on(self, day: date) -> tuple[bool, str] | None:
        """Return whether the day is a working day, and the name of the terms that know it; None if none do."""
        for name, terms in self._brought().items():
            with suppress(_Failed):
                works = self._ask(name, terms, partial(_whether, terms.works_on, day))
                if works is not None:
                    return works, name
        return None

    def proofs(self, case: Case, today: date) -> list[dict[str, Any]]:
        """Return `name` and `proof` of each of the terms; the proof is None if it failed or there is none."""
        rows: list[dict[str, Any]] = []
        given = case.appeal, case.first or case.appeal, case.receipt.accepted_at, case.kept_changes
        for name, terms in self._brought().items():
            proof = None
            with suppress(_Failed):
                proof = self._ask(name, terms, partial(_document, terms.proof, *given, today))
            rows.append({"name": name, "proof": proof})
        return rows

    def _ask(self, name: str, terms: Terms, call: Callable[[], T]) -> T:
        """Return the result of a call; raise _Failed if it fails or the terms are disabled."""
        if self._ended and self._rests(name):
            raise _Failed
        try:
            return ALARM.within(call)
        except BaseException as error:
            if isinstance(error, TookTooLong):
                self._ended[name].append(time.monotonic())
            elif not is_defect(error):
                raise
            self._defects[f"terms.{name}"] += 1
            if self._told.is_news():
                log.exception("terms.failed", plugin=self._owner(terms), terms=name)
            raise _Failed from None

    def _rests(self, name: str) -> bool:
        """Whether the terms are disabled after too many timeouts."""
        ended = self._ended[name]
        return len(ended) == _TOO_OFTEN and time.monotonic() - ended[0] < _WITHIN


class _Failed(Exception):
    """Terms gave no usable result."""


def _day(count: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> date | None:
    day = count(*args, **kwargs)
    if day is None or type(day) is date:  # a moment is a date, too, and cannot be compared with one
        return day
    raise TypeError(f"terms returned {type(day).__name__} for a date")


def _whether(say: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool | None:
    said = say(*args, **kwargs)
    if said is None or isinstance(said, bool):
        return said
    raise TypeError(f"terms returned {type(said).__name__} for yes or no")


def _document(show: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    document = show(*args, **kwargs)
    orjson.dumps(document)  # raises where it is none
    return document
