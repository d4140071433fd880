"""The synthetic population: its identifiers hold for the bus's own rules, and everybody is found by them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.schemas.identifiers import parse_bin, parse_cadastral_number, parse_iin, parse_rka
from appealbus.simulator import codes
from appealbus.simulator.places import BODIES, DISTRICTS
from appealbus.simulator.population import MAX_SIZE, Population

seeds = st.integers(0, 2**63)
persons = st.integers(0, MAX_SIZE - 1)


@given(seeds, persons)
def test_persons_have_valid_numbers_and_are_found_by_them(seed: int, index: int):
    """An ИИН is valid, of the nineteenth century, says birth date and sex, and leads back to its owner."""
    people = Population(seed, MAX_SIZE).persons
    person = people.person(index)
    assert parse_iin(person.iin) == person.iin
    assert person.iin[6] in "12"
    assert person.iin[:6] == f"{person.birth_date:%y%m%d}"
    assert 1830 <= person.birth_date.year < 1890
    assert person.gender.code == person.iin[6]
    assert people.by_iin(person.iin) == index
    assert people.by_document(person.documents[0].number) == index
    assert parse_rka(str(person.address and person.address.rka))


@given(seeds, st.integers(0, MAX_SIZE // 10))
def test_organisations_have_valid_numbers_and_are_found_by_them(seed: int, index: int):
    """A БИН is valid, agrees with the registration month and leads back to its owner."""
    firms = Population(seed, MAX_SIZE).organisations
    firm = firms.organisation(index)
    assert parse_bin(firm.bin) == firm.bin
    assert firm.bin[:4] == f"{firm.registered_on:%y%m}"
    assert firms.by_bin(firm.bin) == index


@given(seeds, st.integers(0, MAX_SIZE // 2))
def test_parcels_have_valid_numbers_and_are_found_by_them(seed: int, index: int):
    """A cadastral number is in normal form, leads back to its parcel in any punctuation, and rights name holders."""
    land = Population(seed, MAX_SIZE).parcels
    parcel = land.parcel(index)
    number = parcel.cadastral_number
    assert parse_cadastral_number(number) == number
    assert number[:2] in {"08", "02", "04"}
    for written in (number, number.replace("-", ":"), number.replace("-", ""), number.replace("-", " ")):
        assert land.by_number(written) == index
    assert all(right.holder.iin or right.holder.bin for right in parcel.rights)
    assert parcel.geometry is not None
    assert parcel.geometry.wkt.startswith("MULTIPOLYGON(((")


@given(seeds, st.integers(0, 2999))
def test_persons_are_found_by_name_and_birth_date(seed: int, index: int):
    """Name and birth date find a person, also without capitals and Kazakh letters, and nobody of another name."""
    everybody = Population(seed, 3000)
    person = everybody.persons.person(index)
    surname, name = str(person.surname).lower().translate(PLAIN), str(person.name).lower().translate(PLAIN)
    people = everybody.persons
    found = [people.person(each) for each in people.by_name(person.birth_date, surname, name)]
    assert person in found
    assert all((other.surname, other.birth_date) == (person.surname, person.birth_date) for other in found)
    assert not list(people.by_name(person.birth_date, surname + "х", name))
    assert not list(people.by_name(date(1930, 1, 1), surname, name))


PLAIN = str.maketrans("ёәғқңөұүһі", "еагкноуухи")


def test_identifiers_are_unique(population: Population):
    """No identifier is given twice."""
    people, firms, land = population.persons, population.organisations, population.parcels
    assert len({people.iin(i) for i in range(people.size)}) == people.size
    assert len({people.document_number(i) for i in range(people.size)}) == people.size
    assert len({firms.bin(i) for i in range(firms.size)}) == firms.size
    assert len({land.cadastral_number(i) for i in range(land.size)}) == land.size


def test_same_seed_same_people(population: Population):
    """A population made anew is the same, and a bigger one keeps everybody's identity."""
    again, bigger = Population(population.seed, population.persons.size), Population(population.seed, MAX_SIZE)
    for index in range(50):
        assert again.persons.person(index) == population.persons.person(index)
        assert again.organisations.organisation(index) == population.organisations.organisation(index)
        assert again.parcels.parcel(index) == population.parcels.parcel(index)
        assert bigger.persons.person(index) == population.persons.person(index)
    assert Population(population.seed + 1, 50).persons.iin(0) != population.persons.iin(0)


@pytest.mark.parametrize(
    "iin", ["", "750301100018", "751301100011", "123123123123", "900101300017", "75030110001", "７50301100019"]
)
def test_what_is_no_ones_iin_finds_nobody(population: Population, iin: str):
    """A malformed ИИН, one of our century, and one of nobody find nobody."""
    assert population.persons.by_iin(iin) is None


