"""The client for programs without an event loop."""

import ssl
import time
from collections.abc import Callable, Iterator
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


def _method(call: Callable[P, Call[T]]) -> Callable[Concatenate["Client", P], T]:
    def method(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client._run(call(*args, **with_purpose(call, kwargs, client._purpose)))

    return named(method, call)


class Client:
    """Speaks to one server. Threads may share it. Close it, or use it in a `with` block.

    Every method sends its request again where that may help, waits for so long at most as `retries` and `timeout` say,
    and raises what `appealbus.client.errors` has. Where a `purpose` is asked for, it is said here or there.

    Args:
        url: of the server: `https://bus.example`; `http://` for this machine alone.
        token: of the client, or a function that reads it anew for each request; None where a certificate tells.
        purpose: what is read for, where a method is given none.
        tls: with whose certificates, and the client's own; None: the system's.
        timeout: seconds for one try, a long poll's waiting not counted.
        retries: how often and how long apart.
        cache: what keeps dossiers with their ETag; `Cache(entries=0)` keeps none.

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
        self._http = httpx.Client(verify=self._target.verify(), trust_env=self._target.encrypted)

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

    def follow(self, after: str | None = None, *, wait: int = 20, **given: Any) -> Iterator[FeedPage]:
        """Go through the feed without an end; takes what `feed` takes. Keep `next` of each page, and begin with it."""
        while True:
            page = self.feed(after, wait=wait, **given)
            yield page
            after = page.next

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        conversation = self._target.begin(call)
        came: Answer | Failure | None = None
        try:
            while True:
                step = conversation.send(came)
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    came = None
                else:
                    came = self._once(step)
        except StopIteration as ended:
            return cast("T", ended.value)

    def _once(self, send: Send) -> Answer | Failure:
        gathering = Gathering(send)
        try:
            response = self._http.send(self._target.request(send), stream=True)
            try:
                for part in response.iter_bytes():
                    gathering.add(part)
            finally:
                response.close()
        except httpx.RequestError as error:
            return Failure(type(error).__name__)
        return gathering.answer(response)
