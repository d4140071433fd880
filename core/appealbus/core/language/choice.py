"""The choice of a reader's language."""

from collections.abc import Mapping
from enum import StrEnum


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
