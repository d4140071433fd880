"""Outages of agencies."""

from appealbus.simulator.settings import Misbehaviour


def outage_left(rules: Misbehaviour, elapsed: float) -> float:
    """Return the remaining seconds of an outage, `elapsed` seconds after the rules took effect; 0 if there is none."""
    ends = (outage.after + outage.lasts for outage in rules.outages if elapsed >= outage.after)
    return max(0.0, max(ends, default=elapsed) - elapsed)
