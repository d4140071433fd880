"""Numbers of persons, organisations and parcels in texts."""

import pytest

from appealbus.core.rights.identifiers import KINDS, without


@pytest.mark.parametrize("text", ["AB-2026-00000001", "см. AB-2031-12345678, ответ"])
def test_a_number_that_the_bus_gave_is_none_of_them(text: str) -> None:
    """It stays, so that a channel finds its own appeal in what it is told."""
    assert without(text, KINDS) == text


@pytest.mark.parametrize(
    "text", ["750301100019", "AB-750301100019", "AB-7503-01100019", "2026-00000001", "AB-2012-01500013"]
)
def test_all_else_with_twelve_digits_is_hidden(text: str) -> None:
    """Also where something stands before it, or it is written in groups."""
    assert "[hidden]" in without(text, KINDS)
