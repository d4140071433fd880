"""What each role ever gets over HTTP, searched for what is hidden from it; and the same bytes whatever that is."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import generate_latest

from appealbus.core import From, Inbound, Taken, found, refused
from appealbus.core.bus.bus import Bus
from appealbus.core.domain.client import Role
from appealbus.core.journal import events
from appealbus.core.journal.appeals import lists
from appealbus.schemas import Outcome, Record
from appealbus.schemas.person import Person, PostalAddress
from tests.core.kit import Thing, lookup, message, running_bus
from tests.core.rights.made import value
from tests.plugins.api.serving import Served, kind_of, served
from tests.plugins.api.test_roles import PURPOSE

POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone", "appeal.place", "gbdfl.person/birth_date", "vendor.list", "gaps", "completeness"]
identifiers = ["iin"]
[masks.quiet]
hides = ["appeal.message_id", "appeal.channel", "appeal.due_on", "changes", "gbdfl.person/*"]
[masks.nochannel]
hides = ["appeal.channel"]
[roles.registry]
mask = "desk"
[roles.reviewer]
mask = "quiet"
[clients.nochannel]
mask = "nochannel"
[clients.whole]
mask = "everything"
"""
PERSONAL = {
    "applicant.surname": "text",
    "applicant.name": "text",
    "applicant.phone": "text",
    "applicant.birth_date": "day",
    "applicant.address": "text",
    "applicant.email": "text",
    "representative.surname": "text",
    "representative.iin": "iin",
    "addressee.name": "text",
    "category.name": "text",
    "place.address": "text",
    "parcels.cadastral_number": "parcel",
    "parcels.note": "text",
    "text": "text",
    "attachments.file_name": "text",
    "gbdfl.person/surname": "text",
    "gbdfl.person/birth_date": "day",
    "gbdfl.person/address.street": "text",
    "vendor.list/name": "text",
    "iin": "iin",
    "message_id": "text",
}
"""What stands in an appeal and in its records, by the kind of value."""
HIDDEN = {
    Role.REGISTRY: {
        *("applicant.phone", "place.address", "gbdfl.person/birth_date", "vendor.list/name", "iin"),
        "representative.iin",
    },
    Role.REVIEWER: {"message_id", *(name for name in PERSONAL if name.startswith("gbdfl.person/"))},
    **{role: set(PERSONAL) for role in (Role.INTEGRATOR, Role.OPS, Role.AUDITOR)},
    Role.CHANNEL: set(PERSONAL) - {"message_id"},
}
"""What is hidden from each role by the policy above."""
PLACES = ("710000000", "750000000")


class Values(dict[str, str]):
    """What stands in the fields: the numbers of the values begin here."""

    def __init__(self, begin: int, others: dict[str, int] | None = None) -> None:
        numbers = {name: begin + at for at, name in enumerate(PERSONAL)} | (others or {})
        super().__init__({name: value(kind, numbers[name]) for name, kind in PERSONAL.items()})

    def letter(self, kato: str) -> Inbound:
        """Return the appeal with these values."""
        given: dict[str, Any] = {"place": {"kato": kato}, "applicant": {"type": "person", "iin": self["iin"]}}
        for name in PERSONAL:
            head, _, field = name.partition(".")
            if head in ("parcels", "attachments"):
                given.setdefault(head, [{}])[0][field] = self[name]
            elif head in ("applicant", "representative", "addressee", "category", "place"):
                given.setdefault(head, {})[field] = self[name]
        return message(self["message_id"], text=f"{self['text']} {self['iin']}", due_on="2026-12-30", **given)


