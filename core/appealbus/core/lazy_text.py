"""Messages of the program: English texts that can be translated into the reader's language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol


class Translator(Protocol):
    """The part of a `Reader` needed for messages."""

    def known(self, text: str) -> str:
        """Translate a text of the program."""

    def say(self, text: str, /, **values: object) -> str:
        """Translate a text and insert the values."""

    def say_n(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Translate a text that depends on a number."""

    def reason(self, code: str, reason: str) -> str:
        """Return the meaning of a code, or the reason as written."""

    def moment(self, moment: datetime, *, seconds: bool = True) -> str:
        """Format a moment."""

    def value(self, value: Any) -> str:
        """Format any other value."""


@dataclass(frozen=True, slots=True)
class WrittenText:
    """Text in the form `code: reason`, with translations of the code."""

    text: str

    def to(self, reader: Translator) -> str:
        """Translate it, keeping the code."""
        code, _, reason = self.text.partition(": ")
        return f"{reader.reason(code, reason)} [{code}]" if reason else self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LazyText:
    """A text and its values.

    Attributes:
        text: in English, with placeholders as in a catalogue; used literally without values.
        many: the plural for a number `n`; empty: there is none.
        values: texts, numbers, days, moments, words of lists, further lazy texts, and tuples of adjacent ones.
    """

    text: str
    many: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def to(self, reader: Translator) -> str:
        """Translate it. The catalogue has the program's texts only; texts of others stay as they are."""
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
    return LazyText(text, many, values)


def all_to(reader: Translator, parts: Iterable[LazyText]) -> str:
    """Translate the parts of a sentence."""
    return "; ".join(part.to(reader) for part in parts)


def _to(reader: Translator, value: object) -> str:
    match value:
        case LazyText() | WrittenText():
            return value.to(reader)
        case tuple():
            return ", ".join(_to(reader, item) for item in value)
        case datetime():
            return reader.moment(value, seconds=False)
        case _:
            return reader.value(value)


def _plain(value: object) -> str:
    """Format a value for commands, JSON and alerts: moments in the machine's time zone."""
    match value:
        case tuple():
            return ", ".join(_plain(item) for item in value)
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case StrEnum():
            return value.replace("_", " ")
        case _:
            return str(value)
