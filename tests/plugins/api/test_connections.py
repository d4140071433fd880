"""Slow, broken and hostile clients, over raw connections."""

import asyncio
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from appealbus.core.domain.client import Role
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal import quarantine
from appealbus.core.journal.appeals import lists
from tests.plugins.api.serving import JSON, Served, kind_of, letter, served
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

HEAD = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        HEAD.replace(b"\r\n", b"\n") + b"\n",
        HEAD + b"X: a\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n",
        b"GET /heal thz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_not_http_is_refused(server: Served, request_: bytes) -> None:
    """Smuggling, broken heads and heads that are too large get 400 and the end of the connection."""
    answer = await server.raw(request_, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status(answer) == 400
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"nosniff" in head
    assert orjson.loads(body)["type"] == "/problems/bad-http"
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0", "9.9"])
async def test_other_versions_of_http_are_refused(server: Served, version: str) -> None:
    """With 505 and the end of the connection, whatever else the request says."""
    answer = await server.raw(f"GET /healthz HTTP/{version}\r\nHost: a\r\n\r\n".encode(), HEAD + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (status(answer), orjson.loads(body)["type"]) == (505, "/problems/http-version")
    assert b"connection: close" in head.lower()
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "version", ["HTTP/1.10", "HTTP/1", "HTTP/x.y", "http/1.1", "HTTP/-1.1", "HTTP/11", "ICY/1.1", ""]
)
async def test_what_is_no_version_is_refused(server: Served, version: str) -> None:
    """With 400: it is not HTTP."""
    answer = await server.raw(f"GET /healthz {version}\r\nHost: a\r\n\r\n".encode())
    assert (status(answer), b"/problems/bad-http" in answer) == (400, True)


async def test_http_1_0_is_served(server: Served) -> None:
    """Some probers speak nothing newer."""
    assert status(await server.raw(b"GET /healthz HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("Authorization", "{token}", "Bearer x"),
        ("Authorization", "Bearer x", "{token}"),
        ("authorization", "{token}", "{token}"),
        ("Content-Type", "application/json", "application/xml"),
        ("Idempotency-Key", '"a"', '"b"'),
        ("Appealbus-Purpose", "a", "b"),
    ],
)
async def test_a_header_with_one_value_comes_once(server: Served, name: str, first: str, second: str) -> None:
    """A proxy may go by the one, and the server by the other: 400, also where both say the same."""
    token = await server.token("ops")
    first, second = (each.replace("{token}", f"Bearer {token}") for each in (first, second))
    answer = await server.raw(f"GET /v1/me HTTP/1.1\r\nHost: a\r\n{name}: {first}\r\n{name}: {second}\r\n\r\n".encode())
    assert (status(answer), b"/problems/bad-http" in answer) == (400, True)


async def test_two_requests_at_once_are_answered_in_turn(server: Served) -> None:
    """A client may send the next request before it has the answer to the first."""
    answer = await server.raw(HEAD + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


@pytest.mark.proof
@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", HEAD])
async def test_a_slow_head_is_cut(server: Served, begun: bytes) -> None:
    """Whoever does not end a head within the patience is cut, also where a byte comes now and then."""
    answer = await server.raw(*([begun] + [b"X: a\r\n" if begun == HEAD else b""] * 20), pause=0.1)
    assert answer == b""
    assert not server.connections


@pytest.mark.proof
async def test_a_slow_body_is_cut(server: Served) -> None:
    """A body that does not come in time is 408, and nothing of it is kept."""
    token = await server.token("channel")
    head = (
        f"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    )
    answer = await server.raw(head.encode() + b"Content-Length: 1000\r\n\r\n", b"{", b'"', pause=0.05)
    assert status(answer) == 408
    assert await server.journal.ask(quarantine.quarantined) == []


async def test_a_body_that_ends_early_keeps_nothing(server: Served) -> None:
    """The client went away in the middle of its message."""
    token = await server.token("channel")
    head = (
        f"POST /v1/appeals HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.encode() + b"Content-Length: 1000\r\n\r\n" + letter())
    await writer.drain()
    writer.close()
    client = server.speaking(token)
    assert (await client.get("/v1/me")).status_code == 200
    assert await server.journal.ask(lists.appeals) == []
    assert await server.journal.ask(quarantine.quarantined) == []


async def test_a_connection_too_many_is_told_so(tmp_path: Path) -> None:
    """With 503, and those that are there go on."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, connections=2) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        answer = await server.raw()
        assert (status(answer), b"retry-after: 5" in answer.lower()) == (503, True)
        reader, writer = held[0]
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        for _, each in held:
            each.transport.abort()


@pytest.mark.proof
def test_there_is_a_file_for_each_connection() -> None:
    """As far as the system allows; where it allows fewer, fewer connections are taken, and some files are kept back."""
    code = "import resource; from appealbus.plugins.api.files import room_for"
    for hard in (1000, 228):
        code += f"; resource.setrlimit(resource.RLIMIT_NOFILE, (200, {hard})); print('room', room_for(300))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.findall(r"^room (\d+)$", ended.stdout, re.MULTILINE) == ["300", "100"]


@pytest.mark.proof
async def test_guessing_ends(tmp_path: Path) -> None:
    """Tokens that are malformed, unknown, wrong, expired or revoked look the same; after some the address waits.

    Not so whoever has a good one: many may be behind one address, and one of them guesses.
    """
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, failed_attempts=6) as server:
        good = await server.token("ops")
        expired = await server.token("ops", "expired", lasts=timedelta(seconds=-1))
        revoked = await server.token("ops", "revoked")
        await server.journal.do(journal_clients.Revoking("revoked"))
        wrong = good[:-4] + ("aaaa" if good[-4:] != "aaaa" else "bbbb")
        answers = [
            await server.speaking(token).get("/v1/me")
            for token in ("x", f"ab_{'0' * 16}_{'a' * 43}", wrong, expired, revoked)
        ]
        assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}
        assert (await server.speaking(good).get("/v1/me")).status_code == 200
        assert (await server.speaking("y").get("/v1/me")).status_code == 401
        for guess in ("y", f"ab_{'1' * 16}_{'a' * 43}", wrong, expired, revoked):
            stopped = await server.speaking(guess).get("/v1/me")
            assert (stopped.status_code, kind_of(stopped)) == (429, "too-many-attempts")
            assert 0 < int(stopped.headers["retry-after"]) <= 60
        assert (await server.speaking(good).get("/v1/me")).status_code == 200
        await asyncio.sleep(1.1)  # what is known of it is as old as it may be
        assert (await server.speaking(await server.token("ops", "new")).get("/v1/me")).status_code == 200


@pytest.mark.proof
async def test_a_revoked_token_ends_everywhere(tmp_path: Path) -> None:
    """Two servers of one journal, each of which has seen it, refuse it within a second or two."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as first, served(url, tmp_path) as second:
        token = await first.token(Role.OPS)
        clients = [each.speaking(token) for each in (first, second)]
        assert [(await each.get("/v1/me")).status_code for each in clients] == [200, 200]
        await first.journal.do(journal_clients.Revoking("ops"))
        async with asyncio.timeout(PATIENCE):
            while [(await each.get("/v1/me")).status_code for each in clients] != [401, 401]:
                await asyncio.sleep(0.1)


async def test_limits_hold_over_all_servers(tmp_path: Path) -> None:
    """However a client spreads its requests, no more than its number are answered in a minute."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as first, served(url, tmp_path) as second:
        token = await first.token("ops", per_minute=30)
        clients = [each.speaking(token) for each in (first, second)]
        minute = int(first.journal.now().timestamp()) // 60
        answers = [await client.get("/v1/me") for _ in range(20) for client in clients]
        if int(first.journal.now().timestamp()) // 60 == minute:
            assert [each.status_code for each in answers].count(200) == 30
            assert kind_of(answers[-1]) == "rate-limited"
            assert answers[0].headers["ratelimit-policy"] == '"minute";q=30;w=60'
            assert answers[-1].headers["ratelimit"].startswith('"minute";r=0;t=')
            assert 0 < int(answers[-1].headers["retry-after"]) <= 60


async def test_every_answer_is_protected(server: Served) -> None:
    """Whatever is answered, a browser runs nothing of it, frames nothing and keeps nothing of an appeal."""
    client = server.speaking()
    for path in ("/docs", "/problems/unknown", "/openapi.json", "/healthz", "/v1/me", "/nothing", "/v1/appeals/../x"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
        if path.startswith("/v1"):
            assert headers["cache-control"] == "no-store"
    page = (await client.get("/docs")).text
    assert "<script" not in page
    assert "http://" not in page
    assert (await client.post("/v1/appeals", content=letter(), headers=JSON)).headers["cache-control"] == "no-store"
