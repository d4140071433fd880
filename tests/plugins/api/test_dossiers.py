"""What becomes of an appeal, read over HTTP."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import jsonpatch
import orjson
import pytest

from appealbus.core import From, Inbound, Taken, Terms
from appealbus.core.bus.bus import Bus
from appealbus.core.domain.event import EventType
from appealbus.core.journal import documents, log
from appealbus.core.journal.appeals import lists
from appealbus.plugins.api import turns
from appealbus.plugins.repeats import comparing
from appealbus.schemas import Appeal
from tests.core.kit import lookup, message, running_bus
from tests.plugins.api.serving import Served, kind_of, served
from tests.services.day import today

CHANGE = {"type": "change", "message_id": "c-1", "kind": "corrected"}


class Read:
    """An appeal with two versions, and a server of them."""

    def __init__(self, bus: Bus, server: Served, path: str, number: str) -> None:
        self.bus = bus
        self.server = server
        self.path = path
        self.number = number

    async def noted(self) -> list[tuple[str, str, dict[str, Any]]]:
        entries = (await self.bus.journal.ask(log.page, None, 500, what=[EventType.READ])).entries
        return [(each.actor, each.detail["as"], dict(each.detail)) for each in entries]


@pytest.fixture
async def read(tmp_path: Path) -> AsyncIterator[Read]:
    asked = lookup("s.thing", name=From("applicant.surname"))
    async with running_bus(tmp_path, asked) as bus:
        given = {"applicant": {"type": "person", "surname": "Серіков", "phone": "+7 700 000 00 00"}}
        taken = await bus.accept(message(**given))
        await bus.settle()
        assert isinstance(taken, Taken)
        number = taken.receipt.number
        change = {**CHANGE, "number": number, "corrected": {"text": "Исправлено"}}
        await bus.accept(Inbound("test", "c", orjson.dumps(change)))
        await bus.settle()
        async with served(f"sqlite:///{tmp_path / 'journal.db'}", tmp_path) as server:
            row = await bus.journal.ask(lists.appeal_row, number)
            assert row is not None
            assert row.version == 2
            yield Read(bus, server, f"/v1/appeals/{row.public_id}", number)


async def test_every_version_as_it_is_kept(read: Read) -> None:
    """The newest and each earlier one, byte for byte; a version that there is not is 404, as an unknown appeal is."""
    client = await read.server.client("registry")
    for path, version in ((f"{read.path}/dossier", 2), (f"{read.path}/versions/1", 1)):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.content == await read.bus.journal.ask(documents.whole, read.number, version)
    listed = (await client.get(f"{read.path}/versions")).json()["versions"]
    assert [each["version"] for each in listed] == [1, 2]
    other = f"{read.path[:-1]}{'0' if read.path[-1] != '0' else '1'}"
    unknown = [f"{read.path}/versions/3", other, "/v1/appeals/x", f"/v1/appeals/{read.number}"]
    answers = [await client.get(path) for path in unknown]
    assert {(each.status_code, kind_of(each)) for each in answers} == {(404, "unknown")}
    assert [each.json()["detail"] for each in answers[1:]] == ["there is no such appeal"] * 3


async def test_xml_says_the_same(read: Read) -> None:
    """By `Accept`, the dossier as XML; what is not offered is 406."""
    client = await read.server.client("registry")
    answer = await client.get(f"{read.path}/dossier", headers={"Accept": "application/json;q=0.5, application/xml"})
    assert answer.headers["content-type"] == "application/xml"
    assert "Исправлено".encode() in answer.content
    refused = await client.get(f"{read.path}/dossier", headers={"Accept": "text/html"})
    assert (refused.status_code, kind_of(refused)) == (406, "not-acceptable")


async def test_xml_of_what_is_left_says_what_is_hidden(read: Read) -> None:
    """Under a mask it has the rules of what is hidden, and nothing of that."""
    client = await read.server.client("integrator")
    answer = await client.get(f"{read.path}/dossier", headers={"Accept": "application/xml"})
    assert answer.headers["content-type"] == "application/xml"
    assert b"<hidden>" in answer.content
    assert "Исправлено".encode() not in answer.content


async def test_what_is_known_is_not_read_again(read: Read) -> None:
    """With the tag of what the client has the answer is 304, empty and not noted; each other read is one entry."""
    client = await read.server.client("registry")
    first = await client.get(f"{read.path}/dossier")
    tag = first.headers["etag"]
    again = await client.get(f"{read.path}/dossier", headers={"If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    xml = await client.get(f"{read.path}/dossier", headers={"If-None-Match": tag, "Accept": "application/xml"})
    assert xml.status_code == 200
    assert xml.headers["etag"] != tag
    noted = await read.noted()
    assert [(actor, what) for actor, what, _ in noted] == [("api:registry", "dossier")] * 2
    assert noted[0][2]["version"] == 2


async def test_a_difference_is_a_patch(read: Read) -> None:
    """What it says makes of the one version the other."""
    client = await read.server.client("registry")
    answer = await client.get(f"{read.path}/versions/2/difference", params={"from": 1})
    assert answer.headers["content-type"] == "application/json-patch+json"
    first, second = [(await client.get(f"{read.path}/versions/{version}")).json() for version in (1, 2)]
    assert jsonpatch.apply_patch(first, answer.json()) == second


async def test_why_explain_and_history(read: Read) -> None:
    """What is missing, where a field comes from, and what happened."""
    client = await read.server.client("registry")
    why = (await client.get(f"{read.path}/why")).json()
    assert (why["version"], why["gaps"], why["held"]) == (2, [], None)
    field = await client.get(f"{read.path}/explain", params={"field": "s.thing/name"})
    (told,) = field.json()["fields"]
    assert told["value"] == "s.thing"
    assert told["trail"]["purpose"] == "a test"
    absent = await client.get(f"{read.path}/explain", params={"field": "s.other/name"})
    assert (absent.status_code, kind_of(absent)) == (404, "unknown")
    assert [what for _, what, _ in await read.noted()] == ["why", "explain", "explain"]
    page = (await client.get(f"{read.path}/history", params={"limit": 3})).json()
    assert page["entries"][0]["what"] == "accepted"
    more = (await client.get(f"{read.path}/history", params={"after": page["next"]})).json()
    assert more["entries"][0]["position"] > page["next"] - 1


class Shown(Terms):
    """Terms whose proof is what a test says, or a defect."""

    name = "shown"

    def __init__(self, proof: Any) -> None:
        self.proof_ = proof

    def due_on(self, *_: Any) -> None:
        return None

    def proof(self, appeal: Appeal, first: Appeal, accepted_at: Any, changes: Any, today: date) -> dict[str, Any]:
        if self.proof_ is None:
            raise SystemExit(1)
        return {"told": [self.proof_], "changes": len(changes), "on": today}


async def test_a_term_has_the_proof_of_each_that_counts(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of today, noted as a look; one that fails has none, and hides nobody else's."""
    client, api = await read.server.client("registry"), read.server.api
    monkeypatch.setattr(api.host, "brought", lambda _: {"shown": Shown("a"), "broken": Shown(None), "odd": Shown({1})})
    proof = {"told": ["a"], "changes": 1, "on": today().isoformat()}
    told = (await client.get(f"{read.path}/term")).json()
    terms = [{"name": "shown", "proof": proof}, *({"name": name, "proof": None} for name in ("broken", "odd"))]
    assert told == {"number": read.number, "terms": terms}
    assert [(actor, what) for actor, what, _ in await read.noted()] == [("api:registry", "term")]


