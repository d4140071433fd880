"""What one call says and hears until it ends: tries, pauses, what is kept. It knows no network and no clock."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from appealbus.client.cache import Cache
from appealbus.client.errors import Unreachable, problem_of
from appealbus.client.retrying import AGAIN, LOST, Retries
from appealbus.client.wire import Answer, Failure, Pause, Send

T = TypeVar("T")

Conversation = Generator[Send | Pause, Answer | Failure | None, T]
"""Yields what the transport has to do; is sent what came of it; returns what the call was for."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request as this API knows it, and how its answer is read.

    Attributes:
        wait: seconds that the server may wait before it answers, beside the usual time.
        cached: whether the answer is kept with its ETag.
        message: whether it is a message, which the server takes more carefully the second time.

    """

    method: str
    path: str
    read: Callable[[Answer], T]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    wait: float = 0.0
    cached: bool = False
    message: bool = False

    def send(self, timeout: float) -> Send:
        """Return the request."""
        return Send(self.method, self.path, self.query, self.headers, self.body, timeout + self.wait)


def converse(call: Call[T], retries: Retries, cache: Cache, timeout: float) -> Conversation[T]:
    """Make a call: send it until an answer counts.

    Every call may be sent again: reads change nothing, and messages have an id that counts once.

    Raises:
        Unreachable: no answer came.
        Problem: the server answered with one.
        UnexpectedAnswer: the answer is none of this API's.

    """
    key = (call.path, *(f"{name}={value}" for name, value in call.query), call.headers.get("Accept", ""))
    kept = cache.get(key) if call.cached else None
    send = call.send(timeout)
    if kept is not None:
        send = replace(send, headers={**send.headers, "If-None-Match": kept.headers["etag"]})
    tried = 0
    while True:
        tried += 1
        answer = yield send
        if isinstance(answer, Answer) and answer.status not in AGAIN:
            return _ended(call, answer, kept, cache, key)
        pause = retries.pause(tried, answer if isinstance(answer, Answer) else None)
        if pause is None:
            if isinstance(answer, Answer):
                raise problem_of(answer)
            why = answer.what if answer is not None else "nothing came"
            raise Unreachable(f"no answer after {tried} tries: {why}") from None
        if call.message and (not isinstance(answer, Answer) or answer.status in LOST):
            send = replace(send, headers={**send.headers, "Appealbus-Again": "?1"})
        yield Pause(pause)


def _ended(call: Call[T], answer: Answer, kept: Answer | None, cache: Cache, key: tuple[str, ...]) -> T:
    if answer.status == 304 and kept is not None:
        return call.read(kept)
    if not 200 <= answer.status < 300:
        raise problem_of(answer)
    read = call.read(answer)
    if call.cached:
        cache.keep(key, answer)
    return read
