"""Short and long forms of a test: the same proof in smaller and in larger numbers.

`make test` runs the short forms, `make proof` the long ones.
"""

import os
from typing import TypeVar

T = TypeVar("T")

LONG = bool(os.environ.get("APPEALBUS_LONG"))
SEED = int(os.environ.get("APPEALBUS_SEED") or 0)
"""Of a test's random examples: the same each time unless `make proof SEED=random` tries others."""


def form(short: T, long: T) -> T:
    """Return the number of the form that runs."""
    return long if LONG else short


def seeds(short: int, long: int) -> range:
    """Return the seeds of the form that runs."""
    return range(SEED, SEED + form(short, long))
