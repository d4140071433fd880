"""The application: the routes, and what becomes of everything that goes wrong in them."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from appealbus.core import CursorRefused, JournalError
from appealbus.core.management.feed import CursorAhead
from appealbus.core.management.viewing import NotMasked, is_damage
from appealbus.plugins.api.answers import of_problem
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.exchange import App, Exchanges
from appealbus.plugins.api.problems import (
    CURSOR_AHEAD,
    CURSOR_GONE,
    DAMAGED,
    DEFECT,
    INVALID,
    NO_SUCH_PATH,
    WRONG_METHOD,
    Problem,
    unavailable,
)
from appealbus.plugins.api.routes import about, appeals, dossiers, feed, figures, finding, pages, stream, surges, terms

_TOLD = 20
"""Errors of one request that are told."""


def application(api: Api) -> App:
    """Return the application of a server."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.api = api
    # As they are: those of routers that are included would be made anew for each application, by its first request.
    app.router.routes += dossiers.hot.routes
    for part in (appeals, finding, dossiers, terms, surges, feed, stream, figures, about, pages):
        app.router.routes += part.router.routes
    for path, mounted in api.mounts.items():
        app.add_route(path, _into, include_in_schema=False)
        app.mount(path, mounted)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(CursorRefused, _refused)
    app.add_exception_handler(JournalError, _journal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)  # which Starlette answers in words of its own, and raises after all
    return Exchanges(app, api.metrics, api.settings.patience)


async def _into(request: Request) -> Response:
    """Lead from the bare path of another application, as people write it, to where that begins."""
    return RedirectResponse(f"{request.url.path}/" + (f"?{request.url.query}" if request.url.query else ""), 307)


async def _problem(request: Request, error: Any) -> Response:
    return of_problem(error)


async def _refused(request: Request, error: Any) -> Response:
    if isinstance(error, CursorAhead):
        return of_problem(Problem(CURSOR_AHEAD, "the feed does not reach as far as the cursor"))
    return of_problem(Problem(CURSOR_GONE, str(error), restart=str(error.restart), code=error.code))


async def _journal(request: Request, error: Any) -> Response:
    """Whatever else the journal's trouble is, the client may try again; the log has its code."""
    if is_damage(error):
        return of_problem(Problem(DAMAGED, "a version of the dossier is damaged in the journal"))
    masked = not isinstance(error, NotMasked)
    return of_problem(unavailable("the journal cannot be asked now" if masked else str(error)))


async def _defect(request: Request, error: Any) -> Response:
    return of_problem(Problem(DEFECT, "the server failed over the request"))


async def _invalid(request: Request, error: Any) -> Response:
    errors = [{"where": _where(each["loc"]), "what": str(each["msg"])} for each in error.errors()[:_TOLD]]
    return of_problem(Problem(INVALID, "the request is not well formed", errors=errors))


def _where(place: Sequence[Any]) -> str:
    """Return where an error is; a name that is not ours is not repeated."""
    words = [str(each) for each in place if isinstance(each, str | int)]
    return " ".join(words[:2])[:100]


async def _http(request: Request, error: Any) -> Response:
    if error.status_code == WRONG_METHOD.status:
        methods = set(error.headers["Allow"].split(", "))
        allowed = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
        return of_problem(Problem(WRONG_METHOD, "the path does not know this method", headers={"Allow": allowed}))
    return of_problem(Problem(NO_SUCH_PATH, "nothing lies under this path"))
