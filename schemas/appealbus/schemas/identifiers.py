"""Identifiers of the state: ИИН, БИН, cadastral number, КАТО, РКА.

Each has a `parse_…` function that returns the normal form or raises IdentifierError, and an annotated type of the same
for pydantic models. Blanks, dashes of any kind and invisible characters between the digits are dropped. Digits of other
scripts (full-width, Arabic) are refused: no register prints them, so they are a sign of a mangled text.
"""

import re
from collections.abc import Callable
from datetime import date
from operator import mul
from typing import Annotated

from pydantic import AfterValidator

SEPARATORS = r"\s\-\u00ad\u200b-\u200d\u2010-\u2015\u2060\u2212\ufeff"
"""What may stand between the digits, as the inside of a character class: blanks, dashes, invisible characters."""

_SEPARATORS = re.compile(f"[{SEPARATORS}]+")
_CADASTRAL_SEPARATORS = re.compile(f"[{SEPARATORS}:]+")
_FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
"""Of the control digit of ИИН and БИН, as the rules of the registers give them."""
_SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
"""Of the second pass, which is made where the first one gives ten."""


class IdentifierError(ValueError):
    """A value is not the identifier it should be. The text never quotes the value.

    Attributes:
        code: a stable word for programs: `iin.length`, `iin.control_digit`, `cadastral_number.characters` …
        message: one sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parse_or_none(parse: Callable[[str], str], value: str | None) -> str | None:
    """Return the normal form that `parse_iin` or one of its like makes of a value; None of none or a wrong one."""
    try:
        return parse(value or "")
    except IdentifierError:
        return None


def parse_body(value: str) -> str | None:
    """Return the code by which a body is known, its БИН or the КАТО of its territory; None of a wrong one."""
    return parse_or_none(parse_bin, value) or parse_or_none(parse_kato, value)


def control_digit(first_eleven: str) -> int | None:
    """Return the twelfth digit of an ИИН or a БИН, or None where no digit fits: such a number is never issued."""
    digits = tuple(map(int, first_eleven))
    for weights in (_FIRST_WEIGHTS, _SECOND_WEIGHTS):
        control = int(sum(map(mul, digits, weights))) % 11
        if control < 10:
            return control
    return None


def parse_iin(value: str) -> str:
    """Return the twelve digits of a person's ИИН: `YYMMDD`, century and sex, four digits, control digit.

    Raises:
        IdentifierError: `iin.characters`, `iin.length`, `iin.date`, `iin.century` or `iin.control_digit`.
    """
    digits = _digits(value, "iin", "an ИИН", _SEPARATORS, range(12, 13))
    if digits[6] > "6":
        raise IdentifierError("iin.century", "the seventh digit of an ИИН is 0 to 6")
    if not any(_calendar_date(century, digits) for century in _centuries(digits)):
        raise IdentifierError("iin.date", "the first six digits of an ИИН are a date of birth; this one is no date")
    if control_digit(digits[:11]) != int(digits[11]):
        raise IdentifierError("iin.control_digit", "the last digit of the ИИН does not agree with the others")
    return digits


def parse_bin(value: str) -> str:
    """Return the twelve digits of an organisation's БИН: `YYMM`, type, head or branch, five digits, control digit.

    Raises:
        IdentifierError: `bin.characters`, `bin.length`, `bin.date`, `bin.type` or `bin.control_digit`.
    """
    digits = _digits(value, "bin", "a БИН", _SEPARATORS, range(12, 13))
    if not "01" <= digits[2:4] <= "12":
        raise IdentifierError("bin.date", "the third and fourth digits of a БИН are a month, 01 to 12")
    if digits[4] not in "456":
        raise IdentifierError("bin.type", "the fifth digit of a БИН is 4, 5 or 6")
    if control_digit(digits[:11]) != int(digits[11]):
        raise IdentifierError("bin.control_digit", "the last digit of the БИН does not agree with the others")
    return digits


def parse_cadastral_number(value: str) -> str:
    """Return a parcel's cadastral number as `OO-RRR-QQQ-PPPP`: oblast, rayon, quarter, parcel (3 to 5 digits).

    The number of a building or a flat, which goes on after the parcel, is refused.

    Raises:
        IdentifierError: `cadastral_number.characters` or `cadastral_number.length`.
    """
    what = "a cadastral number of a parcel"
    digits = _digits(value, "cadastral_number", what, _CADASTRAL_SEPARATORS, range(11, 14))
    return f"{digits[:2]}-{digits[2:5]}-{digits[5:8]}-{digits[8:]}"


def parse_kato(value: str) -> str:
    """Return the nine digits of a КАТО code: oblast (2), rayon (2), rural okrug (2), settlement (3).

    Raises:
        IdentifierError: `kato.characters` or `kato.length`.
    """
    return _digits(value, "kato", "a КАТО code", _SEPARATORS, range(9, 10))


def parse_rka(value: str) -> str:
    """Return the sixteen digits of a РКА, the address register's code of an address; they mean nothing by themselves.

    Raises:
        IdentifierError: `rka.characters` or `rka.length`.
    """
    return _digits(value, "rka", "a РКА", _SEPARATORS, range(16, 17))


Iin = Annotated[str, AfterValidator(parse_iin)]
Bin = Annotated[str, AfterValidator(parse_bin)]
CadastralNumber = Annotated[str, AfterValidator(parse_cadastral_number)]
Kato = Annotated[str, AfterValidator(parse_kato)]
Rka = Annotated[str, AfterValidator(parse_rka)]


def _digits(value: str, code: str, what: str, separators: re.Pattern[str], lengths: range) -> str:
    digits = separators.sub("", value)
    if not digits.isascii() or not (digits.isdigit() or not digits):
        raise IdentifierError(f"{code}.characters", f"{what} is written in the digits 0 to 9 alone")
    if len(digits) not in lengths:
        size = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else f"{lengths[0]}"
        raise IdentifierError(f"{code}.length", f"{what} has {size} digits")
    return digits


def _centuries(iin: str) -> tuple[int, ...]:
    # Foreigners have 0 here, which says nothing of the century: any that makes a date will do.
    return (1800, 1900, 2000) if iin[6] == "0" else (1800 + (int(iin[6]) - 1) // 2 * 100,)


def _calendar_date(century: int, digits: str) -> date | None:
    try:
        return date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return None