def test_beyond_the_population_there_is_nobody(population: Population):
    """Numbers that a larger population would have given are not known."""
    bigger = Population(population.seed, MAX_SIZE)
    assert population.persons.by_iin(bigger.persons.iin(population.persons.size)) is None
    assert population.persons.by_document(bigger.persons.document_number(population.persons.size)) is None
    assert population.organisations.by_bin(bigger.organisations.bin(population.organisations.size)) is None
    assert population.parcel_by_number(bigger.parcels.cadastral_number(population.parcels.size)) is None
    assert population.parcel_by_number("08-130-100-045") is None
    assert population.parcel_by_number("08-130") is None
    assert population.organisations.by_bin("940340000421") is None


def test_names_fit_their_bearers(population: Population):
    """Patronymics and Russified surnames end as the gender asks; both languages and all styles are there."""
    endings = set()
    for index in range(800):
        person = population.persons.person(index)
        male = person.gender is codes.MALE
        for text, pairs in ((person.patronymic, PATRONYMICS), (person.surname, SURNAMES)):
            for his, hers in pairs:
                if text and text.endswith(hers if not male else his):
                    endings.add(his if male else hers)
                assert not (text and text.endswith(his if not male else hers))
    assert endings == {ending for pair in PATRONYMICS + SURNAMES for ending in pair}


PATRONYMICS = [("ҰЛЫ", "ҚЫЗЫ"), ("ОВИЧ", "ОВНА"), ("ЕВИЧ", "ЕВНА")]
SURNAMES = [("ОВ", "ОВА"), ("ЕВ", "ЕВА")]


def test_the_dead_are_coherent(population: Population):
    """Some have died: their status, date and documents agree. Some of the living have bad papers."""
    people = [population.persons.person(index) for index in range(2000)]
    dead = [person for person in people if person.death_date]
    assert 20 < len(dead) < 120
    assert all(person.life_status is codes.DEAD and person.documents[0].status is codes.AFTER_DEATH for person in dead)
    living = [person for person in people if not person.death_date]
    assert all(person.life_status is codes.ALIVE for person in living)
    assert any(person.documents[0].status is codes.UNFIT for person in living)
    assert any(person.documents[0].end_date < date(2026, 1, 1) for person in living if person.documents[0].end_date)
    assert all(paper.begin_date < paper.end_date for person in people for paper in person.documents if paper.end_date)


def test_leaders_are_of_the_population_and_alive(population: Population):
    """Whoever leads an organisation is somebody whom the register of persons knows, under the same name."""
    for index in range(0, population.organisations.size, 7):
        leader = population.organisations.organisation(index).leader
        assert leader is not None
        index_of_leader = population.persons.by_iin(str(leader.iin))
        assert index_of_leader is not None
        person = population.persons.person(index_of_leader)
        assert person.surname == leader.surname
        assert person.death_date is None


def test_parcels_are_as_varied_as_life(population: Population):
    """There is land of persons, of two of them, of organisations and of nobody; arrests, pledges, restrictions."""
    parcels = [population.parcels.parcel(index) for index in range(1500)]
    for parcel in parcels:
        for right in parcel.rights:
            if right.holder.iin:
                assert population.persons.by_iin(right.holder.iin) is not None
            else:
                assert population.organisations.by_bin(str(right.holder.bin)) is not None
    assert {len(parcel.rights) for parcel in parcels} == {0, 1, 2}
    assert {burden.kind.code for parcel in parcels for burden in parcel.encumbrances} == {"3011", "3021", "3041"}
    arrested = [index for index in range(1500) if population.parcels.arrested(index)]
    assert arrested
    assert all(parcels[index].encumbrances[0].kind is codes.ARREST for index in arrested)
    home = [index for index in range(1500) if population.parcels.district(index).home]
    assert 0.9 < len(home) / 1500 < 1


def test_state_bodies_are_there(population: Population):
    """Addressees of letters are organisations with a БИН, one land department in each district."""
    names = [population.organisations.organisation(index).name_ru for index in range(len(BODIES))]
    assert all(name.startswith("Государственное учреждение «") for name in names)
    assert sum("Отдел земельных отношений" in name for name in names) == len(DISTRICTS)


def test_the_smallest_population_works():
    """One person is a population too."""
    alone = Population(3, 1)
    assert alone.persons.person(0).iin
    assert alone.parcels.parcel(0).cadastral_number
    assert alone.organisations.organisation(0).leader
    with pytest.raises(ValueError, match="1 to"):
        Population(3, 0)
