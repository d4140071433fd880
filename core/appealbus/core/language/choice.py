"""Which language somebody reads."""

from collections.abc import Mapping
from enum import StrEnum


class ReaderLanguage(StrEnum):
    """A language that the program speaks."""

    KAZAKH = "kk"
    RUSSIAN = "ru"
    ENGLISH = "en"


def chosen(wanted: ReaderLanguage | None, environment: Mapping[str, str]) -> ReaderLanguage:
    """Return the language that is asked for, else that of the locale, else English.

    The locale is the first of LC_ALL, LC_MESSAGES and LANG that is set, as for every program.
    """
    if wanted is not None:
        return wanted
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    try:
        return ReaderLanguage(locale[:2].lower() if locale[2:3] in ("", "_", ".", "@", "-") else "")
    except ValueError:
        return ReaderLanguage.ENGLISH
