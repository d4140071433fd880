"""A TCP proxy that misbehaves when told to, in a thread of its own."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from tests.services.processes import free_port

Direction = Literal["up", "down", "both"]
"""Up is from the client to the server."""
_PATIENCE = 10.0
_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """Forwards 127.0.0.1:`port` to a server. All methods may be called from any thread."""

    def __init__(self, port: int, host: str = "127.0.0.1", listen: int = 0) -> None:
        """Listen at once.

        Args:
            port: of the server.
            host: of the server.
            listen: the port to listen on; 0: one that is free.

        """
        self.target = port
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._delay = 0.0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.passed = {"up": 0, "down": 0}
        """Bytes that went each way."""
        self.accepted = 0
        """Connections so far."""
        self._clients: set[asyncio.StreamWriter] = set()
        self._said = b""
        self._instead: bytes | None = None
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self.port = listen or free_port()
        self._do(self._listen)
        self._call(self._set, "both", True)

    def cut(self) -> None:
        """Reset all connections; new ones are welcome."""
        self._call(self._reset)

    def refuse(self) -> None:
        """Reset all connections and refuse new ones, until `heal`."""
        self._do(self._unlisten)

    def blackhole(self, direction: Direction = "both") -> None:
        """Keep and accept connections but pass nothing on, until `heal`; what was sent arrives late, as TCP does."""
        self._call(self._set, direction, False)

    def delay(self, seconds: float) -> None:
        """Hold each piece back for so long, in both directions."""
        self._delay = seconds

    def say_again(self) -> None:
        """Send the server's last whole answer once more, to every client, though nobody asked."""
        self._call(self._repeat)

    def answer(self, raw: bytes) -> None:
        """Say this in place of the next answer, and hang up; the server has got the question all the same."""
        self._instead = raw

    def heal(self) -> None:
        """Behave well again."""
        self._delay = 0.0
        self._call(self._set, "both", True)
        self._do(self._listen)

    def close(self) -> None:
        """End all."""
        if self._thread.is_alive():
            self._do(self._finish)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(_PATIENCE)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        async def work() -> None:
            function(*arguments)

        self._do(work)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_CHUNK)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset()

    async def _finish(self) -> None:
        await self._unlisten()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _set(self, direction: Direction, passing: bool) -> None:
        for each in ("up", "down") if direction == "both" else (direction,):
            (self._open[each].set if passing else self._open[each].clear)()

    def _repeat(self) -> None:
        for client in self._clients:
            with suppress(OSError, RuntimeError):  # one whose server has said its last word
                client.write(self._said)

    def _reset(self) -> None:
        for writer in self._writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self._clients.add(writer)
        self.accepted += 1
        talk = _Talk()
        there = None
        try:
            far, there = await asyncio.open_connection(self._host, self.target, limit=_CHUNK)
            self._writers.add(there)
            await asyncio.gather(self._pump(reader, there, "up", talk), self._pump(far, writer, "down", talk))
        except (OSError, asyncio.CancelledError):
            pass  # a reset on one side is one on the other
        finally:
            for each in (writer, there):
                if each is not None:
                    each.transport.abort()
                    self._writers.discard(each)
            self._clients.discard(writer)
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str, talk: "_Talk") -> None:
        while chunk := await reader.read(_CHUNK):
            if way == "down":
                talk.answer += chunk[: _CHUNK - len(talk.answer)]
            elif talk.answer:
                self._said, talk.answer = talk.answer, b""
            await self._open[way].wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            if way == "down" and self._instead is not None:
                chunk, self._instead = self._instead, None
                writer.write(chunk)
                break
            writer.write(chunk)
            self.passed[way] += len(chunk)
            await writer.drain()
        await self._open[way].wait()
        with suppress(OSError):
            writer.write_eof()


@dataclass(slots=True)
class _Talk:
    """What a connection carries: the answer that is coming, or the last one until the next question."""

    answer: bytes = b""
