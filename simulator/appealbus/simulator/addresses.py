"""Addresses of parcels, persons and organisations in the synthetic region."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from appealbus.schemas.address import Address, AddressPart
from appealbus.schemas.person import PostalAddress
from appealbus.schemas.record import Coded
from appealbus.simulator.draw import Draw
from appealbus.simulator.places import DISTRICTS, District
from appealbus.simulator.population import Population

_PARCEL, _HOME, _SEAT = "2201", "1201", "1202"
OBLAST = Coded(code="1", name_ru="Область", name_kk="Облыс")
RAYON = Coded(code="2", name_ru="Район", name_kk="Аудан")
CITY = Coded(code="3", name_ru="Город областного значения", name_kk="Облыстық маңызы бар қала")
SETTLEMENT = Coded(code="8", name_ru="Населённый пункт", name_kk="Елді мекен")
STREET = Coded(code="21", name_ru="Улица", name_kk="Көше")
PARCEL = Coded(code="1", name_ru="Земельный участок", name_kk="Жер учаскесі")
BUILDING = Coded(code="2", name_ru="Здание", name_kk="Ғимарат")
ROOM = Coded(code="3", name_ru="Помещение", name_kk="Үй-жай")


class Addresses:
    def __init__(self, population: Population) -> None:
        self._population = population

    def by_rka(self, rka: str, shift: int = 0) -> Address | None:
        """Return the address with a code; with `shift`, another one of the same kind."""
        kind, number = rka[:4], rka[4:]
        if len(rka) != 16 or not rka.isascii() or not rka.isdigit() or int(number) % 2 == 0:
            return None
        index = (int(number) - 1) // 2
        size = {
            _PARCEL: self._population.parcels.size,
            _HOME: self._population.persons.size,
            _SEAT: self._population.organisations.size,
        }.get(kind, 0)
        if index >= size:
            return None
        index = (index + shift) % size
        if kind == _PARCEL:
            return self._parcel(index)
        return self._home(index) if kind == _HOME else self._seat(index)

    def by_cadastral_number(self, number: str, shift: int = 0) -> Address | None:
        """Return a parcel's address; with `shift`, that of another parcel."""
        index = self._population.parcels.by_number(number)
        return None if index is None else self._parcel((index + shift) % self._population.parcels.size)

    def _parcel(self, index: int) -> Address:
        parcel = self._population.parcels.parcel(index)
        district = self._population.parcels.district(index)
        ru, kk = (parcel.address_ru or "").split(", "), (parcel.address_kk or "").split(", ")
        number = ru[4].removeprefix("уч. ") if len(ru) > 4 else None
        own = {"rka": parcel.rka or "", "full_ru": parcel.address_ru, "full_kk": parcel.address_kk, "number": number}
        return self._address(index, district, ru, kk, kind=PARCEL, cadastral_number=parcel.cadastral_number, **own)

    def _seat(self, index: int) -> Address:
        seat = self._population.organisations.organisation(index).address
        if seat is None:
            raise LookupError("an organisation without an address")
        ru, kk = (seat.text_ru or "").split(", "), (seat.text_kk or "").split(", ")
        district = next(row for row in DISTRICTS if row.kato == seat.kato)
        own = {"rka": seat.rka or "", "full_ru": seat.text_ru, "full_kk": seat.text_kk, "number": ru[4]}
        return self._address(index, district, ru, kk, kind=BUILDING, **own)

    def _home(self, index: int) -> Address:
        home = self._population.persons.person(index).address or PostalAddress()
        region = home.region.code if home.region else ""
        district = next(row for row in DISTRICTS if row.gbdfl == region)
        names = [home.district and home.district.name_ru, home.region and home.region.name_ru, home.city, home.street]
        ru = [name for name in names if name]
        full = ", ".join([*ru, home.building or "", *([home.flat] if home.flat else [])])
        own = {"rka": f"{_HOME}{2 * index + 1:012d}", "full_ru": full, "number": home.flat or home.building}
        return self._address(index, district, ru, [], kind=ROOM if home.flat else BUILDING, **own)

    def _address(self, index: int, district: District, ru: list[str], kk: list[str], **own: Any) -> Address:
        parts = list(self._steps(district, ru[:4], kk[:4]))
        day = date(2015 + index % 10, 1 + index % 12, 1 + index % 28)
        return Address(parts=parts, kato=district.kato, actual=True, changed_on=day, **own)

    def _steps(self, district: District, ru: list[str], kk: list[str]) -> Iterator[AddressPart]:
        levels = (OBLAST, CITY if district.city else RAYON, SETTLEMENT, STREET)
        kato = (f"{district.kato[:2]}0000000", district.kato, None, None)
        for at, name in enumerate(ru):
            yield AddressPart(
                level=levels[at],
                name_ru=name.removeprefix("ул. "),
                name_kk=kk[at].removesuffix(" көшесі") if at < len(kk) else None,
                rko=Draw(self._population.seed, "rko", *ru[: at + 1]).digits(8),
                kato=kato[at],
            )
