"""Synthetic appeals of West Kazakhstan, in Russian and Kazakh, about the people and land of a population.

They read like real letters, with real defects: see `dirt` of `write`'s result. A third is about land.
"""

from collections.abc import Iterator

from appealbus.schemas.appeal import Appeal
from appealbus.simulator.appeals.writer import WrittenAppeal, write
from appealbus.simulator.population import Population

__all__ = ["COUNT", "WrittenAppeal", "appeals", "example_lines", "write"]

COUNT = 200
"""Number of appeals in the examples."""


def appeals(population: Population | None = None, count: int = COUNT) -> Iterator[Appeal]:
    about = population or Population()
    for number in range(count):
        yield write(about, number).appeal


def example_lines(population: Population | None = None, count: int = COUNT) -> Iterator[str]:
    """Yield appeals as lines of JSON: the content of examples/appeals.jsonl."""
    for appeal in appeals(population, count):
        yield appeal.model_dump_json(exclude_unset=True)
