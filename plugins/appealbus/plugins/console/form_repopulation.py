"""What somebody wrote into a form that was not taken: the page that says why gives it back."""

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
"""The field by which a form that is sent again remembers the page that it came from."""
_TYPED: Mapping[str, str] = {
    "reason": said("Why, for the log"),
    "purpose": said("What for"),
    "done": said("What was done"),
    "until": said("Until"),
    "message_id": said("An id that no other message has"),
    "name": said("Name"),
}
"""Fields that people fill, with what each is called; the others go with the form as they stood in it."""
_SOUGHT = "q"
"""What searches for a person: whoever is not signed in any more is not shown it."""


@dataclass(frozen=True, slots=True)
class Given:
    """A form as it came.

    Attributes:
        action: where it goes.
        back: the page that it stood on; empty: nobody knows.
        typed: what was typed: name, label and text of each field.
        others: names and values of the other fields, with neither the token of the session nor `BACK`.
        csrf: the token that it came with.

    """

    action: str
    back: str
    typed: list[tuple[str, str, str]]
    others: list[tuple[str, str]]
    csrf: str

    @property
    def seeks(self) -> bool:
        """Whether it searches, perhaps for a person."""
        return any(name == _SOUGHT for name, _ in self.others)


async def read(request: Request) -> None:
    """Read the form of a request that was refused before anybody did, as far as it is one of a page of ours."""
    console = Console.of(request)
    with suppress(Refused, Problem):
        check_origin(request, console.words(request))
        if request.method == "POST" and not hasattr(request.state, "form"):
            await form_of(request, console.api.bodies, console.words(request))


def given(request: Request) -> Given | None:
    """Return the form of a request as it was read; None where there is none."""
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
