"""Translations for one reader, and the choice of the language."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from gettext import NullTranslations
from typing import Any

from appealbus.core.domain.case import WITHDRAWN
from appealbus.core.domain.pauses import PAUSED, STALE
from appealbus.core.language import catalogues
from appealbus.core.language.reasons import link_told, reason_in_full
from appealbus.schemas.signal import Signal


class ReaderLanguage(StrEnum):
    KAZAKH = "kk"
    RUSSIAN = "ru"
    ENGLISH = "en"


def chosen(wanted: ReaderLanguage | None, environment: Mapping[str, str]) -> ReaderLanguage:
    """Return the wanted language, else that of LC_ALL, LC_MESSAGES or LANG, else English."""
    if wanted is not None:
        return wanted
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    try:
        return ReaderLanguage(locale[:2].lower() if locale[2:3] in ("", "_", ".", "@", "-") else "")
    except ValueError:
        return ReaderLanguage.ENGLISH


_LOCALES = {ReaderLanguage.ENGLISH: "en_GB", ReaderLanguage.RUSSIAN: "ru", ReaderLanguage.KAZAKH: "kk"}
_STEP = re.compile(r"([a-z][a-z0-9_]*)((?:\[[0-9]+\])*)")
_PATH = re.compile(rf"{_STEP.pattern}(?:\.{_STEP.pattern})*")
_ENGLISH = {STALE: "answered from memory with what is out of date; asked again", WITHDRAWN: "withdrawn by a person"}
"""Meanings of codes that come without a reason and need one."""
_SHORT = frozenset({"iin", "bin", "kato", "rka", "rko", "wkt", "epsg", "sha256"})
"""Field names that are abbreviations in English."""


class Reader:
    """Translates into one language. The sources are English."""

    def __init__(self, language: ReaderLanguage = ReaderLanguage.ENGLISH, plugins: Iterable[str] = ()) -> None:
        self.language = language
        self._plugins = tuple(plugins)

    @cached_property
    def _own(self) -> NullTranslations:
        return catalogues.own(self.language)

    @cached_property
    def _all(self) -> NullTranslations:
        return catalogues.all_of(self.language, self._plugins)

    def say(self, text: str, /, **values: object) -> str:
        """Translate a text of the program and insert values. Plugins cannot change it."""
        return self._own.gettext(text).format(**values)

    def say_n(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Translate with a plural form; `{n}` is the number."""
        return self._own.ngettext(one, many, n).format(n=n, **values)

    def known(self, text: str) -> str:
        """Translate a text of the program; others stay as they are."""
        if not text or self.language is ReaderLanguage.ENGLISH:
            return text
        translated = self._own.gettext(text)
        return translated if translated != text else link_told(text, self) or text

    def _named(self, context: str, name: str) -> str | None:
        translated = self._all.pgettext(context, name)
        return None if translated == name else translated

    def field(self, name: str, within: str = "") -> str:
        """Translate a field name: `birth_date` is «дата рождения».

        `within` is the parent field or record type: a `name` differs between persons and bodies.
        """
        name = name.removesuffix("_ru").removesuffix("_kk")
        translated = (self._named("field", f"{within}.{name}") if within else None) or self._named("field", name)
        return translated or (name.upper() if name in _SHORT else name.replace("_", " "))

    def path(self, path: str, within: str = "") -> str:
        """Translate a field's path: `documents[0].number` is «документ 1, номер». Unparsable paths stay as they are."""
        if not _PATH.fullmatch(path):
            return path
        names = []
        for name, index in _STEP.findall(path):
            names.append(self.field(name, within) + _places(index))
            within = name
        return ", ".join(names)

    def unknown(self, fields: Iterable[str], record: str) -> str:
        within = record.rpartition(".")[2]
        return self.say(
            "could not be read: {names}",
            names="; ".join(self.path(field.replace("[*]", ""), within) for field in fields),
        )

    def unchecked(self, fields: Iterable[str], record: str) -> str:
        """Name the fields of a record type that could not be checked."""
        within = record.rpartition(".")[2]
        return self.say(
            "read, and nobody could check it: {names}",
            names="; ".join(self.path(field.replace("[*]", ""), within) for field in fields),
        )

    def lookup(self, name: str) -> str:
        """Translate a lookup: `gbdfl.person` is «физическое лицо (ГБД ФЛ)»."""
        return self._named("lookup", name) or name

    def purpose(self, purpose: str) -> str:
        """Translate a lookup's purpose if its plugin provides that."""
        return self._named("purpose", purpose) or purpose

    def word(self, word: StrEnum) -> str:
        """Translate an enum member by the name of its class."""
        known = getattr(word, "known", True)  # one of another release is shown as it is
        return self._named(type(word).__name__, word.value) or (word.value.replace("_", " ") if known else word.value)

    def reason(self, code: str, reason: str) -> str:
        """Translate a reason; if unknown, its code or a prefix of the code. Otherwise it stays as written."""
        if self.language is ReaderLanguage.ENGLISH:
            return reason or _ENGLISH.get(code, "")
        if (full := reason_in_full(reason, self)) is not None:
            return full
        rest = code
        while rest:
            if translated := self._named("code", rest):
                # Behind it stands what the person has written who had the source paused.
                said = reason.partition(": ")[2] if rest == PAUSED else ""
                return f"{translated}: {said}" if said else translated
            rest = rest.rpartition(".")[0]
        return reason

    def signal(self, signal: Signal) -> str:
        """Return a signal's text; English texts that are missing fall back to Russian."""
        match self.language:
            case ReaderLanguage.KAZAKH:
                return signal.message_kk
            case ReaderLanguage.ENGLISH:
                return signal.message_en or signal.message_ru
            case _:
                return signal.message_ru

    @property
    def suffix(self) -> str:
        """Suffix of record fields in this language; registers have none in English."""
        return "kk" if self.language is ReaderLanguage.KAZAKH else "ru"

    def day(self, day: date) -> str:
        from babel.dates import format_date

        return format_date(day, format="medium", locale=_LOCALES[self.language])

    def moment(self, moment: datetime, *, seconds: bool = True) -> str:
        from babel.dates import format_time

        try:
            local = moment.astimezone()
        except OverflowError:  # in the first and the last hours that a moment can tell
            local = moment
        time = format_time(local, format="medium" if seconds else "short", locale=_LOCALES[self.language])
        return f"{self.day(local.date())} {time}"

    def value(self, value: Any) -> str:
        """Format a field's value. Whole numbers, such as years or flats, get no separators."""
        match value:
            case bool():
                return self.say("yes") if value else self.say("no")
            case datetime():
                return self.moment(value)
            case date():
                return self.day(value)
            case Decimal() | float():
                from babel.numbers import format_decimal

                return str(format_decimal(value, locale=_LOCALES[self.language], decimal_quantization=False))
            case StrEnum():
                return self.word(value)
            case _:
                return str(value)


def _places(index: str) -> str:
    """Format list indexes, counted from one."""
    return "".join(f" {int(digits) + 1}" for digits in re.findall(r"[0-9]+", index))