async def test_a_term_is_hidden_with_what_it_follows_from(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a proof somebody could read bodies and changes that a mask hides: the day alone is told, as in the state."""
    monkeypatch.setattr(read.server.api.host, "brought", lambda _: {"shown": Shown("a")})
    client = await read.server.client("integrator")
    assert (await client.get(f"{read.path}/term")).json() == {"number": read.number}


async def test_a_reviewer_says_what_for(read: Read) -> None:
    """Without a purpose nothing is read; with one it stands in the log as it was written."""
    client = await read.server.client("reviewer")
    for path in ("dossier", "versions/1", "why", "term", "explain?field=appeal", "versions/2/difference?from=1"):
        answer = await client.get(f"{read.path}/{path}")
        assert (answer.status_code, kind_of(answer)) == (403, "purpose-missing"), path
    assert await read.noted() == []
    for bad in ("%FF", "%20", "a" * 501):
        answer = await client.get(f"{read.path}/dossier", headers={"Appealbus-Purpose": bad})
        assert (answer.status_code, kind_of(answer)) == (400, "invalid")
    good = await client.get(
        f"{read.path}/dossier", headers={"Appealbus-Purpose": "%D0%B6%D0%B0%D0%BB%D0%BE%D0%B1%D0%B0"}
    )
    assert good.status_code == 200
    assert [detail["purpose"] for _, _, detail in await read.noted()] == ["жалоба"]


async def test_find(read: Read) -> None:
    """By number and message in the body; of a person only with a purpose, which is noted; malformed ones say where."""
    client = await read.server.client("registry")

    async def find(body: dict[str, Any], **headers: str) -> httpx.Response:
        return await client.post("/v1/appeals/find", json=body, headers=headers)

    by_number = (await find({"number": read.number})).json()["appeals"]
    by_message = (await find({"message_id": "m-1", "channel": "test"})).json()["appeals"]
    assert [each["id"] for each in by_number] == [read.path.rpartition("/")[2]]
    assert by_message == by_number
    assert (await find({"number": "none"})).json() == {"appeals": []}
    assert kind_of(await find({"iin": "750301100019"})) == "purpose-missing"
    found = await find({"iin": "750301100019"}, **{"Appealbus-Purpose": "x"})
    assert found.json() == {"appeals": []}
    assert [what for _, what, _ in await read.noted()] == ["appeals"]
    for body in ({}, {"number": "a", "iin": "b"}, {"nummer": "a"}, {"iin": "1"}, {"number": "a", "limit": 0}):
        answer = await find(body, **{"Appealbus-Purpose": "x"})
        assert (answer.status_code, kind_of(answer)) == (400, "invalid"), body


async def test_scopes(read: Read) -> None:
    """An appeal of another channel, kind or place is none, in every route."""
    others = [
        await read.server.client("channel", "other", channel="other"),
        await read.server.client("registry", "kinds", kinds=("inquiry",)),
        await read.server.client("registry", "places", places=("710000000",)),
    ]
    for client in others:
        assert kind_of(await client.get(read.path)) == "unknown"
        found = await client.post("/v1/appeals/find", json={"number": read.number})
        assert found.json() == {"appeals": []}
    own = await read.server.client("channel")
    state = (await own.get(read.path)).json()
    assert state["number"] == read.number
    assert state["message_id"] == "m-1"


async def test_a_search_that_no_journal_can_answer_is_refused(url: str, tmp_path: Path) -> None:
    """A text with a character that PostgreSQL does not have is 400 on each database, and no trouble of the journal."""
    async with served(url, tmp_path) as server:
        client = await server.client("registry")
        for body in ({"number": "a\0"}, {"message_id": "\0", "channel": "a"}, {"message_id": "a", "channel": "\0"}):
            answer = await client.post("/v1/appeals/find", json=body)
            assert (answer.status_code, kind_of(answer)) == (400, "invalid")


async def test_nobody_waits_for_long_until_letters_are_compared(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """One comparison is under way; whoever asks again and again is told to come later, and then gets it."""
    running, most, go = list[int](), list[int](), threading.Event()

    def slowly(appeal: Appeal, past: Any) -> tuple[list[dict[str, Any]], frozenset[int]]:
        running.append(1)
        most.append(len(running))
        go.wait(20)
        running.pop()
        return [], frozenset()

    client = await read.server.client("registry")
    monkeypatch.setattr(comparing, "of_assessors", lambda host: slowly)
    monkeypatch.setattr(turns, "_PATIENCE", 0.1)
    for answer in await asyncio.gather(*(client.get(f"{read.path}/repeats") for _ in range(3))):
        assert (answer.status_code, kind_of(answer)) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    go.set()
    monkeypatch.setattr(turns, "_PATIENCE", 20.0)
    assert (await client.get(f"{read.path}/repeats")).status_code == 200
    assert set(most) == {1}
