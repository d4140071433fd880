"""Places and state bodies of the synthetic population, as region.toml has them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appealbus.simulator.numbers import STEPS

REGION: Final[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "region.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class District:
    """A rayon or a city of oblast rank, with its settlements (centre first) and its codes in four systems."""

    name_ru: str
    name_kk: str
    genitive_ru: str
    genitive_kk: str
    settlements: tuple[tuple[str, str], ...]
    kato: str
    cadastral: tuple[str, str]
    gbdfl: str
    ate: str
    weight: int
    """Number of blocks of quarters, by which parcels are distributed."""

    @property
    def city(self) -> bool:
        """Whether it is a city of oblast rank."""
        return self.name_ru.startswith("г. ")

    @property
    def home(self) -> bool:
        """Whether it is in West Kazakhstan oblast."""
        return self.cadastral[0] == "08"


def _settlements(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (item.split("/") for item in text.split(", "))
    return tuple((pair[0], pair[-1]) for pair in pairs)


def _town(town: dict[str, Any]) -> District:
    kato, oblast, rayon, gbdfl, ate = town["codes"]
    settlements, cadastral = _settlements(town["settlements"]), (oblast, rayon)
    names: tuple[str, str, str, str] = tuple(town["names"])
    return District(*names, settlements, kato, cadastral, gbdfl, ate, town["weight"])


def _rayon(rayon: dict[str, Any]) -> District:
    ru, kk, number = rayon["ru"], rayon["kk"], rayon["number"]
    return District(
        f"{ru} район",
        f"{kk} ауданы",
        f"{ru.removesuffix('ий')}ого района",
        f"{kk} ауданының",
        _settlements(rayon["settlements"]),
        f"27{30 + 2 * number}00000",
        ("08", f"{110 + number:03d}"),
        f"19262{number:02d}",
        f"2705{number:02d}",
        rayon["weight"],
    )


_CENTRE, *_NEIGHBOURS = map(_town, REGION["towns"])
DISTRICTS = (_CENTRE, *map(_rayon, REGION["rayons"]), *_NEIGHBOURS)

BLOCKS = tuple((district, step) for district in DISTRICTS for step in range(district.weight))
"""Blocks of quarters by number."""
assert max(step for _, step in BLOCKS) < STEPS  # noqa: S101

BLOCK_INDEX = {(*district.cadastral, step): index for index, (district, step) in enumerate(BLOCKS)}

OBLASTS: Final[dict[str, list[str]]] = REGION["oblasts"]
"""Russian name, Kazakh name and code in ГБД ФЛ, by cadastral oblast."""
STREETS: Final[list[list[str]]] = REGION["streets"]
"""Russian and Kazakh names."""


@dataclass(frozen=True, slots=True)
class Body:
    """A state body with its territory; it has the same index among the organisations."""

    name_ru: str
    name_kk: str
    duty: str
    """`land`, `akimat`, `housing`, `social` …: used to choose an addressee."""
    kato: str


BODIES = (
    *(Body(ru, kk, duty, "270000000") for duty, ru, kk in REGION["bodies"]),
    *(
        Body(ru.format(place.genitive_ru), kk.format(place.genitive_kk), duty, place.kato)
        for place in DISTRICTS
        for duty, ru, kk in REGION["local_bodies"]
    ),
)
"""State bodies: addressees, holders of state land, and beneficiaries of encumbrances."""
_BY_DUTY = {(body.duty, body.kato): index for index, body in reversed(list(enumerate(BODIES)))}


def body_index(duty: str, district: District) -> int:
    """Return the district's body with a duty, else that of the oblast, else the akim's office."""
    for key in ((duty, district.kato), (duty, "270000000"), ("akimat", district.kato)):
        if key in _BY_DUTY:
            return _BY_DUTY[key]
    raise LookupError(duty)
