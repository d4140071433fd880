"""HEAD: what GET answers, without the body."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from appealbus.core.domain.event import EventType
from appealbus.core.journal import log
from tests.plugins.api.serving import Served, kind_of, letter
from tests.plugins.api.world import World, world
from tests.services.processes import PATIENCE

OWN = {"date", "ratelimit"}
"""Headers that tell of the moment."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with dossiers."""
    with world(tmp_path_factory.mktemp("world")) as made:
        yield made


def compare(client: httpx.Client, path: str, **headers: str) -> int:
    """Hold the answers to HEAD and GET to each other; return the status."""
    got, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert head.status_code == got.status_code, path
    assert head.content == b""
    of_get, of_head = ({name: v for name, v in each.headers.items() if name not in OWN} for each in (got, head))
    assert of_head == of_get, path
    return got.status_code


@pytest.mark.proof
def test_every_path_is_answered_as_get_is(full: World) -> None:
    """Every path of the document that takes GET: the same status and headers, of answers and of problems."""
    headers = {"Authorization": f"Bearer {full.tokens['register']}", "Appealbus-Purpose": "test"}
    with httpx.Client(base_url=full.url, headers=headers, timeout=PATIENCE) as client:
        id_ = client.get("/v1/feed").json()["entries"][0]["id"]
        document = client.get("/openapi.json").json()
        statuses = set()
        for path, methods in document["paths"].items():
            if "get" not in methods or path.endswith("/stream"):
                continue
            named = path.replace("{id}", id_).replace("{version}", "1").replace("{name}", "unknown")
            statuses.add(compare(client, named.replace("{alarm}", "1")))
            assert "head" not in methods  # it needs no words of its own
        assert {200, 400} <= statuses
        tag = client.head(f"/v1/appeals/{id_}/dossier").headers["etag"]
        assert tag == client.get(f"/v1/appeals/{id_}/dossier").headers["etag"]
        assert compare(client, f"/v1/appeals/{id_}/dossier", **{"If-None-Match": tag}) == 304
        assert int(client.head(f"/v1/appeals/{id_}/dossier").headers["content-length"]) > 500
        assert compare(client, "/nothing") == 404
        assert compare(client, "/v1/appeals") == 405
        assert "HEAD" not in client.head("/v1/appeals").headers["allow"]
        refused = client.delete("/v1/me")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert client.options("/v1/me").status_code == 405
    with httpx.Client(base_url=full.url) as nobody:
        assert compare(nobody, "/v1/me") == 401


async def test_it_counts_as_get_does(server: Served) -> None:
    """Against the limits of its client, and as a read: whoever asks for the head has asked for all."""
    channel = await server.client("channel")
    await channel.post("/v1/appeals", content=letter(), headers={"Content-Type": "application/json"})
    client = await server.client("registry", per_minute=20)
    before = client.headers
    assert before is not None
    minute = int(server.journal.now().timestamp()) // 60
    answers = [await client.head("/v1/me") for _ in range(21)]
    if int(server.journal.now().timestamp()) // 60 == minute:
        assert [each.status_code for each in answers] == [200] * 20 + [429]
    reviewer = await server.client("reviewer")
    assert (await reviewer.head("/v1/terms")).status_code == 403  # without a purpose
    assert (await reviewer.head("/v1/terms", headers={"Appealbus-Purpose": "x"})).status_code == 200
    noted = [
        each.actor for each in (await server.journal.ask(log.page, None, 100)).entries if each.what == EventType.READ
    ]
    assert noted == ["api:reviewer"]


async def test_the_head_of_a_stream_is_all_of_it(server: Served) -> None:
    """It ends with its headers, holds no place of the client, and the connection goes on."""
    token = await server.token("registry")
    about = f"Host: a\r\nAuthorization: Bearer {token}\r\n"
    asked = f"HEAD /v1/feed/stream HTTP/1.1\r\n{about}\r\n".encode()
    last = f"GET /v1/me HTTP/1.1\r\n{about}Connection: close\r\n\r\n".encode()
    async with asyncio.timeout(5):
        answer = await server.raw(asked + asked + last)
    first, second, me = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    for each in (first, second):
        assert b"content-type: text/event-stream" in each
        assert each.endswith(b"\r\n\r\n")
        assert each.count(b"\r\n\r\n") == 1
    assert me.endswith(b"}")
    assert not server.api.tail.waiting
    assert not server.api._waiting


@pytest.mark.proof
async def test_head_of_an_endless_body_ends(server: Served) -> None:
    """A HEAD with a body is odd, and holds nothing up."""
    sent = b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    assert (await server.raw(sent)).startswith(b"HTTP/1.1 200 ")


async def test_posts_stay_posts(server: Served) -> None:
    """What GET does not reach, HEAD does not."""
    client = await server.client("channel")
    for path in ("/v1/appeals", "/v1/changes"):
        answer = await client.head(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert kind_of(await client.get("/v1/appeals")) == "wrong-method"
