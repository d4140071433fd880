"""Shared state of all console pages."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from appealbus.core.language import ReaderLanguage
from appealbus.core.management.outages import SourceSetup, asked
from appealbus.core.management.people import Client
from appealbus.plugins.api.api import Api
from appealbus.plugins.console.menu import Entry
from appealbus.plugins.console.oidc import Oidc
from appealbus.plugins.console.rendering import templates
from appealbus.plugins.console.sessions import Sessions
from appealbus.plugins.console.settings import ConsoleSettings
from appealbus.plugins.console.words import COOKIE, Words, language_of

T = TypeVar("T")

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: with that, browsers send forms with `Origin: null`.
    "referrer-policy": "same-origin",
}
"""Headers of every page, added to the server's own."""
_CHOSEN = 365 * 24 * 3600


class Console:
    """The console of one server.

    Args:
        api: the server's API.
        settings: of the console.
        views: all views, in menu order.
    """

    def __init__(self, api: Api, settings: ConsoleSettings, views: Sequence[Entry]) -> None:
        self.api = api
        self.views = views
        self.sessions = Sessions(api.journal, settings)
        self.oidc = None if settings.oidc is None else Oidc(settings.oidc, api.journal)
        self._templates = templates()
        self._words = {each: Words(each, api.loaded.settings.bus.plugins) for each in ReaderLanguage}
        self._one: dict[Callable[..., Any], Any] = {}
        self._finding_out = asyncio.Lock()

    @classmethod
    def of(cls, request: Request) -> "Console":
        found = request.app.state.console
        assert isinstance(found, cls)  # noqa: S101 - the application was made with it
        return found

    def one(self, make: "Callable[[Console], T]") -> T:
        """Return this server's only object made by `make`; made on first use."""
        if make not in self._one:
            self._one[make] = make(self)
        found: T = self._one[make]
        return found

    async def known(self, find_out: Callable[[Api], T]) -> T:
        """Return a fact about the configuration, computed once: the configuration is fixed while the server runs."""
        async with self._finding_out:
            if find_out not in self._one:
                self._one[find_out] = await asyncio.to_thread(find_out, self.api)
        found: T = self._one[find_out]
        return found

    async def person(self, request: Request) -> Client | None:
        """Return whose session a request to other pages of the server is of; it does not extend the session."""
        session = await self.sessions.of(request, renew=False)
        return None if session is None else session.client

    async def sources(self) -> dict[str, SourceSetup]:
        return await self.known(_asked)

    def words(self, request: Request) -> Words:
        return self._words[language_of(request)]

    def render(self, request: Request, words: Words, template: str, status: int, given: dict[str, Any]) -> Response:
        shared: dict[str, Any] = self._said(words) | {
            "request": request,
            "menu": [view for view in self.views if not view.plugin or self.api.host.settings_of(view.plugin)],
            "session": None,
            "refused": status >= HTTPStatus.BAD_REQUEST,
            "viewer": None,
            "options": lambda kind: [(each.value, words.word(each)) for each in kind],
            # What became of a form has no address of its own to come back to.
            "with_language": lambda code: (
                f"/console/?lang={code}"
                if request.method == "POST"
                else f"?{request.url.include_query_params(lang=code).query}"
            ),
        }
        text = self._templates.get_template(template).render(shared | given)
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
        """Render a part of a page that does not depend on a request."""
        return self._templates.get_template(template).render(self._said(words) | dict(given))

    def _said(self, words: Words) -> dict[str, Any]:
        now = self.api.journal.now()
        return {
            "words": words,
            "say": words.say,
            "say_n": words.say_n,
            "lang": words.language.value,
            "now": now,
            "today": words.today(now),
        }


def _asked(api: Api) -> dict[str, SourceSetup]:
    return asked(api.loaded, api.host)
