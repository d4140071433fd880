"""Whom an answer is about. An agency that mixes its answers up must not put a stranger's record into a dossier.

Every lookup compares what it asked with what came: `the_one` of the records of an answer, by `same_number`,
`same_name` and `same_patronymic`, and plain equality for dates.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from appealbus.core.interfaces.lookup import found, invalid, not_found
from appealbus.core.replies.names import LOOKALIKES, Likeness, compare, compare_patronymics, spelling
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

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
