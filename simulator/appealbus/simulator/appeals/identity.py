"""How applicants identify themselves: mostly correctly, often not."""

from datetime import timedelta
from typing import Any

from appealbus.schemas.appeal import Language
from appealbus.simulator.appeals.matters import Matter
from appealbus.simulator.draw import Draw
from appealbus.simulator.names import VARIANTS, FullName, title
from appealbus.simulator.places import DISTRICTS, STREETS
from appealbus.simulator.population import MAX_SIZE, Population

_WAYS = (
    ("", 56),
    ("iin_in_text", 8),
    ("no_iin", 9),
    ("by_document", 5),
    ("wrong_digit", 9),
    ("spelling", 6),
    ("birth_date", 3),
    ("nobody", 3),
    ("nameless", 1),
)
"""Defects of a person's identification, with weights in percent."""


_TOWNS = {pair[0].upper(): pair for district in DISTRICTS for pair in district.settlements}
_STREETS = {pair[0].upper(): pair for pair in STREETS}


def written_name(name: FullName) -> str:
    return " ".join(title(part) for part in (name.surname, name.name, name.patronymic) if part)


def way(draw: Draw) -> str:
    lot = draw.below(100)
    for word, weight in _WAYS:
        lot -= weight
        if lot < 0:
            return word
    raise AssertionError("the weights add up to 100")


def person(population: Population, draw: Draw, index: int, odd: str, language: Language) -> dict[str, Any]:
    record = population.persons.person(index)
    name = population.persons.name(index)
    parts = {"surname": name.surname, "name": name.name, "patronymic": name.patronymic}
    fields: dict[str, Any] = {key: title(value) for key, value in parts.items() if value}
    fields |= {
        "type": "person",
        "iin": record.iin,
        "address": address(population, index, language),
        "phone": _phone(draw),
    }
    if draw.chance(0.5):
        fields["birth_date"] = record.birth_date.isoformat()
    if draw.chance(0.3):
        fields["email"] = f"applicant{draw.digits(5)}@example.com"
    match odd:
        case "iin_in_text":
            del fields["iin"]
        case "no_iin":
            del fields["iin"]
            fields["birth_date"] = record.birth_date.isoformat()
        case "by_document":
            del fields["iin"]
            fields["document_number"] = population.persons.document_number(index)
        case "wrong_digit":
            fields["iin"] = wrong_digit(record.iin)
        case "spelling":
            fields |= {key: _respelt(fields[key]) for key in ("surname", "name") if key in fields}
        case "birth_date":
            fields["birth_date"] = (record.birth_date + timedelta(days=draw.pick((1, -1, 31, 365)))).isoformat()
        case "nobody":
            # One who is in the number space, but beyond the largest population.
            fields["iin"] = population.persons.iin(MAX_SIZE + draw.below(1000))
        case "nameless":
            fields = {"type": "person", "phone": fields["phone"]}
    return fields


def organisation(population: Population, draw: Draw, about: Matter, odd: str, language: Language) -> dict[str, Any]:
    index = about.organisation or 0
    ru, kk = population.organisations.name(index)
    fields: dict[str, Any] = {
        "type": "organisation",
        "bin": population.organisations.bin(index),
        "organisation_name": kk if language is Language.KAZAKH else ru,
        "leader_iin": population.persons.iin(about.person),
        "leader_name": written_name(population.persons.name(about.person)),
        "phone": _phone(draw),
    }
    if odd == "wrong_digit":
        fields["bin"] = wrong_digit(fields["bin"])
    elif odd == "iin_in_text":
        del fields["bin"]
    return fields


def address(population: Population, index: int, language: Language) -> str:
    home = population.persons.person(index).address
    assert home is not None  # noqa: S101 - everybody in the population has an address
    city, street = str(home.city), str(home.street).removeprefix("УЛИЦА ")
    if language is Language.KAZAKH:
        flat = f", {home.flat}-пәтер" if home.flat else ""
        return f"{_TOWNS[city][1]}, {_STREETS[street][1]} көшесі, {home.building}-үй{flat}"
    flat = f", кв. {home.flat}" if home.flat else ""
    return f"{_TOWNS[city][0]}, ул. {_STREETS[street][0]}, д. {home.building}{flat}"


def wrong_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 3) % 10)


def _respelt(name: str) -> str:
    plain = name.translate(VARIANTS)
    return plain if plain != name else name.replace("ов", "ав", 1)


def _phone(draw: Draw) -> str:
    # No such area code: nobody can be called by it.
    return f"+7 000 {draw.digits(3)} {draw.digits(2)} {draw.digits(2)}"
