"""Synthetic appeals of West Kazakhstan, in Russian and Kazakh, about the people and the land of a population.

They read like letters and carry the dirt of letters: see `dirt` of what `write` returns. A third is about land.
"""

from collections.abc import Iterator

from appealbus.schemas.appeal import Appeal
from appealbus.simulator.appeals.writer import WrittenAppeal, write
from appealbus.simulator.population import Population

__all__ = ["COUNT", "WrittenAppeal", "appeals", "example_lines", "write"]

COUNT = 200
"""How many of them ship as examples."""


def appeals(population: Population | None = None, count: int = COUNT) -> Iterator[Appeal]:
    """Yield so many appeals about a population, by default about the simulator's own."""
    about = population or Population()
    for number in range(count):
        yield write(about, number).appeal


def example_lines(population: Population | None = None, count: int = COUNT) -> Iterator[str]:
    """Yield the same as lines of JSON: what examples/appeals.jsonl holds."""
    for appeal in appeals(population, count):
        yield appeal.model_dump_json(exclude_unset=True)
