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


@pytest.mark.parametrize(
    "text", ["2026-02-16T10:00:00Z", "2026-11-27T04:53:13.123456+05:00", "1999-12-31T23:59:59.999999Z"]
)
def test_a_time_is_none_of_them(text: str) -> None:
    """Times of a dossier stay, whichever of their digits come together; with a number behind it, that is hidden."""
    assert without(text, KINDS) == text
    assert "750301100019" not in without(f"{text} 750301100019", KINDS)
