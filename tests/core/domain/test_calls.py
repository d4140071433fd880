"""Sums of calls over time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from appealbus.core.domain.spans import PastCall, PastCalls, spans

NOW = datetime(2026, 11, 27, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "step"),
    [(0, 1), (46, 1), (50, 5), (60 * 10, 15), (60 * 24 * 20, 1440), (60 * 24 * 365 * 9, 10_080)],
)
def test_spans_are_few_equal_and_lose_no_call(ago: int, step: int) -> None:
    """At most 48, the smallest length that holds all; what is older than the longest ones hold is left out."""
    calls = [PastCall(NOW - timedelta(minutes=m), "found", "", m) for m in {ago, ago // 2, 0}]
    length, found = spans(calls, NOW)
    assert length == timedelta(minutes=step)
    assert len(found) <= 48
    assert sum(each.calls for each in found) == (len(calls) if step < 10_080 else 1)
    assert found[-1].begins <= NOW < found[-1].begins + length
    assert {(b.begins - a.begins) for a, b in pairwise(found)} <= {length}


def test_what_failed_is_told_apart_and_has_no_time() -> None:
    """By the source's fault; a call by a clock that was ahead is in the last span; errors go by code."""
    calls = [
        PastCall(NOW, "found", "", 10),
        PastCall(NOW, "unavailable", "http.502", 900),
        PastCall(NOW + timedelta(hours=1), "not_found", "gbdfl.00003", 30),
        PastCall(NOW - timedelta(minutes=3), "unavailable", "http.502", 1),
    ]
    _, found = spans(calls, NOW)
    last = found[-1]
    assert (last.calls, last.failed, last.quantile(0.5), last.quantile(0.95)) == (3, 1, 30, 30)
    assert sum(each.failed for each in found) == 2
    assert PastCalls(NOW, False, calls).errors() == [("http.502", 2, NOW)]
    assert spans([], NOW)[1] == []
