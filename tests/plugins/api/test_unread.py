"""Bodies that are refused before they are read: the client gets its answer, whatever it speaks HTTP with."""

import asyncio
import contextlib
import socket
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from appealbus.core.bus.intake.decoding import MAX_BYTES
from appealbus.core.domain.client import Role
from appealbus.core.journal import quarantine
from tests.plugins.api.serving import JSON, Served, kind_of, served
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

TOO_MANY = 5 * 1024 * 1024
PART = 64 * 1024


def head(token: str, *more: str) -> bytes:
    lines = ("POST /v1/appeals HTTP/1.1", "Host: a", f"Authorization: Bearer {token}", "Content-Type: application/json")
    return "\r\n".join((*lines, *more, "", "")).encode()


def send_all_then_read(port: int, *parts: bytes) -> bytes:
    """Speak as simple clients do: read nothing until all is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        for part in parts:
            connection.sendall(part)
        connection.settimeout(PATIENCE)
        found = b""
        while (part := connection.recv(PART)) and not found.endswith(b"}"):
            found += part
        return found


def check_refused(answer: bytes) -> None:
    """Hold an answer to being a problem document."""
    about, _, body = answer.partition(b"\r\n\r\n")
    assert about.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in about.lower()
    assert orjson.loads(body)["type"] == "/problems/too-large"


CHUNK = b"%x\r\n%b\r\n" % (PART, b"x" * PART)
BODIES = {
    "length": (f"Content-Length: {TOO_MANY}", [b"x" * TOO_MANY]),
    "chunked": ("Transfer-Encoding: chunked", [CHUNK * (TOO_MANY // PART), b"0\r\n\r\n"]),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("more", [(), ("Connection: close",)])
async def test_a_body_that_is_too_large_gets_an_answer(server: Served, body: str, more: tuple[str, ...]) -> None:
    """A client that sends all of it before it reads finds a problem document, and no reset."""
    token, (length, parts) = await server.token("channel"), BODIES[body]
    answer = await asyncio.to_thread(send_all_then_read, server.port, head(token, length, *more), *parts)
    check_refused(answer)
    assert await server.journal.ask(quarantine.quarantined) == []


async def test_usual_clients_get_the_answer(server: Served, tmp_path: Path) -> None:
    """Such as urllib, curl and httpx, with a length and in chunks, with and without waiting to be told to go on."""
    token = await server.token("channel")
    headers = {"Authorization": f"Bearer {token}", **JSON}
    request = urllib.request.Request(f"{server.url}/v1/appeals", b"x" * TOO_MANY, headers)
    with pytest.raises(urllib.error.HTTPError) as found:
        await asyncio.to_thread(urllib.request.urlopen, request)
    with found.value as error:
        assert (error.code, orjson.loads(error.read())["type"]) == (413, "/problems/too-large")
    client = server.speaking(token)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(TOO_MANY // PART):
            yield b"x" * PART

    for content in (b"x" * TOO_MANY, parts()):
        assert kind_of(await client.post("/v1/appeals", content=content, headers=JSON)) == "too-large"
    sent = tmp_path / "sent"
    sent.write_bytes(b"x" * TOO_MANY)
    about = [text for name, value in headers.items() for text in ("-H", f"{name}: {value}")]
    for more in ([], ["-H", "Expect:"], ["-H", "Connection: close"], ["-H", "Transfer-Encoding: chunked"]):
        run = await asyncio.create_subprocess_exec(
            *("curl", "-sS", *about, *more, "--data-binary", f"@{sent}", f"{server.url}/v1/appeals"), stdout=-1
        )
        told, _ = await run.communicate()
        assert orjson.loads(told)["type"] == "/problems/too-large", more


async def test_who_waits_to_be_told_to_go_on_is_told_not_to(server: Served) -> None:
    """With `Expect: 100-continue` the answer comes at once, and no byte of the body is asked for."""
    token = await server.token("channel")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(token, f"Content-Length: {TOO_MANY}", "Expect: 100-continue"))
    async with asyncio.timeout(PATIENCE):
        answer = await reader.readuntil(b"}")
    check_refused(answer)
    writer.close()


async def test_other_refusals_are_read_as_well(server: Served) -> None:
    """Whatever is wrong beside: nobody who asks, an unknown path, a media type that is not read here."""
    for first, status in (
        (head("x"), b"401"),
        (head("x").replace(b"/v1/appeals", b"/nothing"), b"404"),
        (head(await server.token("channel")).replace(b"/json", b"/pdf"), b"415"),
    ):
        sent = first[:-2] + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % MAX_BYTES
        answer = await asyncio.to_thread(send_all_then_read, server.port, sent, b"x" * MAX_BYTES)
        assert answer.split(b" ", 2)[1] == status


async def test_what_is_not_http_gets_an_answer_too(server: Served) -> None:
    """The head is refused while a body comes behind it."""
    sent = b"POST /v1/appeals HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % MAX_BYTES
    answer = await asyncio.to_thread(send_all_then_read, server.port, sent, b"x" * MAX_BYTES)
    assert b"/problems/bad-http" in answer


async def test_a_connection_goes_on_behind_a_body_that_nobody_read(server: Served) -> None:
    """A client that is refused, and has sent its body whole, need not connect anew."""
    sent = head("x", "Content-Length: 100000") + b"x" * 100_000
    last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await server.raw(sent, last)
    assert (answer.count(b"HTTP/1.1 401"), answer.count(b"HTTP/1.1 200")) == (1, 1)


async def endless(port: int, sent: bytes, part: bytes, pause: float) -> tuple[float, int]:
    """Send without an end until the connection is cut; return after how many seconds and bytes it was."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    began, size = time.monotonic(), 0
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(sent)
            while True:
                writer.write(part)
                await writer.drain()
                size += len(part)
                await asyncio.sleep(pause)
    except ConnectionError:
        return time.monotonic() - began, size
    finally:
        writer.transport.abort()


