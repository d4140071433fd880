"""What channels send wrong: the warnings of their newest appeals, counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from appealbus.core.domain.listing import AppealRow

_NAMED = 3
"""Appeals that are named of each code."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Appeals of a channel that have a warning of one code, among its newest."""

    channel: str
    code: str
    appeals: int
    of: int
    """How many of the channel were looked at."""
    numbers: tuple[str, ...] = ()
    """Of the newest with that warning."""

    @property
    def share(self) -> float:
        """Which part of those that were looked at."""
        return self.appeals / self.of


def counted(found: Iterable[tuple[AppealRow, Sequence[Any]]]) -> list[Warned]:
    """Count appeals with their warnings, as JSON, the newest first."""
    of: Counter[str] = Counter()
    numbers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row, warnings in found:
        of[row.channel] += 1
        for code in {each["code"] for each in warnings}:
            numbers[row.channel, code].append(row.number)
    return [
        Warned(channel, code, len(named), of[channel], tuple(named[:_NAMED]))
        for (channel, code), named in sorted(numbers.items())
    ]
