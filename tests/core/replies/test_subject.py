"""Whom an answer is about."""

from typing import Literal

import pytest

from appealbus.core.replies.subject import same_name, same_number, same_patronymic, the_one
from appealbus.schemas import OutcomeKind, Record


class Bearer(Record):
    """A record."""

    type: Literal["test.Bearer"] = "test.Bearer"
    number: str


@pytest.mark.parametrize(
    ("numbers", "kind", "code"),
    [
        ([], "not_found", ""),
        (["2"], "invalid", "test.other_parcel"),
        (["1"], "found", ""),
        (["2", "1"], "found", ""),
        (["1", "2", "1"], "invalid", "test.repeated_parcel"),
    ],
)
def test_the_one_that_was_asked_for(numbers: list[str], kind: str, code: str) -> None:
    """It is picked wherever it stands; nobody else's is ever found, and two of them are none."""
    records = [Bearer(number=number) for number in numbers]
    outcome = the_one(records, lambda record: record.number == "1", source="test", what="parcel")
    assert (outcome.kind, outcome.code) == (OutcomeKind(kind), code)
    assert outcome.record == (Bearer(number="1") if kind == "found" else None)


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("08-130-937-5233", "08:130:937:5233", True),
        ("№ АВ 12", "ab-12", True),
        ("012345678", "12345678", False),
        ("1", None, False),
        ("—", None, False),
    ],
)
def test_numbers(asked: str, told: str | None, same: bool) -> None:
    """Separators, case and letters that look alike make no other number; a zero in front does."""
    assert same_number(asked, told) is same


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("Қасымов", "КАСЫМОВ", True),
        ("А.", "Асель", True),
        ("Асель", "А.", False),
        ("Асель", "Айгуль", False),
        ("Асель", None, False),
        (".", None, False),
    ],
)
def test_names(asked: str, told: str | None, same: bool) -> None:
    """The spelling may be the other language's; a register that gives an initial or nothing has not said who it is."""
    assert same_name(asked, told) is same


def test_patronymics() -> None:
    """In both forms; a son's is not a daughter's, and none is not the one asked for."""
    assert same_patronymic("Серикович", "Серікұлы")
    assert not same_patronymic("Серикович", "Сериковна")
    assert not same_patronymic("Серикович", None)