class World:
    """A bus whose registers know what the values say, and a server of its journal."""

    def __init__(self, bus: Bus, server: Served, values: Values) -> None:
        self.bus = bus
        self.server = server
        self.values = values
        self.number = self.id = ""

    async def happen(self, kato: str, *, hidden: dict[str, Any] | None) -> None:
        """Have an appeal come, be corrected where everybody sees it, and where not."""
        taken = await self.bus.accept(self.values.letter(kato))
        assert isinstance(taken, Taken)
        self.number = taken.receipt.number
        await self.bus.settle()
        row = await self.bus.journal.ask(lists.appeal_row, self.number)
        assert row is not None
        self.id = row.public_id
        await self.correct("c-1", {"category": {"code": "7"}})
        if hidden is not None:
            await self.correct("c-2", hidden)

    async def correct(self, message_id: str, corrected: dict[str, Any]) -> None:
        """Have a correction come, and all be placed."""
        change = {"type": "change", "message_id": message_id, "kind": "corrected", "number": self.number}
        await self.bus.accept(Inbound("test", "c", orjson.dumps({**change, "corrected": corrected})))
        await self.bus.settle()
        while await self.bus.journal.do(events.Placing()):
            pass


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two empty folders."""
    made = [tmp_path / name for name in ("one", "other")]
    for each in made:
        each.mkdir()
        (each / "policy.toml").write_text(POLICY)
    return made


@asynccontextmanager
async def world(folder: Path, values: Values, *, list_is_there: bool = True) -> AsyncIterator[World]:
    """Have one of its own in a folder; `vendor.list` may be refused, so that the dossier is not complete."""
    coded: Any = {"code": "1", "name_ru": "один"}

    async def person(query: Any, source: Any) -> Outcome[Any]:
        street = PostalAddress(street=values["gbdfl.person/address.street"])
        told = {"surname": values["gbdfl.person/surname"], "birth_date": values["gbdfl.person/birth_date"]}
        same = dict.fromkeys(("gender", "citizenship", "life_status"), coded)
        return found(Person.model_validate({"iin": query.iin, **told, **same, "address": street}))

    async def things(query: Any, source: Any) -> Outcome[Record]:
        if not list_is_there:
            return refused("no", "the register does not want to")
        return found(Thing(name=values["vendor.list/name"], next=[values["iin"]]))

    lookups = (
        lookup("gbdfl.person", person, Person, iin=From("applicant.iin")),
        lookup("vendor.list", things, name=From("addressee.name")),
        lookup("vendor.gone", name=From("applicant.document_number")),
    )
    async with running_bus(folder, *lookups) as bus:
        url, policy = f"sqlite:///{folder / 'journal.db'}", folder / "policy.toml"
        given: dict[str, Any] = {"bus": {"policy": str(policy)}, "host": bus.parts.host}
        async with served(url, folder, requests_per_minute=100_000, **given) as server:
            yield World(bus, server, values)


async def told(world: World, client: httpx.AsyncClient) -> list[tuple[str, bytes]]:
    """Return all that a client gets from every route, asked in every way; by what was asked."""
    one, pairs = f"/v1/appeals/{world.id}", ((1, 2), (2, 1), (2, 3), (4, 1))
    paths = ["/v1/me", "/v1/feed/readers", "/openapi.json", "/asyncapi.json", "/docs", "/healthz", "/problems/invalid"]
    paths += [f"{one}{each}" for each in ("", "/dossier", "/versions", "/why", "/term", "/history", "/history?limit=1")]
    paths += [f"{one}/versions/{version}" for version in range(1, 5)]
    paths += [f"{one}/versions/{version}/difference?from={other}" for version, other in pairs]
    fields = [name if "/" in name else f"appeal.{name}" for name in PERSONAL]
    fields += ["appeal.applicant.iin", "gbdfl.person/iin", "appeal", "gbdfl.person", "vendor.gone", "none", "receipt"]
    paths += [f"{one}/explain?field={name}" for name in fields]
    paths += [f"/v1/feed{query}" for query in ("", *(f"?{each}" for each in _filters()))]
    paths += ["/v1/surges", "/v1/surges/alarms", "/v1/surges/alarms/1"]
    paths += [f"/v1/terms{query}" for query in ("", "?moved=true", "?kind=complaint", "?completeness=partial")]
    got: list[tuple[str, bytes]] = []
    for path in paths:
        for headers in ({}, {"Accept": "application/xml"}) if path.endswith("/dossier") else ({},):
            answer = await client.get(path, headers={**PURPOSE, **headers})
            assert answer.status_code < 500, (path, answer.text)
            got.append((f"{path} {headers}", _bytes(answer)))
    for body in ({"number": world.number}, {"message_id": world.values["message_id"], "channel": "test"}):
        answer = await client.post("/v1/appeals/find", json=body, headers=PURPOSE)
        got.append((f"find {sorted(body)}", _bytes(answer)))
    found = await client.post("/v1/appeals/find", json={"iin": world.values["iin"]}, headers=PURPOSE)
    got.append(("find iin", _bytes(found)))
    got.append(("stream", await _stream(client)))
    return got


def _filters() -> list[str]:
    return [
        *(f"place={each}" for each in PLACES),
        *(f"kind={each}" for each in ("complaint", "inquiry")),
        *(f"completeness={each}" for each in ("complete", "partial")),
    ]


async def _stream(client: httpx.AsyncClient) -> bytes:
    got = b""
    async with client.stream("GET", "/v1/feed/stream") as answer:
        async for part in answer.aiter_bytes():
            got += part
            if answer.status_code != 200 or b"event: position" in got:
                break
    return got


def _bytes(answer: httpx.Response) -> bytes:
    head = b"\n".join(name + b": " + text for name, text in answer.headers.raw)
    return b"%d\n%b\n\n%b" % (answer.status_code, head, answer.content)


_CHANCE = [
    (rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", b"ID"),
    (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", b"TIME"),
    (rb'"[0-9a-f]{64}"', b"TAG"),
    (rb"worker:[0-9a-f]+", b"worker"),
    (rb"(?mi)^(date|ratelimit|content-length): .*$", rb"\1"),
    (rb'"(position|next)": ?("1\.\d+"|\d+)', rb"\1"),
    (rb"\bid: 1\.\d+", b"id"),
]
"""Times, ids and places in the log, which differ between any two appeals."""


def _without_chance(text: bytes) -> bytes:
    for pattern, mark in _CHANCE:
        text = re.sub(pattern, mark, text)
    return text


@pytest.mark.proof
async def test_no_role_ever_gets_a_hidden_value(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """In no byte of any answer, of the server's log and its metrics; what is shown is there, and to some everything."""
    values = Values(100)
    async with world(folders[0], values) as made:
        await made.happen(PLACES[0], hidden={"applicant": {"phone": value("text", 990)}})
        for role in Role:
            got = await told(made, await made.server.client(role))
            forbidden = {name: values[name] for name in HIDDEN[role]} | {"corrected": value("text", 990)}
            if role is Role.REVIEWER:
                del forbidden["corrected"]
            for asked, text in got:
                for name, hidden in forbidden.items():
                    assert hidden.encode() not in text, (role, asked, name, text.decode())
        everything = b"".join(text for _, text in await told(made, await made.server.client("registry", "whole")))
        assert [name for name, each in values.items() if each.encode() not in everything] == []
        said = capsys.readouterr()
        told_of = said.out + said.err + generate_latest(made.server.api.metrics.registry).decode()
        assert [name for name, each in values.items() if each in told_of] == []
        assert "api.answered" in told_of


