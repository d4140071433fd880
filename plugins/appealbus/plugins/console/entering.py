"""How people come in and go out: by a one-time link, and by the button."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import check_origin, form_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.sessions import give_cookie, take_cookie

HOME = "/console/appeals"


async def enter(request: Request) -> Response:
    """Show how to sign in. A link is used up by its button alone: whatever looks at links by itself does not."""
    console = Console.of(request)
    link, to = request.query_params.get("link", ""), request.query_params.get("to", "")
    given = {"link": link[:100], "to": safe(to)}
    return console.render(request, console.words(request), "enter.html", 200, given)


async def use_link(request: Request) -> Response:
    """Sign in whoever has a link that counts."""
    console = Console.of(request)
    words = console.words(request)
    check_origin(request, words)
    form = await form_of(request, console.api.bodies, words)
    client = await console.sessions.redeem(form["link"])
    if client is None:
        raise Refused(403, words.say("This link was used, or its time is over. Ask for a new one."))
    before = await console.sessions.of(request)
    if before is not None:
        await console.sessions.end(before)
    answer = RedirectResponse(safe(form["to"]), 303)
    give_cookie(request, answer, await console.sessions.begin(client))
    return answer


async def leave(request: Request) -> Response:
    """Sign out, on every server at once."""
    page = await Page.of(request)
    await page.console.sessions.end(page.session)
    answer = RedirectResponse("/console/enter", 303)
    take_cookie(request, answer)
    return answer


async def home(request: Request) -> Response:
    """Lead to the first page."""
    return RedirectResponse(HOME, 303)


def safe(to: str) -> str:
    """Return where to go after the sign-in: a page of the console, whatever was asked for."""
    parts = urlsplit(to) if to.isprintable() and "\\" not in to else urlsplit("")
    within = not parts.scheme and not parts.netloc and parts.path.startswith("/console/") and "//" not in parts.path
    if not within or parts.path.startswith("/console/enter") or ".." in parts.path:
        return HOME
    return parts.path + (f"?{parts.query}" if parts.query else "")


routes = [
    Route("/", home, methods=["GET"]),
    Route("/enter", enter, methods=["GET"]),
    Route("/enter", use_link, methods=["POST"]),
    Route("/leave", leave, methods=["POST"]),
]
