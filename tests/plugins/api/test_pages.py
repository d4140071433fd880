"""Pages of plugins: what a third party's application may do in the server, whom it sees, and what it cannot break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from appealbus.core import ConfigError, Pages, PagesContext, PageViewer
from appealbus.core.config.loading import from_document
from appealbus.core.domain.access import AuditFilter
from appealbus.core.domain.client import Role
from appealbus.core.journal import access
from appealbus.core.journal import clients as journal_clients
from appealbus.core.loading.host import Host
from appealbus.core.loading.pages import NoServer
from appealbus.core.loading.pages import make as made
from appealbus.core.loading.parts import load_plugins
from appealbus.core.management import operations
from appealbus.core.management.appeals import Selection, appeal_of
from appealbus.core.management.operations import Operation, Order
from appealbus.core.management.viewing import EVERYTHING, Viewer
from appealbus.core.rights.identifiers import HIDDEN
from appealbus.plugins import console
from appealbus.plugins.api import mounting
from appealbus.plugins.api.app import application
from appealbus.plugins.api.mounting import mount_pages
from tests.plugins.api.serving import JSON, Served, kind_of, letter, served
from tests.services.commands import run
from tests.services.journals import sqlite_journal
from tests.services.recomputed import check_the_past

Answering = Callable[[PageViewer, Request], Awaitable[Any]]


def host_of(*brought: Pages) -> Host:
    """Return plugins that bring these pages, without files."""
    host = load_plugins(from_document({"bus": {"disabled": ["console"]}}, Path.cwd()))
    host.plugins[0].brought["pages"] = list(brought)
    return host


@asynccontextmanager
async def pages_of(folder: Path, *brought: Pages, **given: Any) -> AsyncIterator[Served]:
    """Serve these pages."""
    url = sqlite_journal(folder / "journal.db")
    async with served(url, folder, host=host_of(*brought), **given) as server:
        yield server


def asking(answer: Answering) -> Pages:
    """Return pages of Starlette, which answer what somebody sees, as JSON; errors are let pass."""

    def make(context: PagesContext) -> Any:
        async def one(request: Request) -> Response:
            found = await answer(await context.viewer(request.scope), request)
            return Response(orjson.dumps(found, default=str), media_type="application/json")

        return Starlette(routes=[Route("/{rest:path}", one, methods=["GET", "POST"])])

    return Pages("/fleet", make)


def raw(call: Callable[[Any, Any, Any], Awaitable[None]]) -> Pages:
    return Pages("/fleet", lambda context: call)


@pytest.fixture(autouse=True)
def _mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server of the tests mount what its plugins bring, and wait half a second for it."""
    from tests.plugins.api import serving

    before = serving.run

    async def run_(api: Any, *more: Any) -> None:
        await mount_pages(api)
        await before(api, *more)

    monkeypatch.setattr(serving, "run", run_)
    monkeypatch.setattr(mounting, "_LONGEST", 0.5)


async def appeals_in(server: Served, *places: str) -> list[str]:
    """Have appeals, one of each place; return their public ids."""
    channel, found = await server.client("channel"), []
    for at, place in enumerate(places):
        sent = await channel.post("/v1/appeals", content=letter(f"m-{at}", place={"kato": place}), headers=JSON)
        assert sent.status_code == 201, sent.text
        found.append(sent.headers["location"].rpartition("/")[2])
    return found


async def looks(server: Served) -> list[tuple[str, str, str]]:
    page = await server.journal.ask(access.deeds, AuditFilter(looks=True), None, 100)
    return [(each.actor, str(each.about), str(each.detail.get("purpose", ""))) for each in reversed(page.entries)]


