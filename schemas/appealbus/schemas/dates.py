"""Days and moments as registers write them, ISO 8601 or not. Only what has one meaning: `03/02/2026` has two."""

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

KAZAKHSTAN = timezone(timedelta(hours=5))
"""The country's one zone since March 2024: what a time without a zone is taken to be in, and where a day begins."""
NO_DAY = "0001-01-01"
"""What programs write that have no date: nobody means the day."""
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_WRITTEN = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d)|(\d\d?)\.(\d\d?)\.(\d{4})|((?:19|20)\d\d)(\d\d)(\d\d))"
    r"(?:(?:T| +)(\d\d:\d\d)(:\d\d)?(\.\d+)?)? ?(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def date_from(text: str) -> date:
    """Return the day of `2026-02-02`, `02.02.2026` or `20260202`: a time of day or a zone behind it changes nothing.

    Raises:
        ValueError: it is written in another way, in no calendar, or means that there is none; without the text.
    """
    day = text if _ISO_DAY.fullmatch(text) else _parts(text)[0]
    if day == NO_DAY:
        raise ValueError
    return date.fromisoformat(day)


def moment_from(text: str, zone: tzinfo | None = KAZAKHSTAN) -> datetime:
    """Return the moment; one without a zone is taken to be in `zone`, and a bare day is its beginning.

    Digits past microseconds go.

    Raises:
        ValueError: as of `date_from`; or other zones have no date for it.
    """
    try:
        written = text if _ISO.fullmatch(text) else _iso(text)
        if written.startswith(NO_DAY):
            raise ValueError
        moment = datetime.fromisoformat(written)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    except ValueError:
        raise ValueError from None


def _iso(text: str) -> str:
    day, time, offset = _parts(text)
    return f"{day}T{time or '00:00:00'}{offset}"


def _parts(text: str) -> tuple[str, str, str]:
    """Return day, time and zone in ISO 8601; "" for what is not there."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError
    iso_year, iso_month, iso_day, day, month, year, bare_year, bare_month, bare_day, *time, zone = match.groups("")
    when = iso_year + bare_year + year, iso_month + bare_month + month, iso_day + bare_day + day
    seconds = f"{time[0]}{time[1] or ':00'}{time[2][:7]}" if time[0] else ""
    return f"{when[0]}-{when[1]:0>2}-{when[2]:0>2}", seconds, zone
