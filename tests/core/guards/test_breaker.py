"""The breaker by itself, by example and against a model."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from appealbus.core.domain.source_state import BreakerState
from appealbus.core.guards.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def made() -> Callable[..., tuple[Breaker, Clock, list[BreakerState]]]:
    def make(failures: int = 3, open_for: float = 30.0) -> tuple[Breaker, Clock, list[BreakerState]]:
        clock, changes = Clock(), []
        return Breaker(failures, open_for, clock=clock, on_change=changes.append), clock, changes

    return make


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        place = breaker.admit()
        assert place is not None
        breaker.failed(place)


def test_opens_after_failures_in_a_row(made):
    """Only an unbroken row of failures opens it: one answer in between starts the count anew."""
    breaker, _, changes = made()
    fail(breaker, 2)
    breaker.succeeded(breaker.admit())
    fail(breaker, 2)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, 1)
    assert breaker.state is BreakerState.OPEN
    assert breaker.admit() is None
    assert changes == [BreakerState.OPEN]


@pytest.mark.parametrize(("rest", "refuses"), [(0.0, 30.0), (10.0, 30.0), (200.0, 200.0), (1e9, 300.0)])
def test_leaves_a_source_alone_for_as_long_as_it_says(made, rest, refuses):
    """The last failure's word counts, within bounds, for the first opening and after a probe that failed."""
    breaker, clock, _ = made()
    fail(breaker, 2)
    for _ in range(2):
        breaker.failed(breaker.admit(), rest=rest)
        clock.now += refuses - 1
        assert breaker.admit() is None
        clock.now += 1
    breaker.succeeded(breaker.admit())
    fail(breaker, 3)
    assert breaker.probes_in == 30.0


def test_gives_no_verdict_on_calls_that_gave_up(made):
    """A call that gave up neither counts as a failure nor breaks the row."""
    breaker, _, _ = made()
    fail(breaker, 2)
    breaker.gave_up(breaker.admit())
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, 1)
    assert breaker.state is BreakerState.OPEN


def test_one_probe_when_half_open(made):
    """After the pause one question passes, the others are refused until it has ended, and its success closes."""
    breaker, clock, changes = made()
    fail(breaker, 3)
    clock.now = 29.9
    assert breaker.probes_in == pytest.approx(0.1)
    assert breaker.admit() is None
    clock.now = 30.0
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.refusing
    probe = breaker.admit()
    assert probe is not None
    assert breaker.refusing
    assert breaker.admit() is None
    assert breaker.probes_in is None
    breaker.succeeded(probe)
    assert breaker.state is BreakerState.CLOSED
    assert changes == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_failed_probe_opens_again(made):
    """A probe that fails opens it for the whole time again, at once."""
    breaker, clock, _ = made()
    fail(breaker, 3)
    clock.now = 30.0
    fail(breaker, 1)
    assert breaker.state is BreakerState.OPEN
    assert breaker.probes_in == 30.0


def test_cancelled_probe_gives_its_place_back(made):
    """A probe that was cancelled lets the next question probe."""
    breaker, clock, _ = made()
    fail(breaker, 3)
    clock.now = 31.0
    breaker.gave_up(breaker.admit())
    assert breaker.admit() is not None


def test_ignores_calls_from_before_the_change(made):
    """Calls that left while it was closed neither close nor reopen it, nor free the probe's place."""
    breaker, clock, _ = made()
    early = [breaker.admit() for _ in range(3)]
    fail(breaker, 3)
    breaker.succeeded(early[0])
    assert breaker.state is BreakerState.OPEN
    clock.now = 31.0
    probe = breaker.admit()
    breaker.failed(early[1])
    breaker.gave_up(early[2])
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit() is None
    breaker.succeeded(probe)
    assert breaker.state is BreakerState.CLOSED


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, endings and pauses, beside a plain model of what should be."""

    places = Bundle("places")

    @initialize(failures=st.integers(1, 4))
    def build(self, failures):
        self.clock, self.changes = Clock(), []
        self.breaker = Breaker(failures, 10.0, clock=self.clock, on_change=self.changes.append)
        self.limit = failures
        self.state, self.row, self.until, self.probe, self.current = "closed", 0, 0.0, None, set()
        self.serial = 0

    def become(self, state):
        self.state, self.row, self.probe, self.current = state, 0, None, set()

    @rule(target=places)
    def admit(self):
        if self.state == "open" and self.clock.now >= self.until:
            self.become("half_open")
        expected = self.state == "closed" or (self.state == "half_open" and self.probe is None)
        assert self.breaker.refusing is not expected
        place = self.breaker.admit()
        assert (place is not None) is expected
        self.serial += 1
        if expected:
            self.current.add(self.serial)
            if self.state == "half_open":
                self.probe = self.serial
        return (self.serial, place)

    @rule(pair=consumes(places), how=st.sampled_from(["succeeded", "failed", "gave_up"]))
    def end(self, pair, how):
        serial, place = pair
        if place is None:
            return
        getattr(self.breaker, how)(place)
        if serial not in self.current:
            return
        self.current.discard(serial)
        if how == "gave_up":
            self.probe = None
        elif how == "succeeded":
            self.row = 0
            if self.state == "half_open":
                self.become("closed")
        else:
            self.row += 1
            if self.state == "half_open" or self.row >= self.limit:
                self.until = self.clock.now + 10.0
                self.become("open")

    @rule(seconds=st.floats(0.0, 12.0))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def agrees(self):
        if not hasattr(self, "breaker"):
            return
        seen = "half_open" if self.state == "open" and self.clock.now >= self.until else self.state
        assert self.breaker.state == seen
        for before, after in zip(self.changes, self.changes[1:], strict=False):
            assert before != after


TestBreakerMachine = BreakerMachine.TestCase
