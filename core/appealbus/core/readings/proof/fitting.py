"""Compatibility of a contract's texts with field types."""

from datetime import date, datetime
from decimal import Decimal

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.replies.convert import converters
from appealbus.core.replies.xsd.values import Simple

_NUMBERS = frozenset(
    {
        *("decimal", "integer", "long", "int", "short", "byte", "float", "double"),
        *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
        *("positiveInteger", "nonNegativeInteger", "negativeInteger", "nonPositiveInteger"),
    }
)
_TIMES = frozenset({"time", "duration", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"})
_NEVER: dict[type, frozenset[str]] = {
    date: _NUMBERS | _TIMES | {"boolean"},
    datetime: _NUMBERS | _TIMES | {"boolean", "date"},
    bool: _TIMES | {"date", "dateTime"},
    Decimal: (_TIMES - {"gYear"}) | {"date", "dateTime", "boolean"},
}
_NEVER[int] = _NEVER[float] = _NEVER[Decimal]


def misfit(wanted: type, text: Simple, *, comma: bool = False) -> str | None:
    """Describe the text if it can never match the wanted type: `a date`; else None."""
    never = _NEVER.get(wanted)
    if never is None:
        return None
    if text.kinds <= never:
        return " or ".join(f"{_article(kind)} {kind}" for kind in sorted(text.kinds))
    if text.words is None:
        return None
    convert = converters(KAZAKHSTAN, comma=comma)[wanted][1]
    return None if any(_reads(convert, word) for word in text.words) else f"one of {_listed(text.words)}"


def wish(wanted: type) -> str:
    names = {datetime: "a moment", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(wanted, f"{_article(wanted.__name__)} {wanted.__name__.lower()}")


def _reads(convert: object, word: str) -> bool:
    try:
        convert(word)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _listed(words: frozenset[str]) -> str:
    ordered = sorted(words)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