async def test_each_sees_its_own_and_each_look_is_noted(tmp_path: Path) -> None:
    """By places, by channel, by role; a client that is revoked, and nobody, see nothing."""

    async def listed(viewer: PageViewer, request: Request) -> Any:
        page = await viewer.appeals(request.query_params.get("after", ""), 1)
        return {
            "name": viewer.name,
            "role": viewer.role,
            "ids": [row.public_id for row in page.rows],
            "next": page.next,
        }

    async with pages_of(tmp_path, asking(listed)) as server:
        ids = await appeals_in(server, "271010000", "751010000", "271010000")
        wide, narrow = await server.client("reviewer"), await server.client("registry", places=("75",))
        nobody, gone = server.speaking(), await server.client("ops", "gone")
        assert (await narrow.get("/fleet/")).json() == {
            "name": "registry",
            "role": "registry",
            "ids": ids[1:2],
            "next": "",
        }
        found, after = [], ""
        while True:
            told = (await wide.get("/fleet/", params={"after": after})).json()
            found, after = found + told["ids"], told["next"]
            if not after:
                break
        assert found == ids
        assert len(await looks(server)) == 1 + len(ids) + (1 if not told["ids"] else 0)
        assert {who for who, *_ in await looks(server)} == {"api:registry", "api:reviewer"}
        await server.journal.do(journal_clients.Revoking("gone"))
        for client in (nobody, gone):
            answer = await client.get("/fleet/")
            assert (answer.status_code, kind_of(answer)) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for after in ("nonsense", "-1", "9" * 40, "1.5.1", "٣", "\0", "0" * 5000):
            answer = await wide.get("/fleet/", params={"after": after})
            assert (answer.status_code, kind_of(answer)) == (400, "invalid"), after
        assert (await wide.get("/console/")).status_code == 404
        head = await wide.head("/fleet/")
        assert (head.status_code, head.content) == (200, b"")
        bare = await wide.get("/fleet", params={"after": "x"})
        assert (bare.status_code, bare.headers["location"]) == (307, "/fleet/?after=x")
        assert server.api.host.defects == {}


async def test_what_a_role_may_not_is_refused_as_by_the_api(tmp_path: Path) -> None:
    """Dossiers of operators; sources, receivers and findings of others; what is not there, or not theirs."""

    async def asked(viewer: PageViewer, request: Request) -> Any:
        name, given = request.path_params["rest"], dict(request.query_params)
        return await getattr(viewer, name)(**given)

    async with pages_of(tmp_path, asking(asked)) as server:
        (public_id,) = await appeals_in(server, "271010000")
        clients = {role: await server.client(role) for role in ("ops", "reviewer", "auditor")}
        clients["channel"] = await server.client("channel", "other", channel="elsewhere")
        allowed = {
            "sources": {"ops", "reviewer"},
            "receivers": {"ops"},
            "findings": {"ops"},
            f"versions?public_id={public_id}": {"ops", "reviewer"},
        }
        for path, roles in allowed.items():
            for role, client in clients.items():
                answer = await client.get(f"/fleet/{path}")
                assert (answer.status_code == 200) is (role in roles), (path, role, answer.text)
                assert answer.status_code in (200, 403, 404)
        assert "workers" in {each["about"] for each in (await clients["ops"].get("/fleet/findings")).json()}
        for role, kind in (("ops", "not-allowed"), ("auditor", "not-allowed"), ("reviewer", "unknown")):
            asks = {"public_id": public_id, "purpose": "her complaint"}
            answer = await clients[role].get("/fleet/dossier", params=asks)
            assert kind_of(answer) == kind
        answer = await clients["reviewer"].get("/fleet/dossier", params={"public_id": public_id})
        assert kind_of(answer) == "purpose-missing"
        assert server.api.host.defects == {}