@pytest.mark.proof
async def test_whoever_never_stops_is_cut(tmp_path: Path) -> None:
    """After 32 MiB, or after the patience where the rest comes slowly: with a length, in chunks, and without HTTP."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, patience=30) as server:
        token = await server.token(Role.CHANNEL)
        for length, part in ((f"Content-Length: {10**15}", b"x" * PART), ("Transfer-Encoding: chunked", CHUNK)):
            seconds, size = await endless(server.port, head(token, length), part, 0)
            assert (seconds < 15, 2**25 <= size < 2**27) == (True, True), (seconds, size)
        seconds, _ = await endless(server.port, b"\x16\x03\x01\r\n\r\n", b"x" * PART, 0.01)
        assert seconds < 10
    async with served(sqlite_journal(tmp_path / "slow.db"), tmp_path, patience=1) as server:
        seconds, size = await endless(server.port, head("x", f"Content-Length: {10**15}"), b"x" * 100, 0.05)
        assert (seconds < 8, size < 2**20) == (True, True), (seconds, size)
        assert not server.connections


@pytest.mark.parametrize("who", ["nobody", "channel"])
async def test_a_body_in_tiny_parts_holds_up_nobody(server: Served, who: str) -> None:
    """It is cut once there are more than a few, as it would cost all others the loop."""
    token = await server.token("channel") if who == "channel" else "none"
    sent = head(token, "Transfer-Encoding: chunked") + b"1\r\n \r\n" * 2_000_000
    other = await server.client("channel", "other")

    def flood() -> None:
        address = "127.0.0.1", server.port
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=PATIENCE) as connection:
            connection.sendall(sent)

    flooding = asyncio.create_task(asyncio.to_thread(flood))
    slowest = 0.0
    while not flooding.done():
        began = time.perf_counter()
        assert (await other.get("/healthz")).status_code == 200
        slowest = max(slowest, time.perf_counter() - began)
    await flooding
    assert slowest < 1.0
