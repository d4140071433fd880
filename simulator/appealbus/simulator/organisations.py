"""Organisations of the synthetic population: state bodies, then firms and farms led by its people."""

from datetime import date, timedelta

from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded
from appealbus.simulator import codes, numbers
from appealbus.simulator.draw import Draw, Scatter
from appealbus.simulator.names import words
from appealbus.simulator.persons import Persons
from appealbus.simulator.places import BODIES, DISTRICTS, OBLASTS, STREETS, District

_HOMES = tuple(district for district in DISTRICTS if district.home for _ in range(district.weight))
_FIRST = words("Жайык Акжол Батыс Орал Нур Береке Дала Алтын Ак-Бидай Сарыарка Жер-Ана Бейбарыс Каспий Шагала Кокжиек")
_SECOND = words("Агро Курылыс Сервис Трейд Транс Инвест Продукт Ойл Строй Групп Маркет Дан")
_FARMS = words("Жана-Омир Достык Айгерим Нурлы-Жол Бастау Кызыл-Жар Тулпар Ак-Булак Мереке Атамекен Ырыс Саяхат")


class Organisations:
    """Organisations 0 … size-1; the first are BODIES."""

    def __init__(self, seed: int, size: int, persons: Persons) -> None:
        self.size = len(BODIES) + size
        self._seed = seed
        self._persons = persons
        self._bins = Scatter.of(numbers.ORGANISATION_SPACE, seed, "bin")

    def kind(self, index: int) -> Coded:
        if index < len(BODIES):
            return codes.STATE_BODY
        lot = Draw(self._seed, "form", index).below(100)
        return codes.FARM if lot < 35 else codes.COOPERATIVE if lot < 45 else codes.LLP

    def bin(self, index: int) -> str:
        return numbers.bin_of(self._bins.place(index), "60" if self.kind(index) is codes.FARM else "40")

    def by_bin(self, bin_: str) -> int | None:
        """Return the index of a БИН; None if unknown."""
        place = numbers.place_of_bin(bin_)
        if place is None:
            return None
        index = self._bins.index(place)
        return index if index < self.size and self.bin(index) == bin_ else None

    def leader(self, index: int) -> int:
        """Return the leader's index among persons; always somebody alive."""
        draw = Draw(self._seed, "leader", index)
        person = draw.below(self._persons.size)
        for step in range(self._persons.size):
            candidate = (person + step) % self._persons.size
            if not self._persons.dead(candidate):
                return candidate
        return person

    def liquidated(self, index: int) -> bool:
        """Whether it is liquidated; state bodies never are."""
        return index >= len(BODIES) and Draw(self._seed, "end", index).chance(0.04)

    def name(self, index: int) -> tuple[str, str]:
        if index < len(BODIES):
            body = BODIES[index]
            return f"ГУ «{body.name_ru}»", f"«{body.name_kk}» ММ"
        draw = Draw(self._seed, "title", index)
        kind = self.kind(index)
        if kind is codes.FARM:
            title = f"{draw.pick(_FARMS)}-{draw.between(1, 99)}"
            return f"КХ «{title}»", f"«{title}» ШҚ"
        if kind is codes.COOPERATIVE:
            number = draw.between(1, 240)
            street_ru, street_kk = draw.pick(STREETS)
            return f"КСК «{street_ru}, {number}»", f"«{street_kk}, {number}» ПИК"
        title = f"{draw.pick(_FIRST)} {draw.pick(_SECOND)}"
        return f"ТОО «{title}»", f"«{title}» ЖШС"

    def organisation(self, index: int) -> Organisation:
        draw = Draw(self._seed, "organisation", index)
        year, month = numbers.month_of(self._bins.place(index))
        kind, (ru, kk) = self.kind(index), self.name(index)
        leader = self._leader(draw, index)
        gone = self.liquidated(index)
        body = index < len(BODIES)
        main = codes.GOVERNING if body else codes.HOMES if kind is codes.COOPERATIVE else draw.pick(codes.ACTIVITIES)
        whole = Organisation(
            bin=self.bin(index),
            name_ru=_long(ru, kind.name_ru),
            name_kk=_long(kk, kind.name_kk),
            short_name_ru=ru,
            short_name_kk=kk,
            registration_status=codes.LIQUIDATED if gone else codes.ACTIVE,
            registered_on=date(year, month, draw.between(1, 28)),
            registered_by=codes.JUSTICE,
            liquidated_on=date(2022, 1, 1) + timedelta(days=draw.below(1400)) if gone else None,
            legal_form=kind,
            inactive_taxpayer=gone or draw.chance(0.05),
            leader=leader,
            founders=[] if body else _founders(draw, leader, self._persons),
            activities=[main],
            address=_address(draw, self.district(index), index),
        )
        return _foreign(whole) if self.nonresident(index) else whole

    def nonresident(self, index: int) -> bool:
        """Whether it is foreign, so that the register knows less: one partnership in a hundred."""
        return self.kind(index) is codes.LLP and Draw(self._seed, "abroad", index).chance(0.01)

    def district(self, index: int) -> District:
        if index < len(BODIES):
            return next((place for place in DISTRICTS if place.kato == BODIES[index].kato), DISTRICTS[0])
        return Draw(self._seed, "seat", index).pick(_HOMES)

    def _leader(self, draw: Draw, index: int) -> Leader:
        person = self.leader(index)
        name = self._persons.name(person)
        return Leader(
            iin=self._persons.iin(person),
            surname=name.surname,
            name=name.name,
            patronymic=name.patronymic,
            position="Глава" if self.kind(index) is codes.FARM else "Руководитель",
            since=date(2012, 1, 1) + timedelta(days=draw.below(4900)),
        )


def _foreign(whole: Organisation) -> Organisation:
    return Organisation(
        bin=whole.bin,
        name_ru=whole.name_ru,
        registration_status=whole.registration_status,
        registered_on=whole.registered_on,
        liquidated_on=whole.liquidated_on,
        legal_form=whole.legal_form,
        leader=whole.leader and whole.leader.model_copy(update={"position": None, "since": None}),
        address=whole.address and whole.address.model_copy(update={"rka": None}),
    )


def _founders(draw: Draw, leader: Leader, persons: Persons) -> list[Founder]:
    partner = draw.below(persons.size)
    shares = [("100", leader.iin, f"{leader.surname} {leader.name}")]
    if draw.chance(0.3) and persons.iin(partner) != leader.iin:
        name = persons.name(partner)
        shares = [
            ("60", leader.iin, f"{leader.surname} {leader.name}"),
            ("40", persons.iin(partner), f"{name.surname} {name.name}"),
        ]
    return [Founder(iin=iin, name=name, percent=percent) for percent, iin, name in shares]


def _long(short: str, form: str | None) -> str:
    title = short[short.index("«") : short.index("»") + 1]
    return f"{form} {title}" if not short.startswith("«") else f"{title} {str(form).lower()}"


def _address(draw: Draw, district: District, index: int) -> LegalAddress:
    oblast_ru, oblast_kk, _ = OBLASTS[district.cadastral[0]]
    town_ru, town_kk = district.settlements[0]
    street_ru, street_kk = draw.pick(STREETS)
    house = draw.between(1, 200)
    return LegalAddress(
        rka=f"1202{2 * index + 1:012d}",
        kato=district.kato,
        text_ru=f"{oblast_ru}, {district.name_ru}, {town_ru}, ул. {street_ru}, {house}",
        text_kk=f"{oblast_kk}, {district.name_kk}, {town_kk}, {street_kk} көшесі, {house}",
    )
