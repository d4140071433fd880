"""Gives the input of a refused form back on the error page."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request

from appealbus.plugins.api.problems import Problem
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import check_origin, form_of, parts_of
from appealbus.plugins.console.login import HOME, safe
from appealbus.plugins.console.words import said

BACK = "back"
"""Form field with the original page, for a form that is sent again."""
_TYPED: Mapping[str, str] = {
    "reason": said("Why, for the log"),
    "purpose": said("What for"),
    "done": said("What was done"),
    "until": said("Until"),
    "message_id": said("An id that no other message has"),
    "name": said("Name"),
}
"""Fields that people fill, with their labels; all other fields are sent again as they were."""
_SOUGHT = "q"
"""The field with a search for a person: not shown to anybody who has lost their session."""


@dataclass(frozen=True, slots=True)
class Given:
    """A submitted form.

    Attributes:
        action: URL it was sent to.
        back: page it was on; empty if unknown.
        typed: name, label and text of each filled field.
        others: names and values of the other fields, without the CSRF token and `BACK`.
        csrf: CSRF token sent with it.
    """

    action: str
    back: str
    typed: list[tuple[str, str, str]]
    others: list[tuple[str, str]]
    csrf: str

    @property
    def seeks(self) -> bool:
        return any(name == _SOUGHT for name, _ in self.others)


async def read(request: Request) -> None:
    """Read the form of a request refused before its form was read, if it came from a page of this server."""
    console = Console.of(request)
    with suppress(Refused, Problem):
        check_origin(request, console.words(request))
        if request.method == "POST" and not hasattr(request.state, "form"):
            await form_of(request, console.api.bodies, console.words(request))


def given(request: Request) -> Given | None:
    fields: Mapping[str, str] = request.state.form.fields if hasattr(request.state, "form") else {}
    words = Console.of(request).words(request)
    if not fields:
        return None
    return Given(
        request.url.path,
        _back(request, fields),
        [(name, words.say(label), fields[name]) for name, label in _TYPED.items() if name in fields],
        [each for each in fields.items() if each[0] not in (*_TYPED, BACK, "csrf")],
        fields.get("csrf", ""),
    )


def _back(request: Request, fields: Mapping[str, str]) -> str:
    came = parts_of(request.headers.get("referer", ""))
    here = came.netloc.lower() == request.headers.get("host", "").lower()
    page = safe(fields.get(BACK) or (came._replace(scheme="", netloc="").geturl() if here else ""))
    return "" if page == HOME else page