@pytest.mark.proof
@pytest.mark.parametrize("role", [Role.REGISTRY, Role.REVIEWER])
async def test_the_same_bytes_whatever_is_hidden(folders: list[Path], role: Role) -> None:
    """Appeals that differ in what is hidden, one of them in a version that changes nothing else, look the same.

    It is hidden from the registry, too, where they are, how the question for a list ended, and that it is missing.
    """
    seen = []
    correction = {Role.REGISTRY: {"applicant": {"phone": "слово"}}, Role.REVIEWER: {"due_on": "2026-12-31"}}[role]
    for at, (begin, later) in enumerate(((300, correction), (500, None))):
        values = Values(100, {each: begin + n for n, each in enumerate(sorted(HIDDEN[role]))})
        other = at == 1 and role is Role.REGISTRY
        async with world(folders[at], values, list_is_there=not other) as made:
            await made.happen(PLACES[other], hidden=later)
            whole = await made.server.client("registry", "whole")
            await whole.get(f"/v1/appeals/{made.id}/dossier")
            client = await made.server.client(role)
            for path in ("why", "explain?field=appeal.kind"):  # what is noted of them is in the history
                await client.get(f"/v1/appeals/{made.id}/{path}", headers=PURPOSE)
            got = await told(made, client)
            seen.append([(asked.replace(made.id, "ID"), _without_chance(text).decode()) for asked, text in got])
    differ = {asked: (one, other) for (asked, one), (_, other) in zip(*seen, strict=True) if one != other}
    assert differ == {}


