"""What every model of the bus shares."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticKnownError

_BARE = (int, float, Decimal)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return text with every character that XML 1.0 cannot carry replaced by U+FFFD."""
    # Most texts are printable through and through, which is seen in a fifth of the time.
    return text if text.isprintable() else _NOT_XML.sub("\ufffd", text)


def exact(text: str) -> str:
    """Refuse text with a character that XML 1.0 cannot carry: two that differ in it alone would become one."""
    if _NOT_XML.search(text):
        raise ValueError("it has a character that XML cannot carry")
    return text


def written_out(value: object) -> object:
    """Refuse a date or a time that is a bare number: pydantic would take it for seconds since 1970."""
    if isinstance(value, _BARE) or (isinstance(value, str) and "-" not in value.strip()[1:]):
        raise ValueError("a date or a time is written out as in ISO 8601")
    return value


def no_flag(value: object) -> object:
    """Refuse what pydantic alone would take for a number: flags, and digits with `_` between them."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise PydanticKnownError("int_type")
    return value


NO_FLAG = BeforeValidator(no_flag)
"""Stands behind the bounds of a number: else its schema would lack them."""
Text = Annotated[str, AfterValidator(printable)]
Exact = Annotated[str, AfterValidator(exact)]
"""Text that tells things apart: nothing in it is replaced."""
Day = Annotated[date, BeforeValidator(written_out)]
Moment = Annotated[AwareDatetime, BeforeValidator(written_out)]
_MOMENT_OR_DAY = [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]
OR_DAY = WithJsonSchema({"anyOf": _MOMENT_OR_DAY}, mode="validation")
"""Marks a moment for which a day may stand."""


class Model(BaseModel):
    """A frozen value; an unknown field is an error that names the field but never its value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


W = TypeVar("W", bound="Word")

_stored: ContextVar[bool] = ContextVar("stored", default=False)
"""Whether a stored form is being read."""


class Word(StrEnum):
    """A list of words. What another release has stored may hold one that is not in it: it is a word all the same."""

    @classmethod
    def _missing_(cls, value: object) -> "Word | None":
        return _of_another_release(cls, value) if _stored.get() and isinstance(value, str) else None

    @classmethod
    def stored(cls, value: str) -> Self:
        """Return the word that the journal holds, known or not."""
        try:
            return cls(value)
        except ValueError:
            word: Self = _of_another_release(cls, value)
            return word

    @property
    def known(self) -> bool:
        """Whether the list has it."""
        return self._name_ in type(self).__members__


def is_stored() -> bool:
    """Whether a stored form is being read tolerantly."""
    return _stored.get()


@contextmanager
def reading_stored() -> Iterator[None]:
    """Take words that are not in their lists, as long as a stored form is read."""
    token = _stored.set(True)
    try:
        yield
    finally:
        _stored.reset(token)


@lru_cache(maxsize=1000)  # one object for each word, as for those in the list
def _of_another_release(words: type[W], value: str) -> W:
    word = str.__new__(words, value)
    word._name_, word._value_ = "", value
    return word
