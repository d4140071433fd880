"""Sums over time of what became of attempts to hand versions over."""

from datetime import UTC, datetime, timedelta

from appealbus.core.domain.spans import PastHandover, PastHandovers, handover_spans

NOW = datetime(2026, 11, 27, 12, 7, 30, tzinfo=UTC)


def test_attempts_are_summed_by_what_became_of_them() -> None:
    """Delivered with how long they had waited, failed and refused; codes with the last time; nothing gives nothing."""
    attempts = [
        PastHandover(NOW - timedelta(minutes=3), "failed", "unreachable"),
        PastHandover(NOW - timedelta(seconds=5), "failed", "unreachable"),
        PastHandover(NOW - timedelta(seconds=4), "set_aside", "unfit"),
        PastHandover(NOW, "delivered", waited=70),
        PastHandover(NOW + timedelta(hours=1), "delivered", waited=5),
        PastHandover(NOW, "delivered"),
    ]
    step, found = handover_spans(attempts, NOW)
    assert (step, len(found)) == (timedelta(minutes=1), 4)
    assert (found[0].failed, found[-1].delivered, found[-1].failed, found[-1].refused) == (1, 3, 1, 1)
    assert (found[-1].quantile(0.5), found[-1].quantile(0.95), found[0].quantile(0.5)) == (70, 70, None)
    errors = PastHandovers(NOW, True, attempts).errors()
    assert errors == [("unfit", 1, attempts[2].at), ("unreachable", 2, attempts[1].at)]
    assert handover_spans([], NOW)[1] == []
