"""Pauses that double."""

from appealbus.core.backoff import Backoff, doubled, half_jitter, no_jitter


def test_pauses_double_up_to_the_longest() -> None:
    """Without jitter to the digit, and after a thousand failures, too."""
    backoff = Backoff(0.5, 3.0, no_jitter)
    assert [backoff.pause() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert doubled(0.5, 1e9, 1000) == 1e9
    assert doubled(1.0, 1e9, 3, factor=10.0) == 1000.0


def test_pauses_with_jitter_grow_and_begin_anew() -> None:
    """Up to the longest, never beyond."""
    backoff = Backoff(0.5, 8.0)
    assert max(Backoff(0.5, 8.0).pause() for _ in range(200)) <= 0.5
    pauses = [backoff.pause() for _ in range(300)]
    assert 4 < max(pauses) <= 8
    assert min(pauses[10:]) < 4
    assert backoff.pause(stood=61) <= 0.5
    assert 4 <= backoff.pause(slow=True) <= 8
    assert all(2 <= half_jitter(4) <= 4 for _ in range(200))
