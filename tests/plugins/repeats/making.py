"""Letters of made-up people, of which some are alike."""

import random
from typing import Any

from appealbus.schemas.identifiers import control_digit

PEOPLE = [
    f"{first}{digit}"
    for first in (f"8501013{place:04}" for place in range(20))
    if (digit := control_digit(first)) is not None
]
BODY = {"name": "Отдел земельных отношений"}
LAND = {"code": "land.right"}
_LETTERS = "абвгдежзийклмнопрстуфхцчшщыэюяәіңғүұқөһ"
_CHANCE = random.Random(7)
_WORDS = ["".join(_CHANCE.choices(_LETTERS, k=_CHANCE.randint(4, 9))) for _ in range(4000)]


def words(count: int, seed: int) -> list[str]:
    """Return so many words by chance."""
    return random.Random(seed).choices(_WORDS, k=count)


def text(count: int, seed: int) -> str:
    """Return so many sentences by chance, of ten words each."""
    said = words(10 * count, seed)
    return " ".join(" ".join(said[at : at + 10]).capitalize() + "." for at in range(0, len(said), 10))


def altered(written: str, share: float, seed: int) -> str:
    """Return a text in which this share of the words are others."""
    chance = random.Random(seed)
    return " ".join(chance.choice(_WORDS) if chance.random() < share else word for word in written.split())


def by(person: int | None, **given: Any) -> dict[str, Any]:
    """Return fields of a letter by one of the people."""
    who = {"type": "person"} | ({} if person is None else {"iin": PEOPLE[person]})
    return {"applicant": who, "addressee": BODY, **given}
