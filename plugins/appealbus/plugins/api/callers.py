"""Who asks, and whether they may: the dependency of every route that needs credentials."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Header
from starlette.requests import Request

from appealbus.core import AppealRow
from appealbus.core.fair_share import requester
from appealbus.core.management import Journal, appeals, people
from appealbus.core.management.people import Client
from appealbus.core.management.viewing import Action, Viewer, Views
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.api.problems import NOT_ALLOWED, PURPOSE_MISSING, UNKNOWN, Problem, invalid

_LONGEST = 500
"""Characters of a purpose."""
PURPOSE = "Appealbus-Purpose"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that asks, with what it may see, and what it says that it asks for."""

    client: Client
    viewer: Viewer
    views: Views
    journal: Journal
    again: Callable[[], Awaitable[Client]]
    watched: Callable[[], AbstractContextManager[asyncio.Event]]
    """Has an event set once the client's credentials count no more: for those who wait."""
    purpose: str = ""

    @property
    def actor(self) -> str:
        """Who the client is in the log."""
        return self.viewer.actor

    async def still(self) -> None:
        """Raise Problem where the client's credentials count no more, as those of one who has waited may."""
        await self.again()

    async def appeal(self, public_id: str) -> AppealRow:
        """Return the appeal with this id; raise Problem where there is none that the client sees."""
        return self._seen(await self.journal.ask(appeals.appeal_of, public_id))

    async def dossier(self, public_id: str) -> tuple[AppealRow, bytes | None]:
        """Return the same with its newest dossier, unmasked, if that could be read with it."""
        row, raw = await self.journal.ask(appeals.dossier_of, public_id) or (None, None)
        return self._seen(row), raw

    def _seen(self, row: AppealRow | None) -> AppealRow:
        if row is None or not self.viewer.sees(row):
            raise Problem(UNKNOWN, "there is no such appeal")
        return row

    async def looks(self, what: str, row: AppealRow | None = None, **about: int) -> None:
        """Note that the client looks at something, before it is told; what cannot be noted is not told."""
        await self.journal.do(
            people.Look(
                what, number=None if row is None else row.number, purpose=self.purpose, about=about, by=self.actor
            )
        )

    async def looks_at_others(self, what: str, numbers: Sequence[str]) -> None:
        """Note the same of other appeals that something is shown of beside the one that was asked for."""
        looks = [people.Look(what, number, self.purpose, by=self.actor) for number in numbers]
        await asyncio.gather(*map(self.journal.do, looks))


def may(action: Action | None) -> Any:
    """Return the dependency of a route that is for clients who may do this; None: for all."""

    async def caller(request: Request) -> Caller:
        return await _caller(request, action)

    return Depends(caller)


def may_read(action: Action) -> Any:
    """Return the dependency of a route that shows what appeals say, for which some have to name a purpose."""

    async def caller(
        request: Request,
        appealbus_purpose: Annotated[
            str | None,
            Header(description="What the client reads this for: UTF-8, percent-encoded; noted with the read."),
        ] = None,
    ) -> Caller:
        return await _caller(request, action, given=appealbus_purpose, reads=True)

    return Depends(caller)


async def reader(request: Request, action: Action) -> Caller:
    """Return what `may_read` would: for a route that takes its parameters by itself."""
    return await _caller(request, action, given=request.headers.get(PURPOSE), reads=True)


async def _caller(request: Request, action: Action | None, *, given: str | None = None, reads: bool = False) -> Caller:
    api = Api.of(request)
    again, watched = partial(api.credentials.client, request), partial(api.credentials.watched, request)
    client = await again()
    await count(api, Exchange.of(request), client)
    viewer = api.policy.of_client(client)
    if action is not None:
        allow(viewer, action)
    purpose = purpose_of(given)
    if reads:
        need_purpose(viewer, purpose)
    return Caller(client, viewer, views_of(api, viewer), api.journal, again, watched, purpose)


async def count(api: Api, exchange: Exchange, client: Client) -> None:
    """Take a request for that of a client; raise Problem where it is one too many."""
    exchange.client = client.name
    requester.set(client.channel or client.name)
    exchange.headers |= await api.limits.take(client)


def allow(viewer: Viewer, action: Action) -> None:
    """Raise Problem where the role of a client does not have an action."""
    if not viewer.may(action):
        raise Problem(NOT_ALLOWED, f"a client with the role {viewer.role} may not do this")


def need_purpose(viewer: Viewer, purpose: str) -> None:
    """Raise Problem where a viewer has to say what for, and does not."""
    if viewer.purpose_needed and not purpose:
        raise Problem(PURPOSE_MISSING, f"say what for, in the header {PURPOSE}")


def views_of(api: Api, viewer: Viewer) -> Views:
    """Return what a viewer sees; what other epochs looked like is forgotten."""
    api.forget_other_epochs()
    return Views(api.journal, viewer, api.looks, api.masker)


def purpose_of(given: str | None) -> str:
    """Return the purpose that a header gives, empty where there is none; raise Problem where it cannot be read."""
    if not given:
        return ""
    try:
        text = unquote_to_bytes(given).decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not 1 <= len(text) <= _LONGEST:
        what = f"write 1 to {_LONGEST} characters, UTF-8, percent-encoded"
        raise invalid(f"{PURPOSE} cannot be read", f"header {PURPOSE}", what)
    return text
