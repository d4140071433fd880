"""When an agency is down."""

from appealbus.simulator.settings import Misbehaviour


def outage_left(rules: Misbehaviour, elapsed: float) -> float:
    """Return how many seconds the outage still lasts, so long after the rules began to hold; 0 where there is none."""
    ends = (outage.after + outage.lasts for outage in rules.outages if elapsed >= outage.after)
    return max(0.0, max(ends, default=elapsed) - elapsed)
