"""Numbers of persons and parcels, masked where they only say which case is meant: in logs, metrics and headers.

A register may give an appeal the number of whom it is about. It stays what it is in journal, dossier and receipt.
"""

import re
from functools import lru_cache

# An ИИН or a БИН, twelve digits, perhaps in groups; a cadastral number, with its separators or without; more digits
# than either. Numbers that the bus gives, a year and eight digits, are none of these; nor is what begins with a year
# in groups of four: an ИИН or a БИН that began with 2026 would be of the month 26.
_GROUPS = ("2 3 3 3,5", "6 3 3", "6 6", "3 3 3 3", "4 4 4", "2 2 2 2 2 2")
_SHAPES = [r"[-:./_ ]".join(rf"\d{{{size}}}" for size in groups.split()) for groups in _GROUPS]
_SHAPED = re.compile(rf"(?<!\d)(?!20[2-9]\d[-:./_ ]\d{{4}}[-:./_ ])(?:{'|'.join(_SHAPES)}|\d{{11,}})(?!\d)")
_SEPARATORS = re.compile(r"\D")
_SHOWN = 4
"""Digits that stay: with the time they identify the case, and they are no part of a birth date."""


@lru_cache(maxsize=1000)  # a number is masked a dozen times while its appeal is worked
def masked(text: str) -> str:
    """Return the text with `*` and the last four digits in the place of each number so shaped."""
    return _SHAPED.sub(lambda match: "*" + _SEPARATORS.sub("", match[0])[-_SHOWN:], text)


def message_number(number: str, appeal_id: int) -> str:
    """Return what stands for the appeal in the ids of messages: its number, or a masked one that is still its own.

    A number that looks masked is treated as one: a channel may give any, that of another appeal's messages too.
    """
    shown = masked(number)
    return f"{shown}-{appeal_id}" if "*" in shown else number
