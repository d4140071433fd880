"""The synthetic population: persons, organisations and parcels of any number that follow from a seed.

Nothing is held in memory: who stands at an index, and which index an identifier belongs to, are both computed. A
bigger population with the same seed keeps everybody's identifiers and names; only whom parcels belong to and who
leads organisations is drawn anew.
"""

from collections.abc import Iterator
from datetime import date

from appealbus.plugins.simulator.organisations import Organisations
from appealbus.plugins.simulator.parcels import Parcels
from appealbus.plugins.simulator.persons import Persons
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.person import Person

DEFAULT_SEED = 2026
DEFAULT_SIZE = 100_000
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

    def person_by_iin(self, iin: str) -> Person | None:
        """Return the person behind an ИИН."""
        index = self.persons.by_iin(iin)
        return None if index is None else self.persons.person(index)

    def person_by_document(self, number: str) -> Person | None:
        """Return the person whose identity document, now or earlier, has the number."""
        index = self.persons.by_document(number)
        return None if index is None else self.persons.person(index)

    def persons_by_name(
        self, birth_date: date, surname: str, name: str, patronymic: str | None = None
    ) -> Iterator[Person]:
        """Yield everybody of the name born on the day; spelling of Kazakh letters and ё does not matter."""
        for index in self.persons.by_name(birth_date, surname, name, patronymic):
            yield self.persons.person(index)

    def organisation_by_bin(self, bin_: str) -> Organisation | None:
        """Return the organisation behind a БИН."""
        index = self.organisations.by_bin(bin_)
        return None if index is None else self.organisations.organisation(index)

    def parcel_by_number(self, number: str) -> Parcel | None:
        """Return the parcel behind a cadastral number."""
        index = self.parcels.by_number(number)
        return None if index is None else self.parcels.parcel(index)
