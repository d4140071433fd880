"""HTTP answers of the gateway, complete and broken."""

from aiohttp import web

from appealbus.simulator import spoil
from appealbus.simulator.settings import Kind

_CHUNK = b" " * 65_536
"""An oversized answer is sent in such chunks, to save memory."""


def xml(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="text/xml", charset="utf-8")


def hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def cut(request: web.Request, message: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    response.content_length = len(message)
    await response.prepare(request)
    await response.write(message[: len(message) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def oversized(request: web.Request, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    await response.prepare(request)
    await response.write(spoil.OVERSIZED_HEAD)
    for _ in range(0, size, len(_CHUNK)):
        await response.write(_CHUNK)
    await response.write(spoil.OVERSIZED_TAIL)
    await response.write_eof()
    return response


def instead(kind: Kind) -> web.Response:
    match kind:
        case Kind.HTTP_500:
            return web.Response(status=500, text="Internal Server Error")
        case Kind.HTTP_502:
            return web.Response(status=502, body=spoil.HTML_502, content_type="text/html")
        case _:
            return xml(b"" if kind is Kind.EMPTY else spoil.ENTITY_BOMB)
