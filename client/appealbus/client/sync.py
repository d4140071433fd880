"""The client for programs without an event loop."""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
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

    def submit(self, appeal: calls.Message, *, message_id: str | None = None) -> Submitted:
        """Put an appeal in; the same id again gets the same receipt."""
        return self._run(calls.submit("appeals", appeal, message_id))

    def change(self, change: calls.Message, *, message_id: str | None = None) -> Submitted:
        """Say what happened to an appeal."""
        return self._run(calls.submit("changes", change, message_id))

    def find(
        self, what: Mapping[str, str], *, after: str | None = None, limit: int = 100, purpose: str | None = None
    ) -> Found:
        """Find appeals: `{"number": …}`, `{"message_id": …, "channel": …}`, `{"iin": …}`, `{"bin": …}` and the like."""
        return self._run(calls.find(what, after, limit, purpose or self._purpose))

    def state(self, appeal: str) -> State:
        """Say how an appeal stands."""
        return self._run(calls.state(appeal))

    def dossier(self, appeal: str, version: int | None = None, *, purpose: str | None = None) -> Dossier:
        """Read a version of a dossier, the newest where none is named; what has not changed does not travel again."""
        return self._run(calls.dossier(appeal, version, purpose or self._purpose))

    def dossier_xml(self, appeal: str, version: int | None = None, *, purpose: str | None = None) -> bytes:
        """Read the same as XML."""
        return self._run(calls.dossier_xml(appeal, version, purpose or self._purpose))

    def versions(self, appeal: str, *, purpose: str | None = None) -> list[Version]:
        """List the versions that this client sees, in their order."""
        return self._run(calls.versions(appeal, purpose or self._purpose))

    def difference(self, appeal: str, version: int, since: int, *, purpose: str | None = None) -> list[Operation]:
        """Say in what a version differs from the version `since`, as a JSON Patch."""
        return self._run(calls.difference(appeal, version, since, purpose or self._purpose))

    def why(self, appeal: str, *, purpose: str | None = None) -> Why:
        """Say what is missing, and when it is asked again."""
        return self._run(calls.why(appeal, purpose or self._purpose))

    def term(self, appeal: str, *, purpose: str | None = None) -> Term:
        """Say until when an appeal has to be answered, and why: `due_on`, and under `terms` each proof."""
        return self._run(calls.term(appeal, purpose or self._purpose))

    def repeats(self, appeal: str, *, purpose: str | None = None) -> Repeats:
        """Say which others are about the same, how they ended, and what is new here: `compared`, by who compares."""
        return self._run(calls.repeats(appeal, purpose or self._purpose))

    def terms(
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
        return self._run(calls.terms(which or {}, after, limit, purpose or self._purpose))

    def report(self, which: Mapping[str, str] | None = None, *, purpose: str | None = None) -> dict[str, Any]:
        """Read the figures of a period: `{"since": "2026-01-01", "until": …, "by": "district"}`.

        The first one over a full journal takes long: `Unavailable` says so, and it is there later.
        """
        return self._run(calls.report(which or {}, purpose or self._purpose))

    def surges(self, *, purpose: str | None = None) -> Surges:
        """Say of what more is written than its past explains: `week` that is over, `day` of the one under way."""
        return self._run(calls.surges(purpose or self._purpose))

    def alarms(
        self, *, closed: bool = False, before: int | None = None, limit: int = 100, purpose: str | None = None
    ) -> Alarms:
        """List alarms of surges, the newest first; those that are open, or closed ones, too."""
        return self._run(calls.alarms(before, limit, purpose or self._purpose, closed=closed))

    def alarm(self, alarm: int, *, purpose: str | None = None) -> SurgeAlarm:
        """Read one alarm: all that it rests on, and under `appeals` the ids of those behind it."""
        return self._run(calls.alarm(alarm, purpose or self._purpose))

    def explain(
        self, appeal: str, field: str, version: int | None = None, *, purpose: str | None = None
    ) -> list[Explained]:
        """Say where a field comes from: `gbdfl.person/surname`."""
        return self._run(calls.explain(appeal, field, version, purpose or self._purpose))

    def history(
        self, appeal: str, *, after: int | None = None, limit: int = 100, purpose: str | None = None
    ) -> History:
        """Read a page of what happened to an appeal."""
        return self._run(calls.history(appeal, after, limit, purpose or self._purpose))

    def feed(
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
        return self._run(calls.feed(after, wait, limit, places=places, kinds=kinds, completeness=completeness))

    def follow(self, after: str | None = None, *, wait: int = 20, **given: Any) -> Iterator[FeedPage]:
        """Go through the feed without an end; takes what `feed` takes. Keep `next` of each page, and begin with it."""
        while True:
            page = self.feed(after, wait=wait, **given)
            yield page
            after = page.next

    def readers(self) -> list[Reader]:
        """Say up to where clients have read the feed; a registry is told of itself."""
        return self._run(calls.readers())

    def me(self) -> Me:
        """Say who this client is to the server: its role, scopes, mask and limits."""
        return self._run(calls.me())

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
