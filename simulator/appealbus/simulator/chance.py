"""Fate of each answer, determined by seed, query and its repetition count, independent of order."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from appealbus.simulator.draw import Draw
from appealbus.simulator.settings import Kind, Misbehaviour

_REMEMBERED = 100_000
"""Queries whose count is kept: a source repeats a query within seconds, long before so many others."""


@dataclass(frozen=True, slots=True)
class Fate:
    kind: Kind | None
    delay: float
    token: str
    """Derived from the same inputs: the source of ids in answers."""


class Chance:
    """Decides fates. Counts repetitions of the latest 100,000 queries; older ones start from 0 again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._times: OrderedDict[tuple[str, str], int] = OrderedDict()

    def fate(self, service: str, question: str, rules: Misbehaviour) -> Fate:
        """Decide the fate of the next answer to a query; counts the query."""
        times = self._times.pop((service, question), 0)
        self._times[service, question] = times + 1
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        draw = Draw(self._seed, "fate", service, question, times)
        lot, delay = draw.share(), _delay(draw.share(), rules)
        token = draw.digits(12)
        for kind in Kind:
            lot -= rules.probability(kind)
            if lot < 0:
                return Fate(kind, delay, token)
        return Fate(None, delay, token)


def _delay(share: float, rules: Misbehaviour) -> float:
    # Pareto's law with exponent 1.5: most answers are quick, a few take very long.
    tail = rules.latency_tail * (math.pow(1 - share, -1 / 1.5) - 1)
    return min(rules.latency + tail, max(rules.latency_max, rules.latency))
