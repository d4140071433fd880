"""The client for programs with an event loop: the same as `sync`, awaited."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast

import httpx

from appealbus.client import calls
from appealbus.client.cache import Cache
from appealbus.client.conversation import Call, T
from appealbus.client.models import (
    Explained,
    Me,
    Operation,
    Reader,
    Repeats,
    State,
    SurgeAlarm,
    Surges,
    Term,
    Version,
    Why,
)
from appealbus.client.results import Alarms, Dossier, FeedPage, Found, History, Submitted
from appealbus.client.retrying import Retries
from appealbus.client.target import Gathering, Target, Token
from appealbus.client.wire import Answer, Failure, Pause, Send


class AsyncClient:
    """Speaks to one server. Tasks of one event loop may share it. Close it, or use it in an `async with` block.

    Methods, arguments and errors are those of `appealbus.client.Client`.
    """

    def __init__(
        self,
        url: str,
        token: Token | None = None,
        *,
        purpose: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        retries: Retries | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._target = Target(url, token, tls, timeout, retries or Retries(), cache or Cache())
        self._purpose = purpose
        self._http = httpx.AsyncClient(verify=self._target.verify(), trust_env=self._target.encrypted)

    async def submit(self, appeal: calls.Message, *, message_id: str | None = None) -> Submitted:
        """Put an appeal in; the same id again gets the same receipt."""
        return await self._run(calls.submit("appeals", appeal, message_id))

    async def change(self, change: calls.Message, *, message_id: str | None = None) -> Submitted:
        """Say what happened to an appeal."""
        return await self._run(calls.submit("changes", change, message_id))

    async def find(
        self, what: Mapping[str, str], *, after: str | None = None, limit: int = 100, purpose: str | None = None
    ) -> Found:
        """Find appeals: `{"number": …}`, `{"message_id": …, "channel": …}`, `{"iin": …}`, `{"bin": …}` and the like."""
        return await self._run(calls.find(what, after, limit, purpose or self._purpose))

    async def state(self, appeal: str) -> State:
        """Say how an appeal stands."""
        return await self._run(calls.state(appeal))

    async def dossier(self, appeal: str, version: int | None = None, *, purpose: str | None = None) -> Dossier:
        """Read a version of a dossier, the newest where none is named; what has not changed does not travel again."""
        return await self._run(calls.dossier(appeal, version, purpose or self._purpose))

    async def dossier_xml(self, appeal: str, version: int | None = None, *, purpose: str | None = None) -> bytes:
        """Read the same as XML."""
        return await self._run(calls.dossier_xml(appeal, version, purpose or self._purpose))

    async def versions(self, appeal: str, *, purpose: str | None = None) -> list[Version]:
        """List the versions that this client sees, in their order."""
        return await self._run(calls.versions(appeal, purpose or self._purpose))

    async def difference(self, appeal: str, version: int, since: int, *, purpose: str | None = None) -> list[Operation]:
        """Say in what a version differs from the version `since`, as a JSON Patch."""
        return await self._run(calls.difference(appeal, version, since, purpose or self._purpose))

    async def why(self, appeal: str, *, purpose: str | None = None) -> Why:
        """Say what is missing, and when it is asked again."""
        return await self._run(calls.why(appeal, purpose or self._purpose))

    async def term(self, appeal: str, *, purpose: str | None = None) -> Term:
        """Say until when an appeal has to be answered, and why: `due_on`, and under `terms` each proof."""
        return await self._run(calls.term(appeal, purpose or self._purpose))

    async def repeats(self, appeal: str, *, purpose: str | None = None) -> Repeats:
        """Say which others are about the same, how they ended, and what is new here: `compared`, by who compares."""
        return await self._run(calls.repeats(appeal, purpose or self._purpose))

    async def terms(
        self,
        which: Mapping[str, str] | None = None,
        *,
        after: str | None = None,
        limit: int = 100,
        purpose: str | None = None,
    ) -> Found:
        """List open appeals by the day on which they are due: `{"until": …, "body": …}`, `{"moved": "true"}`.

        A page may be short, or empty, while there is a `next`.
        """
        return await self._run(calls.terms(which or {}, after, limit, purpose or self._purpose))

    async def report(self, which: Mapping[str, str] | None = None, *, purpose: str | None = None) -> dict[str, Any]:
        """Read the figures of a period: `{"since": "2026-01-01", "until": …, "by": "district"}`.

        The first one over a full journal takes long: `Unavailable` says so, and it is there later.
        """
        return await self._run(calls.report(which or {}, purpose or self._purpose))

    async def surges(self, *, purpose: str | None = None) -> Surges:
        """Say of what more is written than its past explains: `week` that is over, `day` of the one under way."""
        return await self._run(calls.surges(purpose or self._purpose))

    async def alarms(
        self, *, closed: bool = False, before: int | None = None, limit: int = 100, purpose: str | None = None
    ) -> Alarms:
        """List alarms of surges, the newest first; those that are open, or closed ones, too."""
        return await self._run(calls.alarms(before, limit, purpose or self._purpose, closed=closed))

    async def alarm(self, alarm: int, *, purpose: str | None = None) -> SurgeAlarm:
        """Read one alarm: all that it rests on, and under `appeals` the ids of those behind it."""
        return await self._run(calls.alarm(alarm, purpose or self._purpose))

    async def explain(
        self, appeal: str, field: str, version: int | None = None, *, purpose: str | None = None
    ) -> list[Explained]:
        """Say where a field comes from: `gbdfl.person/surname`."""
        return await self._run(calls.explain(appeal, field, version, purpose or self._purpose))

    async def history(
        self, appeal: str, *, after: int | None = None, limit: int = 100, purpose: str | None = None
    ) -> History:
        """Read a page of what happened to an appeal."""
        return await self._run(calls.history(appeal, after, limit, purpose or self._purpose))

    async def feed(
        self,
        after: str | None = None,
        *,
        wait: int = 0,
        limit: int = 100,
        places: Sequence[str] = (),
        kinds: Sequence[str] = (),
        completeness: str | Sequence[str] | None = None,
    ) -> FeedPage:
        """Read a page of the feed: what follows the cursor, waiting for it so many seconds.

        Raises:
            FeedRestart: nobody can go on from this cursor; it has the one to start again from.

        """
        return await self._run(calls.feed(after, wait, limit, places=places, kinds=kinds, completeness=completeness))

    async def follow(self, after: str | None = None, *, wait: int = 20, **given: Any) -> AsyncIterator[FeedPage]:
        """Go through the feed without an end; takes what `feed` takes. Keep `next` of each page, and begin with it."""
        while True:
            page = await self.feed(after, wait=wait, **given)
            yield page
            after = page.next

    async def readers(self) -> list[Reader]:
        """Say up to where clients have read the feed; a registry is told of itself."""
        return await self._run(calls.readers())

    async def me(self) -> Me:
        """Say who this client is to the server: its role, scopes, mask and limits."""
        return await self._run(calls.me())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        conversation = self._target.begin(call)
        came: Answer | Failure | None = None
        try:
            while True:
                step = conversation.send(came)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    came = None
                else:
                    came = await self._once(step)
        except StopIteration as ended:
            return cast("T", ended.value)

    async def _once(self, send: Send) -> Answer | Failure:
        gathering = Gathering(send)
        try:
            response = await self._http.send(self._target.request(send), stream=True)
            try:
                async for part in response.aiter_bytes():
                    gathering.add(part)
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            return Failure(type(error).__name__)
        return gathering.answer(response)
