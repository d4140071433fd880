"""Land parcels of the synthetic region, with rights and encumbrances."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from appealbus.schemas.parcel import Encumbrance, FoundingDocument, Geometry, Holder, Parcel, Right
from appealbus.schemas.record import Coded
from appealbus.simulator import codes, numbers
from appealbus.simulator.draw import Draw, Scatter
from appealbus.simulator.organisations import Organisations
from appealbus.simulator.persons import Persons
from appealbus.simulator.places import BLOCK_INDEX, BLOCKS, OBLASTS, STREETS, District, body_index

_ZONE = timezone(timedelta(hours=5))


class Parcels:
    """Parcels 0 … size-1."""

    def __init__(self, seed: int, size: int, persons: Persons, organisations: Organisations) -> None:
        self.size = size
        self._seed = seed
        self._persons = persons
        self._organisations = organisations
        self._places = Scatter.of(numbers.parcel_space(len(BLOCKS)), seed, "parcel")

    def cadastral_number(self, index: int) -> str:
        block, within, parcel = numbers.split_parcel(self._places.place(index))
        district, step = BLOCKS[block]
        return numbers.cadastral_number(*district.cadastral, step, within, parcel)

    def district(self, index: int) -> District:
        return BLOCKS[numbers.split_parcel(self._places.place(index))[0]][0]

    def by_number(self, number: str) -> int | None:
        """Return the index of a cadastral number, in any punctuation; None if unknown."""
        parts = numbers.split_cadastral(number)
        if parts is None:
            return None
        oblast, rayon, step, within, parcel = parts
        block = BLOCK_INDEX.get((oblast, rayon, step))
        if block is None:
            return None
        index = self._places.index(numbers.join_parcel(block, within, parcel))
        return index if index < self.size else None

    def holders(self, index: int) -> tuple[list[int], int | None]:
        """Return the persons or the organisation that hold a parcel; neither: free state land."""
        draw = Draw(self._seed, "holder", index)
        lot = draw.below(100)
        if lot < 62:
            return [draw.below(self._persons.size)], None
        if lot < 70:
            return list(dict.fromkeys(draw.below(self._persons.size) for _ in range(2))), None
        if lot < 90:
            return [], draw.below(self._organisations.size)
        return [], None

    def arrested(self, index: int) -> bool:
        return Draw(self._seed, "burden", index).below(100) < 4 and self.holders(index) != ([], None)

    def parcel(self, index: int) -> Parcel:
        draw = Draw(self._seed, "parcel", index)
        district = self.district(index)
        purpose, functional, words_ru, words_kk, farm = draw.pick(codes.USES)
        area = Decimal(draw.between(50_000, 9_000_000) if farm else draw.between(400, 2500)) / 10_000
        town_ru, town_kk = draw.pick(district.settlements)
        street_ru, street_kk = draw.pick(STREETS)
        oblast_ru, oblast_kk, _ = OBLASTS[district.cadastral[0]]
        plot = draw.between(1, 250)
        where = (f", ул. {street_ru}, уч. {plot}", f", {street_kk} көшесі, {plot}-учаске") if not farm else ("", "")
        return Parcel(
            cadastral_number=self.cadastral_number(index),
            area=area,
            area_unit=codes.HECTARE,
            category=codes.FARM_LAND if farm else codes.TOWN_LAND,
            purpose_ru=words_ru,
            purpose_kk=words_kk,
            purpose_use=purpose,
            functional_use=functional,
            divisibility=codes.DIVISIBLE if farm or draw.chance(0.3) else codes.INDIVISIBLE,
            rights=self._rights(draw, index, farm=farm),
            encumbrances=self._encumbrances(draw, index),
            geometry=_geometry(draw, area),
            rka=f"2201{2 * index + 1:012d}",
            address_ru=f"{oblast_ru}, {district.name_ru}, {town_ru}{where[0]}",
            address_kk=f"{oblast_kk}, {district.name_kk}, {town_kk}{where[1]}",
            place=Coded(code=district.ate, name_ru=town_ru, name_kk=town_kk),
        )

    def _rights(self, draw: Draw, index: int, *, farm: bool) -> list[Right]:
        people, organisation = self.holders(index)
        if organisation is not None:
            holders = [self._organisation(organisation)]
        elif people:
            holders = [self._person(person) for person in people]
        else:
            return []
        kind = codes.LEASE if farm or draw.chance(0.25) else codes.OWNERSHIP
        if organisation is not None and self._organisations.kind(organisation) is codes.STATE_BODY:
            kind = codes.PERMANENT_USE
        paper, name = ("3602", "Договор аренды") if kind is codes.LEASE else ("3601", "Договор купли-продажи")
        if kind is codes.PERMANENT_USE:
            paper, name = "3603", "Постановление акимата"
        since = _day(draw, date(2005, 1, 1), 7300)
        form = codes.PRIVATE if kind is codes.OWNERSHIP else codes.STATE_OWNED
        document = FoundingDocument(kind=paper, name=name, number=str(draw.between(1, 4000)), issued_on=since)
        # One right in twenty rests on two papers.
        more = []
        second = Draw(self._seed, "second paper", index)
        if second.chance(0.05):
            number, issued = str(second.between(1, 4000)), since + timedelta(days=30)
            more = [FoundingDocument(kind="3604", name="Дополнительное соглашение", number=number, issued_on=issued)]
        common: dict[str, Any] = {"kind": kind, "ownership_form": form, "document": document, "other_documents": more}
        return [Right(holder=holder, registered_at=_moment(draw, since), **common) for holder in holders]

    def _encumbrances(self, draw: Draw, index: int) -> list[Encumbrance]:
        lot = Draw(self._seed, "burden", index).below(100)
        if lot >= 16 or self.holders(index) == ([], None):
            return []
        since = _day(draw, date(2018, 1, 1), 2900)
        if lot < 4:
            kind, paper = codes.ARREST, ("3701", "Постановление судебного исполнителя")
            interested = self._organisation(body_index("justice", self.district(index)))
        elif lot < 12:
            kind, paper = codes.PLEDGE, ("3702", "Договор залога")
            interested = Holder(bin=None, name_ru="Банк второго уровня", name_kk="Екінші деңгейдегі банк")
        else:
            kind, paper = codes.RESTRICTION, ("3703", "Решение об установлении охранной зоны")
            interested = self._organisation(body_index("land", self.district(index)))
        document = FoundingDocument(kind=paper[0], name=paper[1], number=str(draw.between(1, 900)), issued_on=since)
        moment = _moment(draw, since)
        return [Encumbrance(kind=kind, interested=interested, registered_at=moment, document=document)]

    def _person(self, index: int) -> Holder:
        name = self._persons.name(index)
        full = " ".join(filter(None, (name.surname, name.name, name.patronymic)))
        return Holder(iin=self._persons.iin(index), name_ru=full, name_kk=full)

    def _organisation(self, index: int) -> Holder:
        ru, kk = self._organisations.name(index)
        return Holder(bin=self._organisations.bin(index), name_ru=ru, name_kk=kk)


def _day(draw: Draw, first: date, span: int) -> date:
    return first + timedelta(days=draw.below(span))


def _moment(draw: Draw, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, draw.between(9, 17), draw.below(60), tzinfo=_ZONE).astimezone(UTC)


def _geometry(draw: Draw, hectares: Decimal) -> Geometry:
    """Return a rectangle of the exact area near 51° E, in UTM zone 39, in metres."""
    area = float(hectares) * 10_000
    width = (area * draw.between(50, 200) / 100) ** 0.5
    x, y = 560_000 + draw.below(200_000), 5_520_000 + draw.below(300_000)
    right, top = x + width, y + area / width
    ring = ((x, y), (right, y), (right, top), (x, top), (x, y))
    text = ", ".join(f"{px:.2f} {py:.2f}" for px, py in ring)
    return Geometry(wkt=f"MULTIPOLYGON((({text})))", epsg=32639)
