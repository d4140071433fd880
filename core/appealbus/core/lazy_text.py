"""What the program tells people about itself: a text in English that can be told in the reader's language, too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol


class Translator(Protocol):
    """What of a `Reader` is needed to tell somebody something."""

    def known(self, text: str) -> str:
        """Return a text of the program's in their language."""

    def say(self, text: str, /, **values: object) -> str:
        """Return one with the values in their places."""

    def say_n(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Return one that depends on a number."""

    def reason(self, code: str, reason: str) -> str:
        """Return what a code means, or the reason as it was written."""

    def moment(self, moment: datetime, *, seconds: bool = True) -> str:
        """Return a moment."""

    def value(self, value: Any) -> str:
        """Return anything else."""


@dataclass(frozen=True, slots=True)
class WrittenText:
    """What somebody wrote as `code: reason`: the code has words in each language."""

    text: str

    def to(self, reader: Translator) -> str:
        """Return it in the language of who reads, with the code."""
        code, _, reason = self.text.partition(": ")
        return f"{reader.reason(code, reason)} [{code}]" if reason else self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LazyText:
    """A text, and what stands in it.

    Attributes:
        text: in English, with places for the values, as a catalogue has it; without values it is as it is.
        many: the same for a number `n` other than one; empty: it depends on none.
        values: texts, numbers, days, moments, words of lists, others of these, and tuples of what stands side by side.

    """

    text: str
    many: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def to(self, reader: Translator) -> str:
        """Return it in the language of who reads. A catalogue of the program's has it; what others said it has not."""
        if not self.values:
            return reader.known(self.text)
        values = {name: _to(reader, value) for name, value in self.values.items() if not (self.many and name == "n")}
        if self.many:
            return reader.say_n(self.text, self.many, int(str(self.values["n"])), **values)
        return reader.say(self.text, **values)

    def __str__(self) -> str:
        if not self.values:
            return self.text
        text = self.many if self.many and self.values["n"] != 1 else self.text
        return text.format(**{name: _plain(value) for name, value in self.values.items()})


def told(text: str, many: str = "", /, **values: object) -> LazyText:
    """Return a text with what stands in it."""
    return LazyText(text, many, values)


def all_to(reader: Translator, parts: Iterable[LazyText]) -> str:
    """Return parts of a sentence in the language of who reads."""
    return "; ".join(part.to(reader) for part in parts)


def _to(reader: Translator, value: object) -> str:
    match value:
        case LazyText() | WrittenText():
            return value.to(reader)
        case tuple():
            return ", ".join(_to(reader, each) for each in value)
        case datetime():
            return reader.moment(value, seconds=False)
        case _:
            return reader.value(value)


def _plain(value: object) -> str:
    """Return a value as commands, JSON and alerts have it: moments by the machine's clock."""
    match value:
        case tuple():
            return ", ".join(_plain(each) for each in value)
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case StrEnum():
            return value.replace("_", " ")
        case _:
            return str(value)
