"""The words of the console in three languages, with days, moments and numbers as each writes them."""

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
"""Where a table has no room for what is usual, which is `27 нояб. 2026 г.`, or what is usual has zeros: `08 қыр.`."""
NAMES = {ReaderLanguage.KAZAKH: "Қазақша", ReaderLanguage.RUSSIAN: "Русский", ReaderLanguage.ENGLISH: "English"}
"""Each language in its own words."""


def said(text: str) -> str:
    """Mark a text that is said later."""
    return text


_UNITS = (
    (86_400, 2 * 86_400, said("{n} day"), "{n} days"),
    (3600, 2 * 3600, said("{n} hour"), "{n} hours"),
    (60, 60, said("{n} minute"), "{n} minutes"),
)
"""Of times: seconds of each, from how many on a time is told in it, and its words."""


def folders() -> list[Path]:
    """Return the folders with catalogues: the console's own, and one for each view."""
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
    """Says things to one person.

    Args:
        language: theirs.
        plugins: files and modules of plugins that the configuration names.

    """

    def __init__(self, language: ReaderLanguage, plugins: Sequence[str] = ()) -> None:
        super().__init__(language, plugins)
        self._console = _catalogue(language)

    def say(self, text: str, /, **values: object) -> str:
        """Return a sentence of the console's, or else of the program's, with the values in their places."""
        found = self._console.gettext(text)
        return super().say(text, **values) if found == text else found.format(**values)

    def say_n(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Return one that depends on a number, which stands in it as `{n}`."""
        found = self._console.ngettext(one, many, n)
        found = self._own.ngettext(one, many, n) if found in (one, many) else found
        return found.format(n=self.number(n), **values)

    def number(self, value: float) -> str:
        """Return a number."""
        return str(format_decimal(value, locale=_LOCALES[self.language]))

    def day(self, day: date) -> str:
        """Return a day."""
        return format_date(day, format=_DAYS.get(self.language, "medium"), locale=_LOCALES[self.language])

    def weekdays(self) -> list[tuple[str, str]]:
        """Return the short and the whole name of each day of the week, from Monday on."""
        names = [get_day_names(width, locale=_LOCALES[self.language]) for width in ("abbreviated", "wide")]
        return [(names[0][at], names[1][at]) for at in range(7)]

    def moment(self, moment: datetime, *, seconds: bool = True) -> str:
        """Return a moment on the country's clock, by which all days are counted; every page says once which that is."""
        local = moment.astimezone(KAZAKHSTAN)
        return f"{self.day(self.today(moment))}, {local:{'%H:%M:%S' if seconds else '%H:%M'}}"

    def lasted(self, time: timedelta | None) -> str:
        """Return how long something lasted, in its largest unit; empty where nothing did."""
        if time is None:
            return ""
        seconds = int(time.total_seconds())
        for size, least, one, many in _UNITS:
            if seconds >= least or seconds == size:
                return self.say_n(one, many, seconds // size)
        return self.say("{n} s", n=seconds)

    def zone_said(self, moment: datetime) -> str:
        """Return the zone of that clock, as `GMT+05:00`."""
        return str(get_timezone_gmt(moment.astimezone(KAZAKHSTAN), locale=_LOCALES[self.language]))

    def today(self, now: datetime) -> date:
        """Return which day it is in the country."""
        return day_of(now)

    def left(self, due: date, now: datetime) -> str:
        """Return how many days are left until a day."""
        days = (due - self.today(now)).days
        if days == 0:
            return self.say("today")
        if days < 0:
            return self.say_n("overdue by {n} day", "overdue by {n} days", -days)
        return self.say_n("{n} day left", "{n} days left", days)


def language_of(request: Request) -> ReaderLanguage:
    """Return the language of a request: what it asks for, else what was chosen before, else what the browser likes."""
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