async def test_who_may_act_on_an_appeal_and_in_whose_name(tmp_path: Path) -> None:
    """Operators of two places, each on its own; a role without the right on none; what stands otherwise stays so."""

    async def asked(viewer: PageViewer, request: Request) -> Any:
        asks: dict[str, Any] = dict(request.query_params)
        asks |= {"after": int(asks["after"])} if "after" in asks else {}
        return await getattr(viewer, request.path_params["rest"])(**asks)

    async with pages_of(tmp_path, asking(asked)) as server:
        ids = dict(zip(("27", "75"), await appeals_in(server, "271010000", "751010000"), strict=True))
        clients = {place: await server.client("ops", f"ops-{place}", places=(place,)) for place in ids}
        reader = await server.client("reviewer")

        async def answer(client: httpx.AsyncClient, act: str, public_id: str, reason: str = " why\n\x07so ") -> Any:
            asks = {"public_id": public_id} | ({} if act in ("appeal", "history") else {"reason": reason})
            said = await client.post(f"/fleet/{act}", params=asks)
            return said.json() if said.status_code == 200 else (said.status_code, kind_of(said))

        for act in ("hold", "release", "retry"):
            assert await answer(reader, act, ids["27"]) == (403, "not-allowed")
            assert await answer(clients["75"], act, ids["27"]) == (404, "unknown")
            assert await answer(clients["27"], act, "nonsense") == (404, "unknown")
            for reason in ("", " \x07 ", "x" * 501, "x" + " " * 4000):
                assert await answer(clients["27"], act, ids["27"], reason) == (400, "invalid")
        for act in ("appeal", "history"):
            assert await answer(clients["75"], act, ids["27"]) == (404, "unknown")
        for place, client in clients.items():
            assert await answer(client, "release", ids[place]) == (409, "conflict")
            assert await answer(client, "hold", ids[place]) is None
            assert await answer(client, "hold", ids[place]) == (409, "conflict")
            assert await answer(client, "retry", ids[place]) == (409, "conflict")
            row = await answer(client, "appeal", ids[place])
            assert (row["appeal_id"], row["state"], row["held_by"]) == (0, "held", f"api:ops-{place}")
            assert await answer(client, "release", ids[place]) is None
            assert await answer(client, "retry", ids[place]) == 0
            entries = (await answer(client, "history", ids[place]))["entries"]
            its_own = [entry for entry in entries if entry["actor"] == f"api:ops-{place}"]
            assert [entry["what"] for entry in its_own] == ["held", "released", "retried"]
            assert {entry["detail"]["reason"] for entry in its_own} == {"why so"}
            assert {(entry["appeal_id"], entry["number"]) for entry in entries} == {(None, None)}
        assert (await answer(reader, "appeal", ids["27"]))["state"] != "held"
        for said, stands in (("cross-site", (403, "not-allowed")), ("same-site", (403, "not-allowed")), ("none", None)):
            clients["27"].headers["Sec-Fetch-Site"] = said
            assert await answer(clients["27"], "hold", ids["27"]) == stands
        assert (await answer(reader, "appeal", ids["27"]))["held_reason"] == HIDDEN
        row = await server.journal.ask(appeal_of, ids["27"])
        for actor, reads in (("person:ops-27", False), ("api:ops-27", True)):  # a person of the same name is another
            seen = Viewer("ops-27", Role.REVIEWER, EVERYTHING, actor=actor).row(row)
            assert (seen.held_reason != HIDDEN) is reads
        beyond = {"public_id": ids["27"], "after": 10**30}
        assert (await clients["27"].post("/fleet/history", params=beyond)).json() == {"entries": [], "next": None}
        assert server.api.host.defects == {}
    assert check_the_past(f"sqlite:///{tmp_path / 'journal.db'}") > 0


async def test_operations_under_way_are_for_operators(tmp_path: Path) -> None:
    """How far each is, and nothing of what it selects or why."""

    async def asked(viewer: PageViewer, request: Request) -> Any:
        return await viewer.operations()

    async with pages_of(tmp_path, asking(asked)) as server:
        await appeals_in(server, "271010000", "751010000")
        journal = server.journal.acting("person:dana")
        selection = await operations.freeze(journal, Order(Operation.HOLD), Selection())
        await operations.begin(journal, selection, selection.hash, reason="her letter")
        said = (await (await server.client("ops")).get("/fleet/")).json()
        assert [(row["operation"], row["by"], row["total"], row["seen"]) for row in said] == [
            ("hold", "person:dana", 2, 0)
        ]
        assert "her letter" not in str(said)
        assert (await (await server.client("reviewer")).get("/fleet/")).status_code == 403


