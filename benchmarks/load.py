"""A client of HTTP that costs next to nothing: each connection sends the next request once it has its answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_LENGTH = b"\r\ncontent-length: "
PATIENCE = 60.0


@dataclass
class Load:
    """What was asked, and what came of it.

    Attributes:
        requests: the bytes of each, without end or with one.
        seconds: for how long requests are sent; None: to the end of them.
        times: seconds that each took.
        statuses: of the answers.

    """

    requests: Iterator[bytes]
    seconds: float | None = None
    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    took: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.times) / self.took

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the answers came."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    async def run(self, port: int, connections: int) -> None:
        """Ask over so many connections."""
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(lambda: _Asking(self), "127.0.0.1", port) for _ in range(connections)]
        began = time.perf_counter()
        self._ends = began + (PATIENCE if self.seconds is None else self.seconds)
        for _, each in made:
            each.ask()
        async with asyncio.timeout(PATIENCE * 2):
            await asyncio.gather(*(each.over for _, each in made))
        self.took = time.perf_counter() - began
        for transport, _ in made:
            transport.abort()

    def next(self) -> bytes | None:
        """Return the next request; None where that is all."""
        return None if time.perf_counter() >= self._ends else next(self.requests, None)


class _Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._came = b""
        self._lacks = 0
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        request = self._load.next()
        if request is None:
            self.over.set_result(None)
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._lacks:
            self._lacks -= len(data)
        else:
            self._came += data
            head, blank, body = self._came.partition(b"\r\n\r\n")
            if not blank:
                return
            self._came = b""
            status = int(head[9:12])
            self._load.statuses[status] += 1
            _, _, length = head.lower().partition(_LENGTH)
            self._lacks = (0 if status == 304 else int(length.partition(b"\r\n")[0])) - len(body)
        if not self._lacks:
            self._load.times.append(time.perf_counter() - self._began)
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(ConnectionError("the server ended a connection"))


def request(path: str, *, method: str = "GET", token: str = "", body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a request."""
    head = {"Host": "bench", **({"Authorization": f"Bearer {token}"} if token else {})}
    head |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        head |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Streams:
    """Streams of the feed that are open at once, and how many of them have heard of something new."""

    def __init__(self) -> None:
        self.heard = 0
        self.opened = 0
        self._changed = asyncio.Event()
        self._transports: list[asyncio.Transport] = []

    async def open(self, port: int, count: int, asked: bytes) -> None:
        """Open so many and wait until each has its first events."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            transport, _ = await loop.create_connection(lambda: _Stream(self), "127.0.0.1", port)
            transport.write(asked)
            self._transports.append(transport)
        await self.until(lambda: self.opened == count)

    async def until(self, true: "object") -> None:
        """Wait until something is true of them."""
        async with asyncio.timeout(PATIENCE * 2):
            while not true():  # type: ignore[operator]
                self._changed.clear()
                await self._changed.wait()

    def changed(self) -> None:
        self._changed.set()

    def close(self) -> None:
        for transport in self._transports:
            transport.abort()


class _Stream(asyncio.Protocol):
    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._open = False

    def data_received(self, data: bytes) -> None:
        if not self._open and b"event: position" in data:
            self._open = True
            self._streams.opened += 1
        elif self._open and b"event: version" in data:
            self._streams.heard += 1
        else:
            return
        self._streams.changed()
