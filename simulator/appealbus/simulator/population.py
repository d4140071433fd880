"""The synthetic population: persons, organisations and parcels of any number that follow from a seed.

Nothing is held in memory: who stands at an index, and which index an identifier belongs to, are both computed. A
bigger population with the same seed keeps everybody's identifiers and names; only whom parcels belong to and who
leads organisations is drawn anew.
"""

from appealbus.schemas.parcel import Parcel
from appealbus.simulator.organisations import Organisations
from appealbus.simulator.parcels import Parcels
from appealbus.simulator.persons import Persons

DEFAULT_SEED = 2026
"""Any number will do. Tests and the appeals that ship are written for this one."""
DEFAULT_SIZE = 100_000
"""A small town: namesakes and long chains of owners are in it, and nothing of it is held in memory."""
MAX_SIZE = 20_000_000
"""Persons at most: the number spaces end there."""


class Population:
    """So many persons, a tenth as many organisations (and the state bodies), half as many parcels."""

    def __init__(self, seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> None:
        if not 1 <= size <= MAX_SIZE:
            raise ValueError(f"a population has 1 to {MAX_SIZE} persons")
        self.seed = seed
        self.persons = Persons(seed, size)
        self.organisations = Organisations(seed, size // 10, self.persons)
        self.parcels = Parcels(seed, size // 2 + 1, self.persons, self.organisations)

    def parcel_by_number(self, number: str) -> Parcel | None:
        """Return the parcel behind a cadastral number."""
        index = self.parcels.by_number(number)
        return None if index is None else self.parcels.parcel(index)