async def test_requests_are_counted_as_those_of_the_api(tmp_path: Path) -> None:
    """Whoever has made all requests of the minute gets 429, whatever the application does of it."""

    async def named(viewer: PageViewer, request: Request) -> Any:
        return viewer.name

    async with pages_of(tmp_path, asking(named), requests_per_minute=2) as server:
        client = await server.client("ops")
        answers = [await client.get("/fleet/") for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert "retry-after" in answers[2].headers


async def _raises(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("its own")


async def _exits(scope: Any, receive: Any, send: Any) -> None:
    raise SystemExit(3)


async def _cancels(scope: Any, receive: Any, send: Any) -> None:
    raise asyncio.CancelledError


async def _hangs(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(3600)


async def _holds_on(scope: Any, receive: Any, send: Any) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)
    await asyncio.sleep(3600)


async def _says_nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


async def _half(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await asyncio.sleep(3600)


async def _not_http(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": "two hundred", "headers": []})


def _starlette(scope: Any, receive: Any, send: Any) -> Any:
    async def one(request: Request) -> Response:
        raise KeyError("its own")

    return Starlette(routes=[Route("/", one)])(scope, receive, send)


@pytest.mark.parametrize(
    "call", [_raises, _exits, _cancels, _hangs, _holds_on, _says_nothing, _half, _not_http, _starlette, lambda: None, 5]
)
async def test_an_application_that_fails_fails_alone(
    call: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 within its time, its plugin in the log and in the count of defects; the API answers as before."""
    async with pages_of(tmp_path, Pages("/fleet", lambda context: call)) as server:
        client = await server.client("ops")
        answer = await client.get("/fleet/")
        assert answer.status_code == 500
        if call is not _starlette:  # which has said so in words of its own
            assert kind_of(answer) == "defect"
        assert (await client.get("/v1/me")).status_code == 200
        assert server.api.host.defects == {"pages.fleet": 1}
        value = server.api.metrics.registry.get_sample_value("appealbus_plugin_defects_total", {"part": "pages.fleet"})
        assert value == 1
    said = capsys.readouterr().out
    assert "pages.fleet" in said
    assert f"plugin={server.api.host.plugins[0].name}" in said


async def test_an_application_that_stops_in_the_middle_is_cut_off(tmp_path: Path) -> None:
    """The client sees that the answer is not whole."""

    async def halts(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
        await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        await asyncio.sleep(3600)

    async with pages_of(tmp_path, raw(halts)) as server:
        client = server.speaking()
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/fleet/")
        assert server.api.host.defects == {"pages.fleet": 1}


async def test_what_is_large_or_slow_and_no_fault_of_its_own(tmp_path: Path) -> None:
    """Four megabytes; a stream that is longer than the bound; a body that the client does not send; one that goes."""

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"].endswith("large"):
            await send({"type": "http.response.body", "body": bytes(4 * 1024 * 1024)})
            return
        for _ in range(4 if scope["method"] == "GET" else 0):
            await asyncio.sleep(0.2)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await (answers if scope["method"] == "GET" else PlainTextResponse("read"))(scope, receive, send)

    async with pages_of(tmp_path, raw(reads), patience=1) as server:
        client = server.speaking()
        assert len((await client.get("/fleet/large")).content) == 4 * 1024 * 1024
        assert (await client.get("/fleet/slow")).text == "xxxx"
        assert (await client.post("/fleet/", content=b"y" * 100_000)).text == "read"
        head = b"POST /fleet/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"
        assert b" 408 " in await server.raw(head)
        asks = b"GET /fleet/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        asks += b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        assert b"101" not in (await server.raw(asks))[:20]
        assert server.api.host.defects == {}


async def test_what_it_writes_into_its_scope_stays_there(tmp_path: Path) -> None:
    """A path of its own is in no label of a metric and no line of the log."""

    async def writes(scope: Any, receive: Any, send: Any) -> None:
        assert "app" not in scope
        scope["root_path"] = scope["path"] = "/fleet/750301100019"
        await PlainTextResponse("well")(scope, receive, send)

    async with pages_of(tmp_path, raw(writes)) as server:
        assert (await server.speaking().get("/fleet/750301100019")).text == "well"
        counted = server.api.metrics.registry.get_sample_value(
            "appealbus_api_requests_total", {"route": "/fleet", "method": "GET", "status": "200"}
        )
        assert counted == 1


@pytest.mark.parametrize("error", [ValueError("its own"), SystemExit(3), MemoryError()])
async def test_one_that_is_not_made_answers_500(error: BaseException, tmp_path: Path) -> None:
    """And the server runs; it is told with the line that raised."""

    def make(context: PagesContext) -> Any:
        raise error

    async with pages_of(tmp_path, Pages("/fleet", make)) as server:
        assert kind_of(await server.speaking().get("/fleet/")) == "defect"
        assert (await server.speaking().get("/healthz")).status_code == 200
        assert server.api.host.defects == {"pages.fleet": 1}


async def test_a_wrong_setting_stops_the_server() -> None:
    """As with all parts."""

    def make(context: PagesContext) -> Any:
        raise ConfigError("fleet.colour: write one")

    with pytest.raises(ConfigError, match="colour"):
        await made(Pages("/fleet", make), "fleet", NoServer())


@pytest.mark.parametrize(
    "path",
    ["", "/", "fleet", "/Console/", "/console/", "/a/b", "/..", "/v1", "/v2", "/docs", "/problems", "/é", "/a?b", 5],
)
def test_paths_that_are_none_or_taken(path: Any) -> None:
    """Said where the pages are made."""
    with pytest.raises(ValueError, match=r"write a path|has this path"):
        Pages(path, lambda context: None)  # type: ignore[arg-type,return-value]


async def test_the_paths_of_the_api_are_taken(server: Served) -> None:
    """Whatever it has may be no path of pages."""
    app: Any = application(server.api)
    own = {"/" + route.path.split("/")[1] for route in app._app.router.routes}
    assert own >= {"/v1", "/healthz"}
    for path in own:
        with pytest.raises(ValueError, match=r"has this path|write a path"):
            Pages(path, lambda context: None)  # type: ignore[arg-type,return-value]


FILES = {
    "taken.py": 'Pages("/v1", lambda context: None)',
    "console.py": 'Pages("/console", lambda context: None)',
    "twice.py": 'Pages("/x", lambda context: print), Pages("/x", lambda context: print)',
    "other.py": '"/x"',
    "no_make.py": 'Pages("/x", "make")',
    "raises.py": 'Pages("/raises", lambda context: 1 / 0)',
    "none.py": 'Pages("/none", lambda context: None)',
}


def test_check_names_what_is_wrong_with_its_plugin_and_line(tmp_path: Path) -> None:
    """A path that is none, taken or twice the same; no pages at all; an application that cannot be made."""
    sqlite_journal(tmp_path / "journal.db")
    for name, brought in FILES.items():
        (tmp_path / f"bad_{name}").write_text(
            "from appealbus.core import Pages, hookimpl\n\n\n@hookimpl\n"
            f"def register_pages():\n    return [{brought}]\n"
        )
    named = ", ".join(f'"./bad_{name}"' for name in FILES)
    (tmp_path / "appealbus.toml").write_text(f'[bus]\njournal = "sqlite:///journal.db"\nplugins = [{named}]\n')
    done = run(tmp_path, "check")
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    for text in (
        "plugin bad_taken is broken: ValueError: Pages('/v1', …): the API has this path itself",
        "bad_taken.py:6",
        "plugin bad_console is broken: the path of pages 'console' is brought by the plugin 'console' already",
        "plugin bad_twice is broken: it brings the path of pages 'x' twice",
        "plugin bad_other is broken: register_pages must return instances of Pages",
        "plugin bad_no_make is broken: TypeError",
        "pages /raises of bad_raises: its plugin raised ZeroDivisionError",
        "bad_raises.py:6",
        "pages /none of bad_none: its plugin made a NoneType, which is no ASGI application",
    ):
        assert text in said, said
    assert "pages /console" not in said


def test_the_console_is_left_out_where_its_packages_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it always was; its command for links is there all the same."""
    monkeypatch.setattr(console, "find_spec", lambda name: None)
    host = load_plugins(from_document({}, Path.cwd()))
    assert host.pages == []
    assert "register_commands" in next(each.hooks for each in host.plugins if each.name == "console")
