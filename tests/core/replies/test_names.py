"""Names: what is one name in two spellings, and what are two names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.replies.names import Likeness, compare, compare_patronymics, normalised, spelling

ALPHABET = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщыіьэюяАӘҒҚҢӨҰҮҺІЁABCeoxp -‑–.’'йё\u0306\u0308"
NAMES = st.text(st.sampled_from(ALPHABET), max_size=12) | st.text(max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        ("ИВАНОВ", "Иванов", "same"),
        ("Фёдорова", "ФЕДОРОВА", "same"),
        ("Сейт-Ахметов", "Сейт – Ахметов ", "same"),
        ("Андрей", "Андреи", "same"),
        ("Ниязбек", "Нияз бек", "spelling"),
        ("Қасымов", "КАСЫМОВ", "spelling"),
        ("Әлия", "Алия", "spelling"),
        ("Құрманғазы", "Курмангазы", "spelling"),
        ("Іңкәр", "ИНКАР", "spelling"),
        ("Cepик", "Серик", "spelling"),
        ("Айгүл", "Айгуль", "spelling"),
        ("Асел", "АСЕЛЬ", "spelling"),
        ("Ас\u200bхат", "Асхат", "same"),
        ("А.", "Асель", "initial"),
        ("Ә", "Алия", "initial"),
        ("Асель", "Айгуль", "different"),
        ("Б.", "Асель", "different"),
        ("Ахметов", "Ахметова", "different"),
    ],
)
def test_compare(one: str, other: str, likeness: str) -> None:
    """Case, ё, hyphens, the other language's letters and initials make no other person."""
    assert compare(one, other) is Likeness[likeness.upper()]
    assert compare(other, one) is Likeness[likeness.upper()]


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        ("Серикович", "Серікұлы", "spelling"),
        ("Сериковна", "Серікқызы", "spelling"),
        ("Абаевич", "Абайұлы", "spelling"),
        ("Серікұлы", "Серикулы", "spelling"),
        ("Серикович", "Сериковна", "different"),
        ("Серикович", "Берікұлы", "different"),
        ("С.", "Серікұлы", "initial"),
        ("Серик", "Берик", "different"),
        ("ұлы", "ович", "different"),
    ],
)
def test_patronymics(one: str, other: str, likeness: str) -> None:
    """A patronymic is one name in its Russian and its Kazakh form; a son's is not a daughter's."""
    assert compare_patronymics(one, other) is Likeness[likeness.upper()]
    assert compare_patronymics(other, one) is Likeness[likeness.upper()]


@given(NAMES)
def test_normalisation_is_idempotent(name: str) -> None:
    """Normalising twice is normalising once."""
    assert normalised(normalised(name)) == normalised(name)
    assert spelling(spelling(name)) == spelling(name)


@given(NAMES, NAMES)
def test_comparison_is_symmetric(one: str, other: str) -> None:
    """It makes no difference which side is the register; every name is like itself."""
    assert compare(one, other) is compare(other, one)
    assert compare_patronymics(one, other) is compare_patronymics(other, one)
    assert compare(one, one) is Likeness.SAME
