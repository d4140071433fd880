"""What all pages of the console share."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from appealbus.core.escaping import escaped
from appealbus.core.language import ReaderLanguage
from appealbus.core.operations.outages import Asked, asked
from appealbus.plugins.api.api import Api
from appealbus.plugins.console.marks import mark, short, urgency
from appealbus.plugins.console.oidc import Oidc
from appealbus.plugins.console.sessions import Sessions
from appealbus.plugins.console.settings import ConsoleSettings
from appealbus.plugins.console.static import STATIC
from appealbus.plugins.console.words import COOKIE, NAMES, Words, language_of
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness

if TYPE_CHECKING:
    from appealbus.plugins.console.view import View

HERE = Path(__file__).parent
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: with that, browsers send forms with `Origin: null`.
    "referrer-policy": "same-origin",
}
"""Of every page, beside those of every answer of the server."""
_CHOSEN = 365 * 24 * 3600


def _seen(value: Any) -> Any:
    """Return what is shown, with all that turns a text round, or is not seen, written out; what is HTML as it is."""
    return escaped(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@dataclass
class Console:
    """The parts of the console of one server."""

    api: Api
    settings: ConsoleSettings
    views: "Sequence[View]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.api.journal, self.settings)
        self.oidc = None if self.settings.oidc is None else Oidc(self.settings.oidc)
        self._asking = asyncio.Lock()
        self._asked: dict[str, Asked] | None = None
        plugins = self.api.loaded.settings.bus.plugins
        self._words = {each: Words(each, plugins) for each in ReaderLanguage}

    @classmethod
    def of(cls, request: Request) -> "Console":
        """Return that of the server that a request came to."""
        found = request.app.state.console
        assert isinstance(found, cls)  # noqa: S101 - the application was made with it
        return found

    @cached_property
    def templates(self) -> Environment:
        """The templates, of the console and of each view. What is shown is escaped; what is missing is an error."""
        made = Environment(
            loader=FileSystemLoader([HERE / "templates", HERE / "views"]),
            autoescape=True,
            finalize=_seen,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.globals |= {"static": STATIC.path, "languages": NAMES, "mark": mark, "short": short, "urgency": urgency}
        made.globals |= {"completeness": Completeness.stored, "kind_of": AppealKind.stored, "ended": ChangeKind.stored}
        return made

    async def sources(self) -> dict[str, Asked]:
        """Return how each source is asked: found out once, for the configuration stays while a server lives."""
        async with self._asking:
            if self._asked is None:
                self._asked = await asyncio.to_thread(asked, self.api.loaded, self.api.host)
        return self._asked

    def words(self, request: Request) -> Words:
        """Return what says things in the language of a request."""
        return self._words[language_of(request)]

    def render(self, request: Request, words: Words, template: str, status: int, given: dict[str, Any]) -> Response:
        """Return a page."""
        shared: dict[str, Any] = self._said(words) | {
            "request": request,
            "menu": [each for each in self.views if not each.plugin or self.api.host.settings_of(each.plugin)],
            "session": None,
            "viewer": None,
            "options": lambda kind: [(each.value, words.word(each)) for each in kind],
            # What became of a form has no address of its own to come back to.
            "with_language": lambda code: (
                f"/console/?lang={code}"
                if request.method == "POST"
                else f"?{request.url.include_query_params(lang=code).query}"
            ),
        }
        text = self.templates.get_template(template).render(shared | given)
        answer = HTMLResponse(text, status, headers=HEADERS)
        if request.query_params.get("lang") == words.language.value:
            answer.set_cookie(
                COOKIE,
                words.language.value,
                max_age=_CHOSEN,
                path="/console",
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="lax",
            )
        return answer

    def fragment(self, words: Words, template: str, given: Mapping[str, Any]) -> str:
        """Return a part of a page, which depends on no request."""
        return self.templates.get_template(template).render(self._said(words) | dict(given))

    def _said(self, words: Words) -> dict[str, Any]:
        return {
            "words": words,
            "say": words.say,
            "say_n": words.say_n,
            "lang": words.language.value,
            "now": self.api.journal.now(),
        }
