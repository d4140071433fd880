"""The client for programs with an event loop: the same as `sync`, awaited."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, cast

import httpx

from appealbus.client import calls
from appealbus.client.cache import Cache
from appealbus.client.conversation import Call, T
from appealbus.client.methods import named, with_purpose
from appealbus.client.results import FeedPage
from appealbus.client.retrying import Retries
from appealbus.client.target import Gathering, Target, Token
from appealbus.client.wire import Answer, Failure, Pause, Send

P = ParamSpec("P")


def _method(call: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    async def method(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client._run(call(*args, **with_purpose(call, kwargs, client._purpose)))

    return named(method, call)


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

    submit = _method(calls.submit)
    change = _method(calls.change)
    find = _method(calls.find)
    state = _method(calls.state)
    dossier = _method(calls.dossier)
    dossier_xml = _method(calls.dossier_xml)
    versions = _method(calls.versions)
    difference = _method(calls.difference)
    why = _method(calls.why)
    term = _method(calls.term)
    repeats = _method(calls.repeats)
    terms = _method(calls.terms)
    report = _method(calls.report)
    surges = _method(calls.surges)
    alarms = _method(calls.alarms)
    alarm = _method(calls.alarm)
    explain = _method(calls.explain)
    history = _method(calls.history)
    feed = _method(calls.feed)
    readers = _method(calls.readers)
    me = _method(calls.me)

    async def follow(self, after: str | None = None, *, wait: int = 20, **given: Any) -> AsyncIterator[FeedPage]:
        """Go through the feed without an end; takes what `feed` takes. Keep `next` of each page, and begin with it."""
        while True:
            page = await self.feed(after, wait=wait, **given)
            yield page
            after = page.next

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
