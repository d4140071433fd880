"""Sign-in by one-time link or OpenID Connect provider, and sign-out."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from appealbus.core.management.people import Client
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import check_origin, form_of, parts_of
from appealbus.plugins.console.oidc import COOKIE, NotSignedIn, client_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.sessions import give_cookie, take_cookie
from appealbus.plugins.console.words import Words

HOME = "/console/"


async def enter(request: Request) -> Response:
    """Show the sign-in page. Only its button uses a link up, so that link previews do not."""
    console = Console.of(request)
    link, to = request.query_params.get("link", ""), request.query_params.get("to", "")
    given = {"link": link[:100], "to": safe(to), "oidc": console.oidc is not None}
    return console.render(request, console.words(request), "enter.html", 200, given)


async def use_link(request: Request) -> Response:
    console = Console.of(request)
    words = console.words(request)
    check_origin(request, words)
    form = await form_of(request, console.api.bodies, words)
    client = await console.sessions.redeem(form["link"])
    if client is None:
        raise Refused(403, words.say("This link was used, or its time is over. Ask for a new one."))
    return await _begun(request, client, form["to"])


async def _begun(request: Request, client: Client, to: str) -> Response:
    console = Console.of(request)
    before = await console.sessions.of(request)
    if before is not None:
        await console.sessions.end(before)
    answer = RedirectResponse(safe(to), 303)
    give_cookie(request, answer, await console.sessions.begin(client))
    return answer


async def to_provider(request: Request) -> Response:
    console = Console.of(request)
    if console.oidc is None:
        raise HTTPException(404)
    try:
        return await console.oidc.start(request, safe(request.query_params.get("to", "")))
    except NotSignedIn as error:
        raise _not_signed_in(console.words(request), error) from None


async def from_provider(request: Request) -> Response:
    console = Console.of(request)
    if console.oidc is None:
        raise HTTPException(404)
    try:
        who, to = await console.oidc.finish(request)
        client = await client_of(console.api.journal, who)
    except NotSignedIn as error:
        raise _not_signed_in(console.words(request), error) from None
    answer = await _begun(request, client, to)
    answer.delete_cookie(COOKIE, path="/console/oidc")
    return answer


def _not_signed_in(words: Words, error: NotSignedIn) -> Refused:
    match error.code:
        case "oidc.no_role":
            text = words.say("You are known, but nobody has given you a role here.")
        case "oidc.name" | "oidc.name_taken":
            text = words.say("Your name at the provider cannot be used here, or is somebody else's.")
        case "oidc.revoked":
            text = words.say("You may not come in any more.")
        case _:
            text = words.say("The provider did not sign you in; try again.")
    return Refused(403, f"{text} [{error.code}]")


async def leave(request: Request) -> Response:
    """Sign out on all servers, and at the provider if the person came from there."""
    page = await Page.of(request)
    console, client = page.console, page.session.client
    await console.sessions.end(page.session)
    out = await console.oidc.way_out() if console.oidc and client.created_by.startswith(console.oidc.MARK) else None
    answer: Response = RedirectResponse("/console/enter", 303)
    if out is not None:
        # A page, and no redirect: browsers let no form of ours lead elsewhere.
        answer = console.render(request, page.words, "left.html", 200, {"out": out})
    take_cookie(request, answer)
    return answer


async def home(request: Request) -> Response:
    page = await Page.of(request)
    seen = (view for view in page.console.views if view.place and view.open_to(page.viewer))
    return page.go(next(seen).path, page.chosen_language)


def safe(to: str) -> str:
    """Return the target after sign-in: always a page of the console, to prevent open redirects."""
    parts = parts_of(to if to.isprintable() and "\\" not in to else "")
    within = not parts.scheme and not parts.netloc and parts.path.startswith("/console/") and "//" not in parts.path
    if not within or parts.path.startswith("/console/enter") or ".." in parts.path:
        return HOME
    return parts.path + (f"?{parts.query}" if parts.query else "")


routes = [
    Route("/", home, methods=["GET"]),
    Route("/enter", enter, methods=["GET"]),
    Route("/enter", use_link, methods=["POST"]),
    Route("/oidc", to_provider, methods=["GET"]),
    Route("/oidc/back", from_provider, methods=["GET"]),
    Route("/leave", leave, methods=["POST"]),
]
