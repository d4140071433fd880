"""Persons of the synthetic population, computed from their index on demand."""

from collections.abc import Iterator
from datetime import date, timedelta

from appealbus.schemas.person import IdentityDocument, Person, PostalAddress
from appealbus.schemas.record import Coded
from appealbus.simulator import codes, numbers
from appealbus.simulator.draw import Draw, Scatter
from appealbus.simulator.names import VARIANTS, FullName, full_name
from appealbus.simulator.places import DISTRICTS, OBLASTS, STREETS, District

TODAY = date(2026, 3, 1)
"""The synthetic world's date: documents that end before it are expired."""

_HOMES = tuple(district for district in DISTRICTS if district.home for _ in range(district.weight))


def same(left: str | None, right: str | None) -> bool:
    """Whether two spellings are the same name, ignoring case, Kazakh letters and ё."""
    return (left or "").translate(VARIANTS).lower() == (right or "").translate(VARIANTS).lower()


class Persons:
    """Persons 0 … size-1."""

    def __init__(self, seed: int, size: int) -> None:
        self.size = size
        self._seed = seed
        self._iins = Scatter.of(numbers.PERSON_SPACE, seed, "iin")
        # Even numbers are documents in hand, odd ones those before them.
        self._papers = Scatter.of(10**9, seed, "papers")

    def iin(self, index: int) -> str:
        return numbers.iin_of(self._iins.place(index))

    def name(self, index: int) -> FullName:
        return full_name(Draw(self._seed, "name", index), male=numbers.birth_of(self._iins.place(index))[1])

    def document_number(self, index: int) -> str:
        return f"{self._papers.place(2 * index):09d}"

    def home(self, index: int) -> District:
        return Draw(self._seed, "home", index).pick(_HOMES)

    def dead(self, index: int) -> bool:
        return Draw(self._seed, "life", index).chance(0.03)

    def by_iin(self, iin: str) -> int | None:
        """Return the index of an ИИН; None if unknown."""
        place = numbers.place_of_iin(iin)
        if place is None or numbers.iin_of(place) != iin:
            return None
        index = self._iins.index(place)
        return index if index < self.size else None

    def by_document(self, number: str) -> int | None:
        """Return the index of a document number's holder; None if unknown."""
        if len(number) != 9 or not number.isascii() or not number.isdigit():
            return None
        index, previous = divmod(self._papers.index(int(number)), 2)
        if index >= self.size or (previous and not self._had_another(index)):
            return None
        return index

    def by_name(self, born: date, surname: str, name: str, patronymic: str | None = None) -> Iterator[int]:
        """Yield the namesakes born on a day; the cost depends only on the number of people born that day."""
        for place in numbers.places_of_birth(born):
            index = self._iins.index(place)
            if index < self.size:
                full = self.name(index)
                wanted = same(full.surname, surname) and same(full.name, name)
                if wanted and (not patronymic or same(full.patronymic, patronymic)):
                    yield index

    def person(self, index: int) -> Person:
        draw = Draw(self._seed, "person", index)
        born, male = numbers.birth_of(self._iins.place(index))
        full = self.name(index)
        died = TODAY - timedelta(days=draw.between(30, 3000)) if self.dead(index) else None
        odd = draw.below(1000)
        citizenship = draw.pick(codes.FOREIGN) if odd < 15 else codes.KAZAKHSTAN
        return Person(
            iin=self.iin(index),
            surname=full.surname,
            name=full.name,
            patronymic=full.patronymic,
            birth_date=born,
            death_date=died,
            gender=codes.MALE if male else codes.FEMALE,
            nationality=codes.KAZAKH if full.kazakh else codes.RUSSIAN,
            citizenship=citizenship,
            life_status=codes.DEAD if died else codes.ALIVE,
            birth_place=_birth_place(draw),
            address=_address(draw, self.home(index), index),
            documents=self._documents(draw, index, died),
            incapable_since=date(2019, 5, 14) if odd == 998 else None,
            missing_since=date(2021, 9, 2) if odd == 997 else None,
            excluded=codes.LEFT if odd == 999 else None,
        )

    def _had_another(self, index: int) -> bool:
        return Draw(self._seed, "had another", index).chance(0.3)

    def _documents(self, draw: Draw, index: int, died: date | None) -> list[IdentityDocument]:
        begin = date(2017, 1, 1) + timedelta(days=draw.below(2900))
        status, invalid_since = codes.VALID, None
        lot = draw.below(100)
        if lot < 4:
            # Run out: ten years are over, whatever the status says.
            begin = date(2010, 1, 1) + timedelta(days=draw.below(2000))
        elif lot < 7:
            status, invalid_since = codes.UNFIT, date(2024, 1, 1) + timedelta(days=draw.below(700))
        if died:
            begin = min(begin, died - timedelta(days=200))
            status, invalid_since = codes.AFTER_DEATH, died
        documents = [_document(codes.IDENTITY_CARD, self.document_number(index), begin, status, invalid_since)]
        if self._had_another(index):
            number = f"{self._papers.place(2 * index + 1):09d}"
            earlier = begin - timedelta(days=3652)
            documents.append(_document(codes.IDENTITY_CARD, number, earlier, codes.REPLACED, begin))
        return documents


def _document(kind: Coded, number: str, begin: date, status: Coded, invalid_since: date | None) -> IdentityDocument:
    end = begin + timedelta(days=3652)
    return IdentityDocument(
        kind=kind,
        number=number,
        begin_date=begin,
        end_date=end,
        issuer=codes.INTERIOR,
        status=status,
        invalid_since=invalid_since,
    )


def _oblast(district: District) -> Coded:
    ru, kk, code = OBLASTS[district.cadastral[0]]
    return Coded(code=code, name_ru=ru.upper(), name_kk=kk.upper())


def _region(district: District) -> Coded:
    ru, kk = district.name_ru.removeprefix("г. "), district.name_kk.removesuffix(" қаласы")
    return Coded(code=district.gbdfl, name_ru=ru.upper(), name_kk=kk.upper())


def _birth_place(draw: Draw) -> PostalAddress:
    district = draw.pick(_HOMES)
    return PostalAddress(
        country=codes.KAZAKHSTAN,
        district=_oblast(district),
        region=_region(district),
        city=draw.pick(district.settlements)[0].upper(),
    )


def _address(draw: Draw, district: District, index: int) -> PostalAddress:
    flat = str(draw.between(1, 120)) if district.city and draw.chance(0.6) else None
    return PostalAddress(
        country=codes.KAZAKHSTAN,
        district=_oblast(district),
        region=_region(district),
        city=draw.pick(district.settlements)[0].upper(),
        street=f"УЛИЦА {draw.pick(STREETS)[0].upper()}",
        building=str(draw.between(1, 180)),
        flat=flat,
        begin_date=date(2005, 1, 1) + timedelta(days=draw.below(7000)),
        status=codes.REGISTERED,
        rka=f"1201{2 * index + 1:012d}",
    )
