"""Comparing a name as its bearer wrote it with the same name as a register has it.

Kazakh names live in two spellings, and a form filled in on a phone has capital letters, ё or е, Latin letters that look
Cyrillic, and hyphens where they fall. None of that makes another person.
"""

import re
import unicodedata
from enum import Enum, auto


class Likeness(Enum):
    """How two spellings of a name relate."""

    SAME = auto()
    SPELLING = auto()
    """The same name by the rules of the other language, or with letters that only look alike."""
    INITIAL = auto()
    """One of them is the first letter of the other."""
    DIFFERENT = auto()


_BLANKS = re.compile(r"[\s\-\u2010-\u2015\u2212_.,'\"`’ʼ]+")
_KAZAKH = str.maketrans("әіңғүұқөһ", "аингуукох")
_SILENT = {ord(char): None for char in " ьъ"}
"""Айгүл is Айгуль in Russian, Асел Асель: a sign makes no difference."""
LOOKALIKES = str.maketrans("aceikmhoptxyb", "асеикмнортхув")
"""Latin letters that look like Cyrillic ones."""
_SON = re.compile(r"(?:[ое]вич|ич|улы)$")
_DAUGHTER = re.compile(r"(?:[ое]вна|инична|кызы)$")


def normalised(name: str) -> str:
    """Return the name without what is no part of it: case, hyphens, dots, outer and invisible blanks, marks (ё, й)."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")
    return " ".join(part for part in _BLANKS.split(bare) if part)


def spelling(name: str) -> str:
    """Return the name in the one spelling in which Kazakh and Russian writing of it agree."""
    return normalised(name).translate(LOOKALIKES).translate(_KAZAKH).translate(_SILENT)


def compare(one: str, other: str) -> Likeness:
    """Compare two spellings of a surname or a name."""
    left, right = normalised(one), normalised(other)
    if left == right:
        return Likeness.SAME
    left, right = spelling(one), spelling(other)
    if left == right:
        return Likeness.SPELLING
    return _initial(left, right)


def compare_patronymics(one: str, other: str) -> Likeness:
    """Compare two patronymics: Серикович and Серікұлы are one."""
    likeness = compare(one, other)
    if likeness is not Likeness.DIFFERENT:
        return likeness
    father = _father(spelling(one))
    return Likeness.SPELLING if father is not None and father == _father(spelling(other)) else likeness


def _initial(left: str, right: str) -> Likeness:
    short, long = sorted((left, right), key=len)
    return Likeness.INITIAL if len(short) == 1 and long.startswith(short) else Likeness.DIFFERENT


def _father(patronymic: str) -> tuple[str, str] | None:
    """Return the father's name without its ending, and the child's sex; None if it is no patronymic."""
    for sex, ending in (("m", _SON), ("f", _DAUGHTER)):
        stem, count = ending.subn("", patronymic)
        if count and stem:
            return stem.rstrip("и"), sex
    return None
