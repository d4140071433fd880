"""Numbers of persons and parcels where they only say which case is meant."""

import pytest

from appealbus.core.masking import masked, message_number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("750301100019", "*0019"),
        ("ЖТ-750301100019/2", "ЖТ-*0019/2"),
        ("750301-100-019", "*0019"),
        ("750301.100019", "*0019"),
        ("08:130:937:5233", "*5233"),
        ("08-130-937-523", "*7523"),
        ("081309375233", "*5233"),
        ("08130937523", "*7523"),
        ("2201900167046043", "*6043"),
        ("7503-0110-0019", "*0019"),
        ("750 301 100 019", "*0019"),
        ("75 03 01 10 00 19", "*0019"),
        ("08 130 937 5233", "*5233"),
        ("2026-0110-0019", "2026-0110-0019"),
        ("AB-2026-00000017", "AB-2026-00000017"),
        ("ЖТ-2026-00000017/3", "ЖТ-2026-00000017/3"),
        ("1234567890", "1234567890"),
        ("intake.letters", "intake.letters"),
    ],
)
def test_numbers_of_persons_and_parcels_are_masked(number: str, shown: str) -> None:
    """Four digits stay to find the case by; a number of the bus's own stays whole."""
    assert masked(number) == shown


def test_ids_of_messages_stay_apart() -> None:
    """Two numbers that end alike are two appeals to a receiver that drops what it has seen."""
    assert message_number("AB-2026-00000017", 17) == "AB-2026-00000017"
    assert message_number("750301100019", 17) == "*0019-17"
    assert message_number("821224100019", 18) != message_number("750301100019", 17)
    assert message_number("*0019-17", 19) != message_number("750301100019", 17)
