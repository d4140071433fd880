"""Synthetic ИИН, БИН and cadastral numbers, computed from a place in their number space, and back.

ИИН have the century digit 1 or 2, for people born in 1830-1889, of whom nobody is alive. БИН have a month of 1950-1989,
before such numbers existed. Parcels are in quarters from 500 up, beyond real ones.
"""

from datetime import date, timedelta

_W1 = range(1, 12)
"""Weights of the control digit by the registers' rules; the second pass has its own."""
_W2 = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
"""A copy, not shared with `schemas.identifiers`, so that an error there is detected."""
_FIRST_DAY = date(1830, 1, 1)
_DAYS = (date(1890, 1, 1) - _FIRST_DAY).days
_PER_DAY = 2000
"""Persons born on one day: a running number of three digits for each sex."""
_FIRST_YEAR = 1950
"""There were no БИН before 1990, so no real organisation has one of these."""
_MONTHS = 40 * 12
"""Up to the end of 1989, for the same reason."""
_PER_MONTH = 10_000
"""Organisations of one month: a running number of four digits."""
_PER_QUARTER = 9999
"""Parcels of one quarter: numbers of up to four digits, from 1."""
_FIRST_QUARTER = 500
"""Real rayons number their quarters from 1 and have fewer."""
_PER_BLOCK = 50
"""Quarters of one block: ten blocks fill 500 to 999, all that three digits leave."""
STEPS = 10
"""Maximum number of blocks of one cadastral rayon."""

PERSON_SPACE = _DAYS * _PER_DAY
ORGANISATION_SPACE = _MONTHS * _PER_MONTH


def control_digit(eleven: str) -> int | None:
    """Return the control digit of eleven digits; None if no such number is issued."""
    digits = [int(char) for char in eleven]
    rest = sum(a * b for a, b in zip(digits, _W1, strict=True)) % 11
    if rest == 10:
        rest = sum(a * b for a, b in zip(digits, _W2, strict=True)) % 11
    return None if rest == 10 else rest


def _issued(head: str, tail: str) -> str:
    # Some digit of the middle one always gives a number that can be issued; the first such is taken.
    for middle in "0123456789":
        digit = control_digit(head + middle + tail)
        if digit is not None:
            return f"{head}{middle}{tail}{digit}"
    raise AssertionError("no control digit fits any serial number")


def birth_of(place: int) -> tuple[date, bool]:
    """Return birth date and sex (True: male) of the person at a place."""
    day, rest = divmod(place, _PER_DAY)
    return _FIRST_DAY + timedelta(days=day), rest < _PER_DAY // 2


def iin_of(place: int) -> str:
    born, male = birth_of(place)
    head = f"{born.year % 100:02d}{born.month:02d}{born.day:02d}{1 if male else 2}"
    return _issued(head, f"{place % (_PER_DAY // 2):03d}")


def place_of_iin(iin: str) -> int | None:
    """Return the place of an ИИН; the caller must compare, as the middle digit is ignored."""
    if len(iin) != 12 or not iin.isascii() or not iin.isdigit() or iin[6] not in "12":
        return None
    try:
        born = date(1800 + int(iin[:2]), int(iin[2:4]), int(iin[4:6]))
    except ValueError:
        return None
    day = (born - _FIRST_DAY).days
    if not 0 <= day < _DAYS:
        return None
    return day * _PER_DAY + (int(iin[6]) - 1) * (_PER_DAY // 2) + int(iin[8:11])


def places_of_birth(born: date) -> range:
    day = (born - _FIRST_DAY).days
    return range(day * _PER_DAY, (day + 1) * _PER_DAY) if 0 <= day < _DAYS else range(0)


def month_of(place: int) -> tuple[int, int]:
    years, month = divmod(place // _PER_MONTH, 12)
    return _FIRST_YEAR + years, month + 1


def bin_of(place: int, kind: str) -> str:
    """Return the БИН at a place; `kind` is its fifth and sixth digit."""
    year, month = month_of(place)
    return _issued(f"{year % 100:02d}{month:02d}{kind}", f"{place % _PER_MONTH:04d}")


def place_of_bin(bin_: str) -> int | None:
    """Return the place of a БИН; the caller must compare."""
    if len(bin_) != 12 or not bin_.isascii() or not bin_.isdigit():
        return None
    year, month = 1900 + int(bin_[:2]), int(bin_[2:4])
    if not (_FIRST_YEAR <= year < _FIRST_YEAR + _MONTHS // 12 and 1 <= month <= 12):
        return None
    return ((year - _FIRST_YEAR) * 12 + month - 1) * _PER_MONTH + int(bin_[7:11])


def split_parcel(place: int) -> tuple[int, int, int]:
    """Split a parcel's place into block, quarter within the block, and parcel number."""
    quarter, parcel = divmod(place, _PER_QUARTER)
    block, within = divmod(quarter, _PER_BLOCK)
    return block, within, parcel + 1


def join_parcel(block: int, within: int, parcel: int) -> int:
    """Inverse of `split_parcel`."""
    return (block * _PER_BLOCK + within) * _PER_QUARTER + parcel - 1


def parcel_space(blocks: int) -> int:
    return blocks * _PER_BLOCK * _PER_QUARTER


def cadastral_number(oblast: str, rayon: str, step: int, within: int, parcel: int) -> str:
    """Return a parcel's cadastral number; `step` is the block within its rayon."""
    quarter = _FIRST_QUARTER + step * _PER_BLOCK + within
    return f"{oblast}-{rayon}-{quarter:03d}-{parcel:03d}"


def split_cadastral(number: str) -> tuple[str, str, int, int, int] | None:
    """Return oblast, rayon, block step, quarter within the block and parcel number; None for a foreign number."""
    plain = number.translate({ord(char): None for char in " -:\t\u00a0"})
    if not (plain.isascii() and plain.isdigit() and 11 <= len(plain) <= 12):
        return None
    quarter, parcel = int(plain[5:8]) - _FIRST_QUARTER, int(plain[8:])
    if quarter < 0 or not 1 <= parcel <= _PER_QUARTER:
        return None
    step, within = divmod(quarter, _PER_BLOCK)
    return plain[:2], plain[2:5], step, within, parcel
