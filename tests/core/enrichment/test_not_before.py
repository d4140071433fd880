"""Outcomes that name the moment to ask again: exactly then, and who was held back is not given up."""

from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core import OutcomeKind, unavailable
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import LookupState
from appealbus.core.enrichment.retry import next_attempt

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SETTINGS = RetrySettings(give_up_after=7 * 86400.0)


def again(code: str, not_before: datetime, accepted: datetime = NOW) -> datetime | None:
    state = LookupState("s.thing", "k", OutcomeKind.UNAVAILABLE, NOW, code, runs=9)
    return next_attempt(SETTINGS, state, accepted, None, not_before=not_before)


def test_it_is_asked_again_exactly_then() -> None:
    """However often it was asked before; a moment that is over changes nothing."""
    assert again("acme.closed", NOW + timedelta(seconds=5)) == NOW + timedelta(seconds=5)
    assert again("acme.closed", NOW + timedelta(days=3)) == NOW + timedelta(days=3)
    over = again("acme.closed", NOW - timedelta(days=1))
    assert over is not None
    assert over > NOW + timedelta(hours=1)


def test_giving_up_holds_for_what_a_source_says_alone() -> None:
    """A source cannot put itself off beyond it; what the bus itself holds back is asked at least once."""
    later = NOW + timedelta(days=20)
    assert again("acme.closed", later) is None
    assert again("source.paused", later) == later
    assert again("source.paused", datetime.max.replace(tzinfo=UTC)) is not None


@pytest.mark.parametrize(("runs", "put_again"), [(1, True), (27, True), (28, False), (500, False)])
def test_who_was_hardly_asked_is_not_given_up(runs: int, put_again: bool) -> None:
    """Three weeks of a quota, and the first call meets an outage: the agency has its tries, and they end."""
    state = LookupState("s.thing", "k", OutcomeKind.UNAVAILABLE, NOW, "http.502", runs=runs)
    at = next_attempt(SETTINGS, state, NOW - timedelta(days=21), None)
    assert (at is not None) is put_again


@pytest.mark.parametrize(("within", "puts"), [(None, 28), (86400.0, 7), (30 * 86400.0, 1)])
def test_what_is_on_its_way_is_waited_for_however_late_it_was_put(within: float | None, puts: int) -> None:
    """Three weeks of a quota, and then a citizen has to agree: nobody else would ever look whether that came."""
    states = [LookupState("s.thing", "k", OutcomeKind.AWAITING, NOW, "consent", runs=runs) for runs in range(1, 40)]
    put = [next_attempt(SETTINGS, state, NOW - timedelta(days=21), within) is not None for state in states]
    assert put.index(False) == puts - 1
    assert not any(put[puts:])


def test_short_pauses_before_slow_failures_end_in_time() -> None:
    """A source that is down for good and takes half a minute to say so gets no more time than another."""
    settings = RetrySettings(first=1.0, max=1.0)
    late = LookupState("s.thing", "k", OutcomeKind.TIMED_OUT, NOW, "guard.timeout", runs=7 * 86400 // 31)
    assert next_attempt(settings, late, NOW - timedelta(days=7), None) is None


def test_a_moment_has_its_time_zone() -> None:
    """A plugin that leaves it out hears so at once."""
    with pytest.raises(ValueError, match="time zone"):
        unavailable("acme.closed", "closed", not_before=datetime(2026, 11, 24, 9))
