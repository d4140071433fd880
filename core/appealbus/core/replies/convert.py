"""From the text of a reply to a value. Each raises ValueError for what is not exactly one; no message has the text."""

import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

from appealbus.schemas.dates import date_from, moment_from
from appealbus.schemas.identifiers import SEPARATORS

__all__ = ["Converter", "bare", "bool_from", "converters", "date_from", "decimal_from", "int_from", "moment_from"]

Converter: TypeAlias = Callable[[str], Any]

_SEPARATORS = re.compile(f"[{SEPARATORS}]+")
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def decimal_from(text: str, *, comma: bool = False) -> Decimal:
    """Return the number. With `comma`, a decimal comma is taken as well."""
    if comma:
        text = text.replace(",", ".")
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError
    return Decimal(text)


def int_from(text: str) -> int:
    """Return the whole number: up to 40 digits, more than any register counts and less than it takes to be slow."""
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def bool_from(text: str) -> bool:
    """Return the truth: true, false, 1 or 0."""
    if text not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text]


def bare(number: str) -> str | None:
    """Return an ИИН, a БИН or another number without the blanks, dashes and invisible characters in it."""
    return _SEPARATORS.sub("", number) or None


def converters(zone: tzinfo, *, comma: bool) -> dict[type, tuple[str, Converter]]:
    """Return, for each type of a field, the word for it in a code (`reply.bad_date`) and what makes it of text."""
    return {
        bool: ("bool", bool_from),
        int: ("int", int_from),
        float: ("decimal", lambda text: float(decimal_from(text, comma=comma))),
        Decimal: ("decimal", partial(decimal_from, comma=comma) if comma else decimal_from),
        datetime: ("datetime", partial(moment_from, zone=zone)),
        date: ("date", date_from),
    }
