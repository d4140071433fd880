"""Whom an answer is about. An agency that mixes its answers up must not put a stranger's record into a dossier.

Every lookup compares what it asked with what came: `the_one` of the records of an answer, by `same_number`,
`same_name` and `same_patronymic`, and plain equality for dates.

Kazakh names live in two spellings, and a form filled in on a phone has capital letters, ё or е, Latin letters that look
Cyrillic, and hyphens where they fall. None of that makes another person.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TypeVar

from appealbus.core.interfaces.outcomes import found, invalid, not_found
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record


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


R = TypeVar("R", bound=Record)


def the_one(
    records: Sequence[R], is_asked: Callable[[R], bool], *, source: str, what: str
) -> Outcome[R] | Outcome[Record]:
    """Return the outcome of a question to which the source answered with these records.

    None at all is `not_found`. Records of which none is the one that was asked for are `invalid` with the code
    `SOURCE.other_WHAT`, and several of them with `SOURCE.repeated_WHAT`: which of them is right, nobody can say.

    Args:
        records: all records of the answer.
        is_asked: says of a record whether it is about whom was asked.
        source: the source's name, in front of the codes.
        what: what a record is about, in one word: `person`, `parcel`.

    """
    if not records:
        return not_found()
    matching = [record for record in records if is_asked(record)]
    if not matching:
        return invalid(f"{source}.other_{what}", f"the reply is about another {what}")
    if len(matching) > 1:
        return invalid(f"{source}.repeated_{what}", f"the reply describes the {what} {len(matching)} times")
    return found(matching[0])


def same_number(asked: str, told: str | None) -> bool:
    """Say whether two numbers are one: blanks, hyphens, case and letters that only look alike make no other."""
    return _bare(asked) == _bare(told or "") != ""


def same_name(asked: str, told: str | None) -> bool:
    """Say whether a surname or a name is the one asked for, in either spelling; of an initial, whether it begins so."""
    return _agree(asked, told or "", compare(asked, told or ""))


def same_patronymic(asked: str, told: str | None) -> bool:
    """Say whether a patronymic is the one asked for, in its Russian or its Kazakh form."""
    return _agree(asked, told or "", compare_patronymics(asked, told or ""))


def _agree(asked: str, answered: str, likeness: Likeness) -> bool:
    # A register that tells an initial alone has not said who it is.
    is_initial = likeness is Likeness.INITIAL and len(spelling(asked)) < len(spelling(answered))
    return bool(spelling(answered)) and (is_initial or likeness in (Likeness.SAME, Likeness.SPELLING))


def _bare(number: str) -> str:
    return "".join(char for char in number.casefold() if char.isalnum()).translate(LOOKALIKES)
