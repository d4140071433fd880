"""Templates of letters: data in letters/, one file for each subject and language, and the phrases that they share."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from appealbus.schemas.appeal import AppealKind, Language

_FOLDER = Path(__file__).parent / "letters"

PHRASES: Final[dict[str, Any]] = tomllib.loads((_FOLDER / "phrases.toml").read_text(encoding="utf-8"))
"""Salutations, endings, and wordings of defects, by language."""
CATEGORIES: Final[dict[str, str]] = PHRASES["categories"]
"""Categories by the first part of the code."""


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
