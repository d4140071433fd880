"""Random combinations of common Kazakh and Russian names."""

from dataclasses import dataclass

from appealbus.simulator.draw import Draw
from appealbus.simulator.places import REGION


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PEOPLE = {kind: words(text) for kind, text in REGION["people"].items()}

VARIANTS = str.maketrans("ёәғқңөұүһіӘҒҚҢӨҰҮҺІЁ", "еагкноуухиАГКНОУУХИЕ")
"""Spelling without a Kazakh keyboard and without ё."""

_VOWELS = "аеёиоуыэюяәөұүі"


@dataclass(frozen=True, slots=True)
class FullName:
    """A name in capitals, as the register has it."""

    surname: str
    name: str
    patronymic: str | None
    kazakh: bool


def full_name(draw: Draw, *, male: bool) -> FullName:
    """Return a name: two of three Kazakh, the rest Russian; endings follow the gender."""
    kazakh = draw.chance(0.68)
    if kazakh:
        parts = _kazakh(draw, male=male)
    else:
        end = "" if male else "а"
        father = draw.pick(_PEOPLE["russian_fathers"])
        parts = (
            draw.pick(_PEOPLE["russian_surnames"]) + end,
            draw.pick(_PEOPLE["russian_male"] if male else _PEOPLE["russian_female"]),
            father + ("ич" if male else "на"),
        )
    surname, name, patronymic = parts
    return FullName(surname.upper(), name.upper(), patronymic.upper() if patronymic else None, kazakh)


def _kazakh(draw: Draw, *, male: bool) -> tuple[str, str, str | None]:
    surname = draw.pick(_PEOPLE["kazakh_surnames"])
    # The three ways of today: Russified (-ов), father's name with -ұлы/-қызы, or the bare name.
    style = draw.below(10)
    if style < 7:
        soft = surname[-1] in _VOWELS + "йл"
        surname = surname.removesuffix("й") + ("ев" if soft else "ов") + ("" if male else "а")
    elif style == 7:
        surname += "ұлы" if male else "қызы"
    name = draw.pick(_PEOPLE["kazakh_male"] if male else _PEOPLE["kazakh_female"])
    father = draw.pick(_PEOPLE["kazakh_fathers"])
    ending = draw.below(20)
    if ending < 9:
        return surname, name, father + ("ұлы" if male else "қызы")
    if ending < 18:
        soft = father[-1] in _VOWELS + "й"
        stem = father.removesuffix("й")
        return surname, name, stem + (("евич" if soft else "ович") if male else ("евна" if soft else "овна"))
    return surname, name, None


def title(text: str) -> str:
    """Capitalise a name, also after hyphens."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in text.split("-"))
