"""The synthetic population: any number of persons, organisations and parcels, determined by a seed.

Nothing is held in memory: both directions between index and identifier are computed. A larger population with the same
seed keeps identifiers and names; only owners of parcels and leaders of organisations change.
"""

from appealbus.schemas.parcel import Parcel
from appealbus.simulator.organisations import Organisations
from appealbus.simulator.parcels import Parcels
from appealbus.simulator.persons import Persons

DEFAULT_SEED = 2026
"""Arbitrary, but tests and the example appeals depend on it."""
DEFAULT_SIZE = 100_000
"""A small town: enough for namesakes and long chains of owners."""
MAX_SIZE = 20_000_000
"""Maximum number of persons, limited by the number spaces."""


class Population:
    """A number of persons, a tenth as many organisations (plus the state bodies), half as many parcels."""

    def __init__(self, seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> None:
        if not 1 <= size <= MAX_SIZE:
            raise ValueError(f"a population has 1 to {MAX_SIZE} persons")
        self.seed = seed
        self.persons = Persons(seed, size)
        self.organisations = Organisations(seed, size // 10, self.persons)
        self.parcels = Parcels(seed, size // 2 + 1, self.persons, self.organisations)

    def parcel_by_number(self, number: str) -> Parcel | None:
        index = self.parcels.by_number(number)
        return None if index is None else self.parcels.parcel(index)
