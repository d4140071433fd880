"""Terms that hang are left out for a while, and whoever else uses the signal keeps it."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from weakref import WeakSet

import pytest

from appealbus.core import Case
from appealbus.core.interfaces.terms import Terms
from appealbus.core.loading.due_dates import Counting
from appealbus.core.plugin_calls.boundary import LONGEST, CallTimeout, TookTooLong
from appealbus.schemas.appeal import Appeal, Receipt

NOW = datetime(2026, 11, 2, tzinfo=UTC)
RECEIPT = Receipt(number="N", accepted_at=NOW, accepted_by="appealbus", message_id="m", channel="files")
CASE = Case(1, Appeal.model_validate({"message_id": "m"}), RECEIPT, 1)


class Hanging(Terms):
    """Counts a day, and never ends showing why."""

    name = "hanging"

    def due_on(self, *_given: Any) -> date:
        """Return a day."""
        return NOW.date()

    def proof(self, *_given: Any) -> None:
        """Go on for longer than anybody waits."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            pass


@pytest.fixture
def _signal() -> Iterator[None]:
    """Have the signal free, and given back."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGALRM, before)


def test_a_proof_that_hangs_is_not_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three within a minute are ended; the next appeals are shown without it, and go by the day that they had."""
    monkeypatch.setattr("appealbus.core.plugin_calls.boundary.LONGEST", 0.1)
    defects: Counter[str] = Counter()
    counting = Counting(lambda: {"hanging": Hanging()}, lambda _: "here", defects)
    for _ in range(5):
        assert counting.proofs(CASE, NOW.date()) == [{"name": "hanging", "proof": None}]
    assert defects == {"terms.hanging": 3}
    assert counting.due_on(CASE.appeal, CASE.appeal, NOW, (), before=date(2026, 1, 1)) == date(2026, 1, 1)
    monkeypatch.setattr("appealbus.core.loading.due_dates._WITHIN", 0.0)  # the minute is over
    assert counting.due_on(CASE.appeal, CASE.appeal, NOW, (), before=None) == NOW.date()


def test_an_appeal_over_which_terms_hang_costs_no_other_its_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its own day; those that come between are counted, however often it comes back up to the bound."""
    monkeypatch.setattr("appealbus.core.plugin_calls.boundary.LONGEST", 0.1)
    defects: Counter[str] = Counter()
    counting = Counting(lambda: {"hanging": Hanging()}, lambda _: "here", defects)
    for _ in range(2):
        assert counting.proofs(CASE, NOW.date()) == [{"name": "hanging", "proof": None}]
        assert counting.due_on(CASE.appeal, CASE.appeal, NOW, (), before=date(2026, 1, 1)) == NOW.date()


@pytest.mark.usefixtures("_signal")
def test_a_signal_that_somebody_has_taken_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is too long goes on, where the handler has been taken since the first one."""
    monkeypatch.setattr("appealbus.core.plugin_calls.boundary.LONGEST", 0.1)
    alarm = CallTimeout()
    heard: list[int] = []

    def hang(seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            pass

    with pytest.raises(TookTooLong):
        alarm.within(hang, 60)
    signal.signal(signal.SIGALRM, lambda number, _frame: heard.append(number))
    alarm.within(hang, 0.4)
    assert heard == []


class Calendar(Terms):
    """Knows one day, and is broken on another."""

    name = "calendar"

    def due_on(self, *_given: Any) -> None:
        """Count nothing."""

    def works_on(self, day: date) -> Any:
        """Say something of two days."""
        return {NOW.date(): False, date(2026, 11, 3): "yes"}.get(day)


def test_who_has_a_calendar_says_which_days_people_work_on() -> None:
    """The first that knows a day is named; no calendar, an unknown day and a wrong answer are no answer."""
    defects: Counter[str] = Counter()
    terms = {"hanging": Hanging(), "calendar": Calendar()}
    counting = Counting(lambda: terms, lambda _: "here", defects)
    assert counting.works_on(NOW.date()) == (False, "calendar")
    assert counting.works_on(date(2026, 11, 3)) is None
    assert counting.works_on(date(2026, 11, 4)) is None
    assert defects == {"terms.calendar": 1}


@pytest.mark.usefixtures("_signal")
def test_what_is_left_behind_does_not_swallow_the_alarm() -> None:
    """What is raised in a `__del__` is lost: it rings again once that is over."""

    class Slow:
        def __del__(self) -> None:
            ends = time.monotonic() + 2 * LONGEST
            while time.monotonic() < ends:
                pass

    def leaves() -> None:
        slow = Slow()
        del slow
        while True:
            pass

    with pytest.raises(TookTooLong):
        CallTimeout().within(leaves)


@pytest.mark.usefixtures("_signal")
def test_what_ends_in_a_weak_set_does_not_swallow_the_alarm() -> None:
    """Nor what is raised in the callback of a weak reference: thousands of objects end one after another."""

    class Small:
        pass

    def leaves() -> None:
        held: WeakSet[Small] = WeakSet()
        while True:
            some = [Small() for _ in range(1000)]
            held.update(some)
            some.clear()

    alarm = CallTimeout()
    for _ in range(5):
        with pytest.raises(TookTooLong):
            alarm.within(leaves)
