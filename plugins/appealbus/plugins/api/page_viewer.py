"""What pages of plugins are handed of this server: who asks, and what it sees, by the rules of the API's own routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.requests import Request

from appealbus.core import AppealsPage, PageViewer, ReceiverStanding, SourceState, VersionRow
from appealbus.core.domain.client import Client
from appealbus.core.domain.selection import NOWHERE, Place, Selection
from appealbus.core.journal import access, workers
from appealbus.core.journal.deliveries import receivers as journal_receivers
from appealbus.core.rights.findings import seen_finding
from appealbus.core.rights.viewer import Action
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import PURPOSE, Caller, allow, count, need_purpose, purpose_of, views_of
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.api.problems import UNAUTHENTICATED, Problem, invalid, unavailable
from appealbus.plugins.api.routes.dossiers import version_of

_MOST = 100
_STEPS = 20
"""Of a thousand appeals each, through which a page looks for those within the viewer's scopes; then it comes short."""


@dataclass(frozen=True, slots=True)
class ServerContext:
    """The `PagesContext` of a server. The console, which is built in, also uses its `api`."""

    api: Api

    async def viewer(self, scope: Mapping[str, Any]) -> PageViewer:
        api, request = self.api, Request({**scope})
        its_own = "authorization" in request.headers or scope.get("client_certificate") is not None
        session_of = api.person if scope["method"] == "GET" and not its_own else None
        person = None if session_of is None else await session_of(request)
        again = partial(api.credentials.client if person is None else self._person, request)
        client = await again() if person is None else person
        await count(api, Exchange.of(request), client)
        viewer = api.policy.of_client(client) if person is None else api.policy.of_person(client)
        purpose, watched = purpose_of(request.headers.get(PURPOSE)), partial(api.credentials.watched, request)
        caller = Caller(client, viewer, views_of(api, viewer), api.journal, again, watched, purpose)
        return ServerViewer(api, caller)

    async def _person(self, request: Request) -> Client:
        client = None if self.api.person is None else await self.api.person(request)
        if client is None:
            raise Problem(UNAUTHENTICATED, "the session is over")
        return client


@dataclass(frozen=True, slots=True)
class ServerViewer:
    """The `PageViewer` of a request; its methods are documented there."""

    _api: Api
    _caller: Caller

    @property
    def name(self) -> str:
        return self._caller.client.name

    @property
    def role(self) -> str:
        return self._caller.client.role.value

    async def appeals(self, after: str = "", limit: int = 50) -> AppealsPage:
        caller = await self._may(Action.STATE)
        try:
            place, size = Place.parse(after) if after else NOWHERE, max(1, min(limit, _MOST))
            listing = await caller.journal.find(Selection(), place, size, steps=_STEPS, sees=caller.viewer.sieve)
        except ValueError as error:
            raise invalid("there is no such page of the list", "after", str(error)) from None
        rows = [replace(await caller.views.row(row), appeal_id=0) for row in listing.rows]
        purpose, about = caller.purpose, {"found": len(rows)}
        await caller.journal.do(access.Look("appeals", purpose=purpose, about=about, by=caller.actor))
        return AppealsPage(rows, "" if listing.next is None else str(listing.next))

    async def dossier(self, public_id: str, version: int | None = None, purpose: str = "") -> bytes:
        caller = await self._may(Action.DOSSIER)
        caller = replace(caller, purpose=purpose.strip()[:500] or caller.purpose)
        need_purpose(caller.viewer, caller.purpose)
        row, raw = await caller.dossier(public_id)
        shown = await version_of(caller, row, version, raw)
        await caller.looks("dossier", row, version=shown.version)
        return shown.raw

    async def versions(self, public_id: str) -> Sequence[VersionRow]:
        caller = await self._may(Action.VERSIONS)
        return await caller.views.versions(await caller.appeal(public_id))

    async def sources(self) -> Sequence[SourceState]:
        return await (await self._may(Action.WHY)).journal.ask(workers.source_states)

    async def receivers(self) -> Sequence[ReceiverStanding]:
        configured = self._api.loaded.settings.deliveries
        receivers = await (await self._may(Action.OPERATE)).journal.ask(journal_receivers.receivers, configured)
        since = [None if receiver.oldest is None else receiver.oldest.since for receiver in receivers]
        return [
            ReceiverStanding(
                receiver.name,
                receiver.name in configured,
                receiver.waiting,
                at,
                receiver.refused,
                receiver.confirmed_at,
            )
            for receiver, at in zip(receivers, since, strict=True)
        ]

    async def findings(self) -> Sequence[Mapping[str, str]]:
        viewer = (await self._may(Action.OPERATE)).viewer
        try:
            findings = (await self._api.found.get()).findings
        except TimeoutError:
            raise unavailable("the journal does not answer") from None
        shown = [seen_finding(viewer, finding).plain for finding in findings]
        return [{name: viewer.mask.text(text) for name, text in finding.items()} for finding in shown]

    async def _may(self, action: Action) -> Caller:
        await self._caller.still()
        allow(self._caller.client, action)
        return self._caller
