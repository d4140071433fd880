"""The agency: a bare HTTP server on asyncio that answers every POST after 50 ms, with the argument `down` by 503."""

import asyncio
import sys

from contract import reply

DELAY = 0.05
_DOWN = sys.argv[1:] == ["down"]
_BODY = b"" if _DOWN else reply()
_STATUS = b"503 Service Unavailable" if _DOWN else b"200 OK"
_ANSWER = b"HTTP/1.1 %b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (
    _STATUS,
    len(_BODY),
    _BODY,
)


class Agency(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.waiting = bytearray()

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.waiting[:end]).lower()
            at = head.index(b"content-length:") + 15
            length = int(head[at:].split(b"\r\n", 1)[0])
            if len(self.waiting) < end + 4 + length:
                return
            del self.waiting[: end + 4 + length]
            asyncio.get_running_loop().call_later(DELAY, self.answer)

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_ANSWER)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Agency, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever started us goes away


asyncio.run(main())
