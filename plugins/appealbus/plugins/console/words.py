"""The console's texts in three languages, and formats of days, moments and numbers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.dates import format_date, get_day_names, get_timezone_gmt
from babel.numbers import format_decimal
from starlette.requests import Request

from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.core.language import Reader, ReaderLanguage

HERE = Path(__file__).parent
COOKIE = "appealbus-lang"
_LOCALES = {ReaderLanguage.ENGLISH: "en_GB", ReaderLanguage.RUSSIAN: "ru", ReaderLanguage.KAZAKH: "kk"}
_CODES = frozenset(each.value for each in ReaderLanguage)
_DAYS = {ReaderLanguage.RUSSIAN: "d MMM y", ReaderLanguage.KAZAKH: "y 'ж'. d MMM"}
"""Short date formats for tables: the default is long (`27 нояб. 2026 г.`) or zero-padded (`08 қыр.`)."""
NAMES = {ReaderLanguage.KAZAKH: "Қазақша", ReaderLanguage.RUSSIAN: "Русский", ReaderLanguage.ENGLISH: "English"}
"""Names of the languages, each in itself."""


def said(text: str) -> str:
    """Mark a text for translation at a later point."""
    return text


_UNITS = (
    (86_400, 2 * 86_400, said("{n} day"), "{n} days"),
    (3600, 2 * 3600, said("{n} hour"), "{n} hours"),
    (60, 60, said("{n} minute"), "{n} minutes"),
)
"""Units of durations: seconds, minimum duration for the unit, singular and plural."""


def folders() -> list[Path]:
    return [HERE, *sorted(each for each in (HERE / "views").iterdir() if (each / "__init__.py").exists())]


@cache
def _catalogue(language: ReaderLanguage) -> NullTranslations:
    found = NullTranslations()
    for folder in folders():
        path = folder / "locale" / language.value / "LC_MESSAGES" / "appealbus.mo"
        if path.exists():
            with path.open("rb") as file:
                found.add_fallback(GNUTranslations(file))
    return found


class Words(Reader):
    def __init__(self, language: ReaderLanguage, plugins: Sequence[str] = ()) -> None:
        super().__init__(language, plugins)
        self._console = _catalogue(language)

    def say(self, text: str, /, **values: object) -> str:
        """Translate a text of the console, else of the program or of a plugin."""
        found = self._console.gettext(text)
        return super().say(text, **values) if found == text else found.format(**values)

    def say_n(self, one: str, many: str, n: int, /, **values: object) -> str:
        found = self._console.ngettext(one, many, n)
        found = self._own.ngettext(one, many, n) if found in (one, many) else found
        return found.format(n=self.number(n), **values)

    def number(self, value: float) -> str:
        return str(format_decimal(value, locale=_LOCALES[self.language]))

    def day(self, day: date) -> str:
        return format_date(day, format=_DAYS.get(self.language, "medium"), locale=_LOCALES[self.language])

    def weekdays(self) -> list[tuple[str, str]]:
        """Return short and full names of the weekdays from Monday."""
        names = [get_day_names(width, locale=_LOCALES[self.language]) for width in ("abbreviated", "wide")]
        return [(names[0][at], names[1][at]) for at in range(7)]

    def moment(self, moment: datetime, *, seconds: bool = True) -> str:
        """Return a moment in the country's local time; each page names the zone once."""
        local = moment.astimezone(KAZAKHSTAN)
        return f"{self.day(self.today(moment))}, {local:{'%H:%M:%S' if seconds else '%H:%M'}}"

    def lasted(self, time: timedelta | None) -> str:
        """Return a duration in its largest unit; empty for None."""
        if time is None:
            return ""
        seconds = int(time.total_seconds())
        for size, least, one, many in _UNITS:
            if seconds >= least or seconds == size:
                return self.say_n(one, many, seconds // size)
        return self.say("{n} s", n=seconds)

    def zone_said(self, moment: datetime) -> str:
        return str(get_timezone_gmt(moment.astimezone(KAZAKHSTAN), locale=_LOCALES[self.language]))

    def today(self, now: datetime) -> date:
        return day_of(now)

    def left(self, due: date, now: datetime) -> str:
        """Return the number of days until a due date, in words."""
        days = (due - self.today(now)).days
        if days == 0:
            return self.say("today")
        if days < 0:
            return self.say_n("overdue by {n} day", "overdue by {n} days", -days)
        return self.say_n("{n} day left", "{n} days left", days)


def language_of(request: Request) -> ReaderLanguage:
    """Return the language of a request: from the URL, else from the cookie, else from `Accept-Language`."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wanted in _CODES:
            return ReaderLanguage(wanted)
    liked = []
    for at, each in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        name, _, quality = each.partition(";")
        try:
            how_much = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            how_much = 0.0
        code = name.strip().lower()[:2]
        if code in _CODES and how_much > 0:
            liked.append((-how_much, at, code))
    return ReaderLanguage(min(liked)[2]) if liked else ReaderLanguage.ENGLISH
