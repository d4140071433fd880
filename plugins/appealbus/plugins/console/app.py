"""The application under `/console`, with its error handling."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from appealbus.core import AppealBusError, JournalError, PagesContext
from appealbus.plugins.api.page_viewer import ServerContext
from appealbus.plugins.api.problems import Problem
from appealbus.plugins.console import login
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused, SignInNeeded
from appealbus.plugins.console.form_repopulation import given, read
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.settings import ConsoleSettings
from appealbus.plugins.console.static import STATIC
from appealbus.plugins.console.view import all_views


def application(settings: ConsoleSettings, context: PagesContext) -> Starlette:
    """Return the console; without a server of ours, as in `appealbus check`, it is made and cannot be asked."""
    views = all_views()
    routes = [
        Route("/static/{name}", STATIC.answer),
        *login.routes,
        *(route for view in views for route in view.routes),
    ]
    handlers: dict[Any, Any] = {
        Refused: _refused,
        SignInNeeded: _sign_in,
        Problem: _problem,
        JournalError: _journal,
        HTTPException: _http,
        Exception: _defect,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    if isinstance(context, ServerContext):
        app.state.console = Console(context.api, settings, views)
        context.api.person = app.state.console.person
    return app


def _told(
    request: Request, status: int, text: str, headers: dict[str, str] | None = None, *, again: bool = False
) -> Response:
    """Answer with an error page; `again`: the same form may be sent again."""
    console = Console.of(request)
    page = getattr(request.state, "page", None)  # of somebody who is signed in: they keep the menu
    shown = {} if page is None else {"session": page.session, "viewer": page.viewer}
    shown |= {"text": text, "status": status, "form": given(request), "again": again}
    answer = console.render(request, console.words(request), "error.html", status, shown)
    answer.headers.update(headers or {})
    return answer


async def _refused(request: Request, error: Any) -> Response:
    return _told(request, error.status, str(error), error.headers, again=error.again)


async def _sign_in(request: Request, error: Any) -> Response:
    """Redirect to the sign-in, then back to the page requested; a form that was lost is shown for copying."""
    if "hx-request" in request.headers:
        # A part of a page, asked for by itself: the page is to be loaded, which leads to the sign-in.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    await read(request)
    form = given(request)
    if form is not None and form.typed and not form.seeks:
        words = Console.of(request).words(request)
        text = words.say("You were signed out meanwhile, and nothing is done.")
        return _told(request, 403, text, again=True)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = back if request.method == "GET" else form.back if form else ""
    return RedirectResponse("/console/enter" + (f"?to={quote(wanted, safe='')}" if wanted else ""), 303)


async def _problem(request: Request, error: Any) -> Response:
    await read(request)
    words = Console.of(request).words(request)
    if error.kind.status == 429:
        text = words.say("You ask more than the server takes of one person: wait a moment.")
    elif error.kind.status == 503:
        text = words.say("The server cannot do this now; try again soon.")
    elif request.method == "GET":
        text = words.say("There is no such page for you: what the URL asks for is not possible, or your mask hides it.")
    else:
        text = words.say("The form was not taken; send it again.")
    return _told(request, error.kind.status, text, dict(error.headers), again=error.kind.status in (429, 503))


async def _journal(request: Request, error: Any) -> Response:
    words = Console.of(request).words(request)
    text = words.say("The journal cannot be asked now. Nothing is lost; try again soon.")
    if error.code == "disk_full":
        text = words.say("Nothing can be written: the disk of the journal is full. Nothing is lost.")
    elif error.code == "unknown":
        text = words.say("The journal went away in the middle: look whether it is done before you do it again.")
    return _told(request, 503, text, {"Retry-After": "5"}, again=error.code != "unknown")


async def _http(request: Request, error: Any) -> Response:
    words = Console.of(request).words(request)
    if error.status_code == 405:
        return _told(request, 405, words.say("This page does not take that."), dict(error.headers or {}))
    if request.method == "GET":
        with suppress(AppealBusError):  # whoever is signed in keeps the menu
            await Page.of(request)
    return _told(request, 404, words.say("There is no such page."))


async def _defect(request: Request, error: Any) -> Response:
    return _told(request, 500, Console.of(request).words(request).say("The server failed over this page."))
