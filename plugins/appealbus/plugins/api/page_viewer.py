"""What pages of plugins are handed of this server: who asks, and what it sees, by the rules of the API's own routes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.requests import Request

from appealbus.core import (
    AppealLog,
    AppealRow,
    AppealsPage,
    JournalError,
    OperationStanding,
    PageViewer,
    ReceiverStanding,
    SourceState,
    VersionRow,
)
from appealbus.core.management import Journal, appeals, deliveries, people
from appealbus.core.management.appeals import ListPosition, Selection
from appealbus.core.management.health import seen_finding
from appealbus.core.management.operations import under_way
from appealbus.core.management.people import Client
from appealbus.core.management.sources import reports
from appealbus.core.management.viewing import Action
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import PURPOSE, Caller, allow, count, need_purpose, purpose_of, views_of
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.api.problems import (
    CONFLICT,
    NOT_ALLOWED,
    UNAUTHENTICATED,
    UNKNOWN,
    Problem,
    invalid,
    unavailable,
)
from appealbus.plugins.api.routes.dossiers import version_of

_MOST, _MOST_ENTRIES, _LAST = 100, 500, 10**17
_LONGEST = 500
"""Characters of a reason."""
_OURS = frozenset({"same-origin", "none"})
"""What a browser says of a request that no other site made."""
_CONFLICTS = {
    "held": "it is held, and nothing is changed",
    "not_held": "it is not held, and nothing is changed",
    "in_work": "a worker has it right now, and nothing is changed",
}
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
        # A browser shows a certificate whoever makes it ask.
        only_reads = person is not None or request.headers.get("sec-fetch-site", "none") not in _OURS
        return ServerViewer(api, caller, only_reads)

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
    only_reads: bool
    """A person's session, or another site's request: nothing proves whose wish an act is."""

    @property
    def name(self) -> str:
        return self._caller.client.name

    @property
    def role(self) -> str:
        return self._caller.client.role.value

    async def appeals(self, after: str = "", limit: int = 50) -> AppealsPage:
        caller = await self._may(Action.STATE)
        try:
            place, size = ListPosition.parse(after or "0"), max(1, min(limit, _MOST))
            listing = await caller.journal.find(Selection(), place, size, steps=_STEPS, sees=caller.viewer.sieve)
        except ValueError as error:
            raise invalid("there is no such page of the list", "after", str(error)) from None
        rows = [replace(await caller.views.row(row), appeal_id=0) for row in listing.rows]
        purpose, about = caller.purpose, {"found": len(rows)}
        await caller.journal.do(people.Look("appeals", purpose=purpose, about=about, by=caller.actor))
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

    async def appeal(self, public_id: str) -> AppealRow:
        caller = await self._may(Action.STATE)
        return replace(await caller.views.row(await caller.appeal(public_id)), appeal_id=0)

    async def history(self, public_id: str, after: int = 0, limit: int = 100) -> AppealLog:
        caller = await self._may(Action.HISTORY)
        row = await caller.appeal(public_id)
        page = await caller.views.history(row, max(0, min(after, _LAST)), max(1, min(limit, _MOST_ENTRIES)))
        return AppealLog([replace(entry, appeal_id=None, number=None) for entry in page.entries], page.next)

    async def hold(self, public_id: str, reason: str) -> None:
        await self._act(public_id, reason, appeals.hold)

    async def release(self, public_id: str, reason: str) -> None:
        await self._act(public_id, reason, appeals.release)

    async def retry(self, public_id: str, reason: str) -> int:
        async def retry(journal: Journal, number: str, *, reason: str, by: str) -> int | None:
            return await journal.do(appeals.Retry(number, reason=reason))

        return await self._act(public_id, reason, retry)

    async def operations(self) -> Sequence[OperationStanding]:
        rows = await (await self._may(Action.OPERATE)).journal.ask(under_way)
        return [
            OperationStanding(row.operation.value, row.at, row.by, row.total, row.seen, row.stopped_by) for row in rows
        ]

    async def sources(self) -> Sequence[SourceState]:
        return await reports((await self._may(Action.WHY)).journal)

    async def receivers(self) -> Sequence[ReceiverStanding]:
        configured = self._api.loaded.settings.deliveries
        receivers = await (await self._may(Action.OPERATE)).journal.ask(deliveries.receivers, configured)
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
        allow(self._caller.viewer, action)
        return self._caller

    async def _act(self, public_id: str, reason: str, act: Callable[..., Awaitable[int | None]]) -> int:
        """Have an act done on an appeal in the viewer's name."""
        caller = await self._may(Action.OPERATE)
        if self.only_reads:
            raise Problem(NOT_ALLOWED, "the session of a person, or a request of another site, only reads here")
        row = await caller.appeal(public_id)
        if len(reason) > 4 * _LONGEST:  # megabytes would hold up the event loop
            reason = ""
        why = "".join(letter for letter in " ".join(reason.split()) if letter.isprintable()).strip()
        if not 1 <= len(why) <= _LONGEST:
            raise invalid("an act needs a reason", "reason", f"write 1 to {_LONGEST} characters")
        try:
            done = await act(caller.journal.acting(caller.actor), row.number, reason=why, by=caller.actor)
        except JournalError as error:
            if error.code not in _CONFLICTS:
                raise
            raise Problem(CONFLICT, _CONFLICTS[error.code]) from None
        if done is None or done is False:
            raise Problem(UNKNOWN, "there is no such appeal")
        return done
