"""About the client itself, and about who reads the feed."""

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from appealbus.core.management import feed
from appealbus.core.management.people import Role
from appealbus.core.management.viewing import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may

router = documented.router(tags=["about"])


@router.get(
    "/v1/me",
    summary="See what you may do",
    **documented.route(ok={200: {"description": "The client.", "content": documented.content("Me")}}),
)
async def me(request: Request, caller: Annotated[Caller, may(None)]) -> Response:
    """Tell the client its role, its scopes, what its mask hides, and its limits."""
    client, viewer, settings = caller.client, caller.viewer, Api.of(request).settings
    limits = {
        "requests_per_minute": client.per_minute or settings.requests_per_minute,
        "waiting": settings.waiting_per_client,
    }
    told = {
        "name": client.name,
        "role": client.role.value,
        "actions": sorted(viewer.actions),
        "places": list(client.places),
        "kinds": list(client.kinds),
        "mask": viewer.mask.name,
        "hidden": [] if viewer.mask.plain else viewer.mask.hidden_rules,
        "purpose_needed": viewer.purpose_needed,
        "limits": limits,
    }
    return as_json(told | ({"channel": client.channel} if client.channel else {}))


@router.get(
    "/v1/feed/readers",
    summary="See who has read how far",
    tags=["feed"],
    **documented.route(ok={200: {"description": "The readers.", "content": documented.content("Readers")}}),
)
async def feed_readers(request: Request, caller: Annotated[Caller, may(Action.READERS)]) -> Response:
    """Tell up to where each client has said that it has read; the registry is told of itself alone."""
    own = caller.client.role is Role.REGISTRY
    readers = [
        {"client": reader.client, "cursor": str(reader.cursor), "at": reader.at, "lag": reader.lag}
        for reader in await caller.journal.ask(feed.readers)
        if not own or reader.client == caller.client.name
    ]
    return as_json({"readers": readers})
