"""The facts of a letter: applicant, parcels and place."""

from collections.abc import Callable
from dataclasses import dataclass

from appealbus.simulator.draw import Draw
from appealbus.simulator.persons import Persons
from appealbus.simulator.places import DISTRICTS, District
from appealbus.simulator.population import Population

_HOMES = tuple(district for district in DISTRICTS if district.home for _ in range(district.weight))

_LAND = ("", "claims", "", "led", "foreign", "", "deceased", "claims", "led", "", "unknown")
_LAND_OF_FIRMS = ("foreign", "unknown")
"""Defects of one's own parcel; with `claims` it belongs to somebody else."""


@dataclass(frozen=True, slots=True)
class Matter:
    """The facts behind a letter.

    Attributes:
        person: the applicant, or the signer for the organisation.
        organisation: the applicant, if it is an organisation.
        parcels: cadastral numbers as in the register.
        district: the place.
        dirt: defects and special features.
    """

    person: int
    organisation: int | None
    parcels: tuple[str, ...]
    district: District
    dirt: frozenset[str]


def matter(population: Population, draw: Draw, topic: str, who: str, turn: int) -> Matter:
    """Return the facts of a letter on a topic; `turn` rotates through the special features."""
    if topic == "other":
        return _everyday(population, draw, who)
    dirt = {topic} if topic in ("arrest", "stranger", "free", "two") else set()
    if topic == "own":
        special = _LAND[turn % len(_LAND)]
        if special and (who == "person" or special in _LAND_OF_FIRMS):
            dirt.add(special)
    parcel = _parcel(population, draw, topic, who, dirt)
    people, organisation = population.parcels.holders(parcel)
    writer = _alive(population.persons, draw)
    if who == "organisation" and (topic == "stranger" or organisation is None):
        organisation = draw.below(population.organisations.size)
    if organisation is not None and (who == "organisation" or "led" in dirt):
        writer = population.organisations.leader(organisation)
    elif people and topic in ("own", "two", "arrest") and "claims" not in dirt:
        writer = people[0]
    number = population.parcels.cadastral_number(parcel)
    parcels: tuple[str, ...] = (number,)
    district = population.parcels.district(parcel)
    if topic == "two":
        parcels = (number, _neighbour(population, draw, district))
    if "unknown" in dirt:
        # A quarter that the synthetic cadastre does not have.
        parcels = (f"{number[:7]}{draw.between(100, 400)}-{number.rpartition('-')[2]}",)
    if "foreign" in dirt:
        district = draw.pick(_HOMES)
    return Matter(writer, organisation if who == "organisation" else None, parcels, district, frozenset(dirt))


def _everyday(population: Population, draw: Draw, who: str) -> Matter:
    if who == "organisation":
        index = draw.between(population.organisations.size // 2, population.organisations.size - 1)
        leader = population.organisations.leader(index)
        return Matter(leader, index, (), population.organisations.district(index), frozenset())
    if draw.chance(0.03):
        person = _first(population.persons.size, draw, population.persons.dead)
        return Matter(person, None, (), population.persons.home(person), frozenset({"deceased"}))
    person = _alive(population.persons, draw)
    return Matter(person, None, (), population.persons.home(person), frozenset())


def _parcel(population: Population, draw: Draw, topic: str, who: str, dirt: set[str]) -> int:
    parcels, persons = population.parcels, population.persons

    def fits(index: int) -> bool:
        people, organisation = parcels.holders(index)
        if parcels.district(index).home == ("foreign" in dirt):
            return False
        if topic == "free":
            return not people and organisation is None
        if topic == "stranger":
            return bool(people) or organisation is not None
        if who == "organisation" or "led" in dirt:
            return organisation is not None and not parcels.arrested(index)
        if not people or persons.dead(people[0]) != ("deceased" in dirt):
            return False
        return parcels.arrested(index) == (topic == "arrest")

    return _first(parcels.size, draw, fits)


def _neighbour(population: Population, draw: Draw, district: District) -> str:
    parcels = population.parcels
    return parcels.cadastral_number(_first(parcels.size, draw, lambda index: parcels.district(index) is district))


def _alive(persons: Persons, draw: Draw) -> int:
    return _first(persons.size, draw, lambda index: not persons.dead(index))


def _first(size: int, draw: Draw, fits: Callable[[int], bool]) -> int:
    """Return the first index that fits, from a random one on; any index if none fits, as in a tiny population."""
    start = draw.below(size)
    return next((index % size for index in range(start, start + min(size, 20_000)) if fits(index % size)), start)
