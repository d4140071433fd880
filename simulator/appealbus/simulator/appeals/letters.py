"""Templates of letters: data in letters/, one file for each subject and language."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appealbus.schemas.appeal import AppealKind, Language

_FOLDER = Path(__file__).parent / "letters"

CATEGORIES = {
    "10": "ЗЕМЕЛЬНЫЕ ОТНОШЕНИЯ",
    "20": "ЖИЛИЩНО-КОММУНАЛЬНОЕ ХОЗЯЙСТВО И БЛАГОУСТРОЙСТВО",
    "30": "ДОРОГИ И ТРАНСПОРТ",
    "40": "НАЛОГИ",
    "50": "ИСПОЛНЕНИЕ РЕШЕНИЙ И РЕГИСТРАЦИЯ ПРАВ",
    "60": "СОЦИАЛЬНАЯ ЗАЩИТА",
    "70": "ОБРАЗОВАНИЕ",
    "80": "ЗДРАВООХРАНЕНИЕ",
    "90": "ОТКЛИКИ О РАБОТЕ ГОСУДАРСТВЕННЫХ ОРГАНОВ",
    "100": "АДМИНИСТРАТИВНЫЕ ПРАВОНАРУШЕНИЯ, ОБЩЕСТВЕННАЯ И ДОРОЖНАЯ БЕЗОПАСНОСТЬ",
    "110": "ОХРАНА ПРИРОДЫ",
    "120": "АРХИВЫ И РЕАБИЛИТАЦИЯ",
    "130": "ЗАПРОСЫ АДВОКАТОВ, НОТАРИУСОВ, ИСПОЛНИТЕЛЕЙ И ПРЕССЫ",
}
"""Categories by the first part of the code. The official classifier is not published; this one is made up."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A template.

    Attributes:
        kind: of the appeal.
        duty: of the addressed state body.
        category: code of the question.
        who: `person` or `organisation`.
        topic: `own`, `two`, `arrest`, `stranger` or `free` for letters about land, else `other`.
        language: of the text.
        text: with placeholders in braces.
    """

    kind: AppealKind
    duty: str
    category: str
    who: str
    topic: str
    language: Language
    text: str


@cache
def letters() -> tuple[Letter, ...]:
    return tuple(letter for file in sorted(_FOLDER.glob("*.txt")) for letter in _read(file))


def _read(file: Path) -> list[Letter]:
    language = Language(file.name.split(".")[1])
    made = []
    for block in file.read_text(encoding="utf-8").split("## ")[1:]:
        head, _, text = block.partition("\n")
        kind, duty, category, who, topic = head.split()
        made.append(Letter(AppealKind(kind), duty, category, who, topic, language, text.strip()))
    return made
