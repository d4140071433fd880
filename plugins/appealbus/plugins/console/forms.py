"""Reads forms and URL parameters within limits; forms only from the console's own pages."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import SplitResult, parse_qsl, urlsplit

from starlette.requests import Request

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.api.bodies import Bodies, media_type_of
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.words import Words

_MOST = 64 * 1024
_FIELDS = 100
LONGEST = 500
"""Characters of a reason or a purpose."""
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""Years in which date arithmetic cannot overflow in any time zone."""
_PLACE = re.compile(r"[0-9]{0,9}")
_DIGITS = re.compile(r"[0-9]{1,18}")
"""A number that fits in any database."""


@dataclass
class SubmittedForm:
    """A submitted form; missing fields are empty."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    def reason(self, words: Words, name: str = "reason") -> str:
        """Return the reason without invisible characters; raise Refused if it is empty."""
        said = "".join(each for each in " ".join(self[name].split()) if each.isprintable()).strip()
        if not 0 < len(said) <= LONGEST:
            raise Refused(422, words.say("Say why, in at most {n} characters: it is kept in the log.", n=LONGEST))
        return said

    def query(self, name: str, words: Words) -> list[tuple[str, str]]:
        """Parse a field that holds a query string; raise Refused if it is malformed."""
        try:
            return parse_qsl(self[name], strict_parsing=True, max_num_fields=_FIELDS)
        except ValueError:
            raise Refused(400, words.say("The form was not taken; send it again.")) from None

    def check(self, csrf: str, words: Words) -> None:
        if not hmac.compare_digest(self.fields.get("csrf", "").encode(), csrf.encode()):
            # Whoever has signed in anew has the form of before; it came from a page of ours, as the origin says.
            text = words.say("This form is not of your session: look at what it says, and send it again.")
            raise Refused(403, text, again=True)


async def form_of(request: Request, bodies: Bodies, words: Words) -> SubmittedForm:
    """Read the form of a request once and keep it in the request's state."""
    request.state.form = SubmittedForm()
    if media_type_of(request) != "application/x-www-form-urlencoded":
        raise Refused(415, words.say("This is no form."))
    async with bodies.read(request, _MOST) as raw:
        try:
            read = SubmittedForm(dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_FIELDS)))
        except ValueError:
            raise Refused(400, words.say("This is no form.")) from None
    request.state.form = read
    return read


def parts_of(url: str) -> SplitResult:
    """Split a URL from user input; empty parts if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def check_origin(request: Request, words: Words) -> None:
    """Raise Refused if a POST does not come from a page of this server.

    Only the host is compared: behind a proxy the scheme may differ.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    host = request.headers.get("host", "")
    if origin is None or parts_of(origin).netloc.lower() != host.lower() or site != "same-origin":
        raise Refused(403, words.say("This form comes from another site, and nothing is done."))


def number_of(written: str, most: int = 10**18) -> int | None:
    """Parse a decimal number; None if it is invalid or above `most`."""
    number = int(written) if _DIGITS.fullmatch(written) else None
    return None if number is None or number > most else number


def day_written(written: str, words: Words, status: int = 400) -> date:
    """Parse a day; raise Refused with `status` if it is invalid."""
    try:
        found = date.fromisoformat(written)
    except ValueError:
        found = date.min
    if not _FIRST_YEAR < found.year < _LAST_YEAR:
        raise Refused(status, words.say("Write days as 2026-01-31."))
    return found


def moment_of(written: str, words: Words) -> datetime:
    """Parse a moment in the country's local time; raise Refused if it is invalid."""
    try:
        found = datetime.fromisoformat(written[:40])
        found = (found if found.tzinfo else found.replace(tzinfo=KAZAKHSTAN)).astimezone(KAZAKHSTAN)
    except (ValueError, OverflowError):
        found = datetime.min.replace(tzinfo=KAZAKHSTAN)
    if not _FIRST_YEAR < found.year < _LAST_YEAR:
        raise Refused(400, words.say("Write a time such as 2026-11-30T09:00."))
    return found


def place_of(written: str, words: Words) -> str:
    """Parse the beginning of a КАТО code; raise Refused if it is invalid."""
    if not _PLACE.fullmatch(written):
        raise Refused(400, words.say("Write the beginning of a КАТО, in digits."))
    return written
