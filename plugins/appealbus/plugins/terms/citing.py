"""Citations of norms, declared by act, article, part and point, and formatted in Russian and Kazakh.

A Kazakh citation is a chain of possessives in which the act and the last place but one have the genitive: «ӘРПК-нің
64-бабы 7-бөлігінің 2) тармақшасы» is «АППК ст. 64 ч. 7 пп. 2)».
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from appealbus.core.language import Reader, ReaderLanguage
from appealbus.schemas.base import Model, Text

ActName = Literal["code", "access_to_information"]


class Cited(NamedTuple):
    """A citation in both languages; `kk` is empty if there is no Kazakh form."""

    ru: str
    kk: str

    def to(self, reader: Reader) -> str:
        """Return the Kazakh form for Kazakh readers, else the Russian one: the law has no other languages."""
        return (self.kk if reader.language is ReaderLanguage.KAZAKH else "") or self.ru


class Act(NamedTuple):
    """A law or a code.

    Attributes:
        short: short form.
        kk_of: Kazakh short form in the genitive.
        source: full form.
    """

    short: Cited
    kk_of: str
    source: Cited


CODE: ActName = "code"
ACTS: dict[ActName, Act] = {
    CODE: Act(Cited("АППК", "ӘРПК"), "ӘРПК-нің", Cited("АППК № 350-VI", "ӘРПК № 350-VI")),
    "access_to_information": Act(
        Cited("Закон № 401-V", "№ 401-V Заң"),
        "№ 401-V Заңның",
        Cited("Закон о доступе к информации", "«Ақпаратқа қол жеткізу туралы» Заң"),
    ),
}
"""Codes have parts (часть, бөлік), laws have points (пункт, тармақ)."""


class CitedPlace(Model):
    """An article of an act, or something within it. Each is a number or several: `76`, `90-5`, `1–2`, `1, 3`."""

    article: Text
    part: Text = ""
    point: Text = ""
    subpoint: Text = ""


class Amended(Model):
    """The law in whose wording an act is read."""

    law: Text
    day: Text
    """As both languages write it: `17.12.2025`."""


def cite(act: ActName, places: Iterable[CitedPlace]) -> Cited:
    listed = list(places)
    ru, kk = ", ".join(map(_russian, listed)), ", ".join(map(_kazakh, listed))
    return Cited(f"{ACTS[act].short.ru} {ru}", f"{ACTS[act].kk_of} {kk}")


def source(act: ActName, amended: Amended | None) -> Cited:
    read = ACTS[act].source
    if amended is None:
        return read
    return Cited(
        f"{read.ru} в редакции закона № {amended.law} от {amended.day}",
        f"{read.kk}, {amended.day} № {amended.law} Заңның редакциясында",
    )


def _russian(place: CitedPlace) -> str:
    steps = (("ст. ", place.article), ("ч. ", place.part), ("п. ", place.point), ("пп. ", _closed(place.subpoint)))
    return " ".join(word + number for word, number in steps if number)


def _kazakh(place: CitedPlace) -> str:
    steps = [
        _Step(f"{place.article}-бап", "тары" if _several(place.article) else "ы", "ның"),
        _Step(f"{place.part}-бөлі", "ктері" if _several(place.part) else "гі", "нің"),
        _Step(f"{place.point}-тарма", "қтары" if _several(place.point) else "ғы", "ның"),
        _Step(f"{_closed(place.subpoint)} тармақша", "лары" if _several(place.subpoint) else "сы", "ның"),
    ]
    numbers = (place.article, place.part, place.point, place.subpoint)
    return _chained([step for step, number in zip(steps, numbers, strict=True) if number])


class _Step(NamedTuple):
    stem: str
    of_it: str
    """Possessive form."""
    genitive: str


def _chained(steps: Sequence[_Step]) -> str:
    owner = len(steps) - 2
    words = (f"{step.stem}{step.of_it}{step.genitive if at == owner else ''}" for at, step in enumerate(steps))
    return " ".join(words).replace("-бапы", "-бабы")  # before a vowel п is б


def _closed(subpoint: str) -> str:
    """Return the number of a subpoint with its closing bracket."""
    return f"{subpoint})" if subpoint else ""


def _several(number: str) -> bool:
    return "–" in number or "," in number
