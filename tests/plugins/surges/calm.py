"""Calm weeks, and weeks in which something happens."""

from datetime import date
from math import exp
from random import Random

from appealbus.plugins.surges.series import Book, Series

MONDAY = date(2026, 11, 16)


def poisson(random: Random, mean: float) -> int:
    """Draw a count."""
    count, product, end = 0, random.random(), exp(-mean)
    while product > end:
        count += 1
        product *= random.random()
    return count


def calm(weeks: int, series: int = 40, seed: int = 1, mean: float = 6.0) -> Book:
    """Return a book of series that nothing happens in: one category each, in one district."""
    random = Random(seed)
    found = {Series(f"c{at:03}", "2710"): [poisson(random, mean) for _ in range(weeks)] for at in range(series)}
    return Book(MONDAY, weeks, found)