async def test_nothing_is_found_by_what_is_hidden(folders: list[Path]) -> None:
    """Neither by a hidden place, completeness or id of a message, nor by a number in which a hidden one stands."""
    async with world(folders[0], Values(100)) as made:
        await made.happen(PLACES[0], hidden=None)
        registry, reviewer = [await made.server.client(role) for role in (Role.REGISTRY, Role.REVIEWER)]
        channel = await made.server.client(Role.CHANNEL)
        for query in (f"place={PLACES[0]}", f"place={PLACES[1]}", "completeness=partial"):
            for path in ("/v1/feed", "/v1/feed/stream"):
                answer = await registry.get(f"{path}?{query}")
                assert (answer.status_code, kind_of(answer)) == (403, "field-hidden"), query
        assert len((await registry.get("/v1/feed?kind=complaint")).json()["entries"]) == 2
        by_message = {"message_id": made.values["message_id"], "channel": "test"}
        blind = await made.server.client("registry", "nochannel")
        for client, body, status in (
            (reviewer, by_message, 403),
            (reviewer, {**by_message, "message_id": "other"}, 403),
            (registry, {"number": f"A-{made.values['iin']}"}, 403),
            (registry, by_message, 200),
            (blind, by_message, 403),
            (blind, {**by_message, "channel": "another"}, 403),
            (blind, {"message_id": by_message["message_id"]}, 200),
            (channel, by_message, 200),
        ):
            answer = await client.post("/v1/appeals/find", json=body)
            assert answer.status_code == status, (body, answer.text)
        state = (await reviewer.get(f"/v1/appeals/{made.id}")).json()
        assert state.keys() == {"id", "number", "accepted_at", "state", "changed_at", "version"} | {
            *("completeness", "kind", "place", "waits_for", "lacks"),
        }


@pytest.mark.proof
async def test_what_leaves_the_scope_is_nowhere(folders: list[Path]) -> None:
    """An appeal whose place is corrected is one that there never was, to whoever sees the first place alone."""
    async with world(folders[0], Values(100)) as made:
        client = await made.server.client("registry", "whole", places=(PLACES[0],))
        await made.happen(PLACES[0], hidden=None)
        assert all(text[:3] != b"404" for asked, text in await told(made, client) if asked.endswith("/dossier {}"))
        await made.correct("c-9", {"place": {"kato": PLACES[1]}})
        here = [(asked, text) for asked, text in await told(made, client) if made.id in asked or "find" in asked]
        assert {text[:3] for asked, text in here if made.id in asked} == {b"404"}
        assert all(made.values["applicant.surname"].encode() not in text for _, text in here)
        page = (await client.get("/v1/feed")).json()
        assert (page["entries"], page["lag"]) == ([], 0)
        elsewhere = {"iin": made.values["iin"], "limit": 1}
        for body in (elsewhere, {**elsewhere, "iin": value("iin", 900)}):
            answer = await client.post("/v1/appeals/find", json=body, headers=PURPOSE)
            assert answer.json() == {"appeals": []}
        assert (await client.get("/v1/terms?limit=1", headers=PURPOSE)).json() == {"appeals": []}
        unknown = await client.get("/v1/appeals/00000000-0000-8000-8000-000000000000/dossier")
        known = await client.get(f"/v1/appeals/{made.id}/dossier")
        assert known.content == unknown.content
