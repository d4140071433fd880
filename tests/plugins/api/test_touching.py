"""A client changes only what it may, before and after; and nobody learns by a change which appeals there are.

The rows are made from the roles and the kinds of change themselves: a new one has no expectation, and fails.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appealbus.core.bus.intake.quarantine_replay import Retaking, retake
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.client import Role
from appealbus.core.journal import events, figures, log, quarantine, retention
from appealbus.core.journal.appeals import claiming, lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.changes import changes
from appealbus.core.preparation.changing import with_changes
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ClientSettings
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness
from tests.plugins.api.serving import JSON, Served, served

HERE, THERE = "274600000", "275400000"
IIN, OTHER_IIN = "120101500016", "120101500115"
SUBJECTS = ("own", "foreign", "unknown", "out_of_scope")
MAY_SEND: dict[Role, set[str] | None] = {
    Role.CHANNEL: {"corrected", "withdrawn"},
    Role.REGISTRY: set(),
    **dict.fromkeys((Role.REVIEWER, Role.INTEGRATOR, Role.OPS, Role.AUDITOR)),
}
"""By role, where the policy says nothing; None: it sends no changes whatever the policy says."""
SAYS: dict[ChangeKind, dict[str, Any]] = {
    ChangeKind.CORRECTED: {"corrected": {"text": "Исправлено"}},
    ChangeKind.DUE: {"due_on": "2027-01-01"},
    ChangeKind.REDIRECTED: {"to": {"name": "Акимат"}},
    ChangeKind.EXTENDED: {"due_on": "2027-01-01"},
    ChangeKind.ANSWERED: {"result": "explained"},
    ChangeKind.WITHDRAWN: {},
    ChangeKind.CLOSED: {},
    ChangeKind.REGISTERED: {},
    ChangeKind.DIRECTED: {"to": {"name": "Акимат"}},
    ChangeKind.PRELIMINARY: {},
    ChangeKind.NOTIFIED: {},
    ChangeKind.COMPLAINED: {},
    ChangeKind.EXECUTED: {},
}
"""What a change of each kind says."""


def policy(**clients: list[str]) -> Policy:
    return Policy(clients={name: ClientSettings(changes=kinds) for name, kinds in clients.items()})


@pytest.fixture
async def server(url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A server of a journal on either database that no bus works: who reads knows the worked form alone."""
    told = policy(register=["*"], portal=["*"], told=["*"], widened=["*"])
    given = {"changes_from": ["register", "told"]}
    async with served(url, tmp_path, policy=told, bus=given, requests_per_minute=1_000_000) as made:
        yield made


async def put(server: Served, name: str, channel: str = "portal", place: str = HERE, **given: Any) -> Any:
    """Have an appeal in the journal."""
    fields = {"message_id": f"m-{name}", "channel": channel, "kind": "complaint", "number": name}
    appeal = Appeal.model_validate({**fields, "applicant": {"type": "person"}, "place": {"kato": place}, **given})
    return await server.journal.accept(NewAppeal(appeal, server.journal.now(), "test"))


def change(message_id: str, kind: str = "answered", **given: Any) -> bytes:
    said = SAYS[ChangeKind(kind)] if not given.keys() & {"corrected", "removed"} else {}
    return orjson.dumps({"type": "change", "message_id": message_id, "kind": kind, **said, **given})


async def send(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post("/v1/changes", content=body, headers={**JSON, **headers})


def told(answer: httpx.Response, *names: str) -> tuple[Any, ...]:
    """Return all that an answer tells, without when it was given and what its sender named."""
    text = re.sub(r"(<accepted_at>)[^<]*", r"\1", answer.text)
    for name in names:
        text = text.replace(name, "…")
    body = orjson.loads(text) if answer.headers["content-type"].endswith("json") else text
    if isinstance(body, dict):
        body.pop("accepted_at", None)
        body.pop("quarantine_id", None)
    headers = {k: v for k, v in answer.headers.items() if k not in ("date", "ratelimit")}
    return answer.status_code, headers, body


async def changes_of(server: Served, number: str) -> list[str]:
    """Return the kinds of the changes that an appeal has, worked in or not."""
    return [row.kind for row in await server.journal.ask(changes.changes, number) or ()]


async def codes(server: Served) -> list[str]:
    """Return why messages are in quarantine."""
    return [row.code for row in await server.journal.ask(quarantine.quarantined, limit=10_000)]


@pytest.mark.parametrize("named", ["number", "message"])
@pytest.mark.parametrize("masked", ["number", "appeal.message_id", "iin"])
async def test_a_receipt_tells_nothing_that_is_hidden(url: str, tmp_path: Path, masked: str, named: str) -> None:
    """Neither the number of an appeal, nor whether one is there that could not be looked for by what is named."""
    mask = Mask("m", identifiers=("iin",)) if masked == "iin" else Mask("m", hides=(Pattern.parse(masked),))
    rights = Policy(masks={"m": mask}, clients={"r": ClientSettings(mask="m", changes=["*"])})
    async with served(url, tmp_path, policy=rights, bus={"changes_from": ["r"]}) as server:
        client, answers = await server.client(Role.REGISTRY, "r"), []
        await put(server, IIN)
        for at, number in enumerate((IIN, OTHER_IIN)):
            of = {"number": number} if named == "number" else {"appeal_message_id": f"m-{number}"}
            of |= {} if named == "number" else {"appeal_channel": "portal"}
            for _ in range(2):
                answers.append(told(await send(client, change(f"c{at}", "notified", **of)), f"c{at}"))
    assert answers[0][2]["number"] == ""
    assert answers[:2] == answers[2:]


async def test_an_appeal_of_another_district_stays_as_it_is(server: Served) -> None:
    """The attack: a register of one place answers an appeal of another, and corrects its place to read it whole."""
    register = await server.client(Role.REGISTRY, "register", places=(HERE,))
    await put(server, "ЖТ-1", place=THERE)
    (row,) = await server.journal.ask(lists.appeals)
    for at, body in enumerate((change("a", number="ЖТ-1"), change("b", "corrected", number="ЖТ-1", corrected={
        "place": {"kato": HERE}
    }))):  # fmt: skip
        answer = await send(register, body)
        assert (answer.status_code, answer.headers.get("location")) == (201, None), at
    (case,) = await claiming.claim(server.journal, claiming.Claim("w", server.journal.now(), 10, 60))
    assert (case.changes, case.closed) == (0, None)
    assert (await register.get(f"/v1/appeals/{row.public_id}")).status_code == 404
    assert await codes(server) == ["change.out_of_scope"] * 2


@pytest.mark.proof
@pytest.mark.parametrize("widened", [False, True])
async def test_each_role_changes_what_it_may(server: Served, widened: bool) -> None:
    """Role by scope by kind of change by whose appeal it is; by the built-in rights, and with every kind allowed."""
    rows = list(product(Role, ((), (HERE,)), ChangeKind, SUBJECTS))
    clients: dict[Any, httpx.AsyncClient] = {}
    senders = dict(server.api.policy.clients)
    for role, places in product(Role, ((), (HERE,))):
        name = f"{role.value}-{len(places)}"
        channel = {"channel": name} if role is Role.CHANNEL else {}
        clients[role, places] = await server.client(role, name, places=places, **channel)
        senders |= {name: ClientSettings(changes=["*"])} if widened else {}
    anywhere = [f"registry-{n}" for n in range(2)]
    widely = replace(server.api.policy, clients=senders)
    server.api.reception.senders = replace(server.api.reception.senders, policy=widely, anywhere=anywhere)
    turns = asyncio.Semaphore(20)

    async def one(at: int, role: Role, places: tuple[str, ...], kind: ChangeKind, subject: str) -> None:
        number, own = f"N-{at}", f"{role.value}-{len(places)}" if role is Role.CHANNEL else "portal"
        async with turns:
            if subject != "unknown":
                channel = "other" if subject == "foreign" else own
                await put(server, number, channel, THERE if subject == "out_of_scope" else HERE)
            answer = await send(clients[role, places], change(f"c-{at}", kind.value, number=number))
            made = await changes_of(server, number)
        row = role, places, kind, subject, answer.text
        allowed = MAY_SEND[role]
        if allowed is None:
            assert (answer.status_code, made) == (403, []), row
        elif not widened and kind not in allowed:
            assert (answer.status_code, answer.json()["code"], made) == (422, "change.not_allowed", []), row
        else:
            may = subject == "own" or (role is Role.REGISTRY and subject == "foreign")
            may |= subject == "out_of_scope" and not places
            assert (answer.status_code, made) == (201, [kind.value] if may else []), row

    await asyncio.gather(*(one(at, *row) for at, row in enumerate(rows)))
    assert {kind for _, _, kind, _ in rows} == SAYS.keys()
    assert set(MAY_SEND) == set(Role)


NAMES = [
    ("channel", "number", {}),
    ("channel", "message", {}),
    ("channel", "both", {}),
    ("register", "number", {"places": (HERE,)}),
    ("register", "message", {"places": (HERE,)}),
    ("register", "both", {"kinds": ("application",)}),
]


@pytest.mark.proof
@pytest.mark.parametrize("row", NAMES)
@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
async def test_nobody_can_tell_what_there_is(
    url: str, tmp_path: Path, row: tuple[str, str, dict[str, Any]], accept: str
) -> None:
    """The first time, again, with other content under its id, and when no more may wait: byte for byte the same."""
    given = {"changes_from": ["register"], "waiting_changes": 6}
    async with served(url, tmp_path, policy=policy(told=["*"], register=["*"]), bus=given) as server:
        await nobody_can_tell(server, *row, accept)


async def nobody_can_tell(server: Served, who: str, by: str, scope: dict[str, Any], accept: str) -> None:
    role, channel = (Role.CHANNEL, {"channel": "told"}) if who == "channel" else (Role.REGISTRY, {})
    client = await server.client(role, "told" if who == "channel" else "register", **channel, **scope)
    await put(server, "THERE", place=THERE)
    await put(server, "OTHER", "other", place=THERE)
    answers: dict[str, list[Any]] = {}
    for name in ("THERE", "OTHER", "NEVER"):
        of = {"appeal_message_id": f"m-{name}", "appeal_channel": "other" if name == "OTHER" else "portal"}
        of = {} if by == "number" else {"appeal_message_id": f"m-{name}"} if who == "channel" else of
        of |= {} if by == "message" else {"number": name}
        given = [
            change(f"1-{name}", "withdrawn", **of),
            change(f"1-{name}", "withdrawn", **of),
            change(f"1-{name}", "withdrawn", reason="другое", **of),
            change(f"2-{name}", "corrected", corrected={"place": {"kato": HERE}}, **of),
        ]
        answers[name] = [told(await send(client, body, Accept=accept), name) for body in given]
    # No more may wait now, whatever is named.
    for name, got in answers.items():
        of = {"appeal_message_id": f"m-{name}"} if by == "message" else {"number": name}
        got.append(told(await send(client, change(f"3-{name}", "corrected", **of)), name))
    assert answers["THERE"] == answers["NEVER"] == answers["OTHER"]
    assert [each[0] for each in answers["NEVER"]] == [201, 200, 409, 201, 422]
    assert all("location" not in headers for _, headers, _ in answers["NEVER"])
    assert (await server.journal.ask(figures.counts)).waiting_changes == 6


async def test_a_change_moves_nothing_into_a_scope_or_out_of_it(server: Served) -> None:
    """Whatever was worked in, in whichever order it counts, by place and by kind."""
    register = await server.client(Role.REGISTRY, "register", places=(HERE,), kinds=("complaint",))
    everywhere = await server.client(Role.REGISTRY, "told")
    to: dict[str, dict[str, Any]] = {
        "out": {"corrected": {"place": {"kato": THERE}}},
        "nowhere": {"removed": ["place"]},
        "no_code": {"removed": ["place.kato"]},
        "kind": {"corrected": {"kind": "application"}},
        "no_kind": {"removed": ["kind"]},
        "pinned": {"corrected": {"place": {"kato": HERE}}, "dated_at": "2099-01-01"},
    }
    for name, said in to.items():
        await put(server, name)
        assert (await send(register, change(f"c-{name}", "corrected", number=name, **said))).status_code == 201
        assert await changes_of(server, name) == [], name
    assert await codes(server) == ["change.out_of_scope"] * len(to)
    # Moved away by somebody who may, and not worked in yet: it is out of scope from then on.
    away = change("w", "corrected", number="out", corrected={"place": {"kato": THERE}})
    assert (await send(everywhere, away)).headers["location"]
    assert (await send(register, change("late", number="out"))).status_code == 201
    assert await changes_of(server, "out") == ["corrected"]
    # A correction that counts before that one moves nothing, and may not be sent by who may not touch it now.
    before = change("early", "corrected", number="out", corrected={"text": "…"}, dated_at="2020-01-01")
    assert (await send(register, before)).status_code == 201
    assert await changes_of(server, "out") == ["corrected"]
    # Moved back: it is in scope, although the newest form that was worked says otherwise.
    back = change("back", "corrected", number="out", corrected={"place": {"kato": HERE}})
    assert (await send(everywhere, back)).status_code == 201
    assert (await send(register, change("now", number="out"))).status_code == 201
    assert await changes_of(server, "out") == ["corrected", "corrected", "answered"]
    # And so it is once they are worked in: the form that it came in is another document then.
    await put(server, "second")
    assert (await send(everywhere, change("x", "corrected", number="second", corrected={"text": "…"}))).is_success
    await work(server)
    assert (await send(register, change("y", "corrected", number="second", corrected={"text": "?"}))).status_code == 201
    assert await changes_of(server, "second") == ["corrected", "corrected"]
    await send(register, change("z", "corrected", number="second", corrected={"place": {"kato": THERE}}))
    assert await changes_of(server, "second") == ["corrected", "corrected"]


async def work(server: Served) -> None:
    """Have the forms of all appeals written as their changes make them."""

    for case in await claiming.claim(server.journal, claiming.Claim("w", server.journal.now(), 1000, 60)):
        done, ended = with_changes(case), {"changes_seen": case.changes, "due_at": None}
        made = Conclusion(
            case.appeal_id, dossier=b"{}", version=1, completeness=Completeness.COMPLETE, form=done.form, **ended
        )
        await server.journal.conclude(made)


async def test_what_waits_keeps_the_scope_that_it_was_sent_under(server: Served) -> None:
    """An appeal that comes takes up what its senders may do, as they came; the rest is in quarantine, for good."""
    register = await server.client(Role.REGISTRY, "register", places=(HERE,))
    everywhere = await server.client(Role.REGISTRY, "told")
    moves = {"corrected": {"place": {"kato": HERE}}}
    for at, (who, body) in enumerate([
        (register, change("w1", number="ЖТ-1")),
        (register, change("w2", "corrected", number="ЖТ-1", **moves)),
        (everywhere, change("w3", "corrected", number="ЖТ-1", **moves)),
        (register, change("w4", "extended", number="ЖТ-1")),
    ]):  # fmt: skip
        assert (await send(who, body)).status_code == 201, at
    await put(server, "ЖТ-1", place=THERE)
    assert await changes_of(server, "ЖТ-1") == ["corrected", "extended"]
    assert await codes(server) == ["change.out_of_scope"] * 2
    again = await send(register, change("w1", number="ЖТ-1"))
    assert (again.status_code, again.json()["number"]) == (200, "ЖТ-1")
    assert await retention.expire_changes(server.journal, server.journal.now() + timedelta(days=1)) == 2
    assert await codes(server) == ["change.out_of_scope"] * 2  # they are in it already


async def test_a_correction_does_not_do_what_another_kind_does(server: Served) -> None:
    """Whoever may correct alone sets no term and redirects nothing by it."""
    portal = await server.client(Role.CHANNEL, "citizens", channel="portal")
    await put(server, "ЖТ-1")
    for at, said in enumerate([
        {"corrected": {"due_on": "2027-02-01"}},
        {"removed": ["due_on"]},
        {"corrected": {"addressee": {"name": "Другой акимат"}}},
        {"removed": ["addressee.bin"]},
    ]):  # fmt: skip
        answer = await send(portal, change(f"c-{at}", "corrected", number="ЖТ-1", **said))
        assert answer.json()["code"] == "change.not_allowed"
    unknown = await send(portal, orjson.dumps({"type": "change", "message_id": "u", "kind": "новое", "number": "ЖТ-1"}))
    assert unknown.json()["code"] == "change.not_allowed"
    assert (await send(portal, change("good", "corrected", number="ЖТ-1"))).headers["location"]


ROUTES = ("", "/dossier", "/versions", "/versions/1", "/versions/1/difference?from=1", "/why", "/history", "/term")
ROUTES += ("/explain?field=appeal.kind", "/repeats")


@pytest.mark.parametrize("role", [Role.CHANNEL, Role.REGISTRY, Role.REVIEWER])
async def test_no_route_tells_foreign_from_unknown(server: Served, role: Role) -> None:
    """By id, by number, by message: the same answer, byte for byte, and the same charge."""
    channel = {"channel": "mine"} if role is Role.CHANNEL else {}
    client = await server.client(role, "asks", places=(HERE,), **channel)
    purpose = {"Appealbus-Purpose": "x"}
    await put(server, "ЖТ-1", place=THERE)
    (row,) = await server.journal.ask(lists.appeals)
    unknown = row.public_id[:-4] + ("AAAA" if row.public_id[-4:] != "AAAA" else "BBBB")
    for path in ROUTES:
        both = [await client.get(f"/v1/appeals/{each}{path}", headers=purpose) for each in (row.public_id, unknown)]
        first, second = (told(each) for each in both)
        assert first == second, path
        assert both[0].status_code in (403, 404)
    for given in ({"number": "ЖТ-{}"}, {"message_id": "m-ЖТ-{}", "channel": "portal"}):
        bodies = [{name: text.format(at) for name, text in given.items()} for at in (1, 9)]
        found = [await client.post("/v1/appeals/find", json=body, headers=purpose) for body in bodies]
        assert told(found[0]) == told(found[1])
        assert found[0].json() == {"appeals": []}


@pytest.mark.proof
async def test_a_person_takes_what_its_sender_may_not_send(server: Served, url: str, tmp_path: Path) -> None:
    """A replay asks for the sender's rights of now; with `anyway` the person answers for it."""

    register = await server.client(Role.REGISTRY, "register", places=(HERE,))
    least = await server.client(Role.REGISTRY, "least")
    await put(server, "ЖТ-1", place=THERE)
    await put(server, "ЖТ-2", "least")
    await send(register, change("c-1", number="ЖТ-1"))
    await send(least, change("c-2", number="ЖТ-2"))
    rows = [
        await server.journal.ask(quarantine.quarantine_row, each.id)
        for each in await server.journal.ask(quarantine.quarantined)
    ]
    bus, now = BusSettings(changes_from=["register"]), policy(register=["*"])

    async def tried(row: Any, rights: Policy, **how: Any) -> tuple[bool, str]:
        reception = Reception(server.journal, bus, policy=rights)
        dry = await retake(reception, row, Retaking(dry_run=True, **how))
        done = await retake(reception, row, Retaking(**how))
        assert (dry.taken, dry.code) == (done.taken, done.code)
        return done.taken, done.code

    assert await tried(rows[0], now) == (False, "change.out_of_scope")
    assert await tried(rows[1], now) == (False, "change.not_allowed")
    assert await tried(rows[1], policy(least=["answered"])) == (True, "")
    assert await tried(rows[0], now, anyway=True) == (True, "")
    assert [await changes_of(server, number) for number in ("ЖТ-1", "ЖТ-2")] == [["answered"]] * 2
    assert (await server.journal.ask(figures.counts)).waiting_changes == 0
    assert (await send(register, change("c-1", number="ЖТ-1"))).status_code == 200


async def test_the_number_of_another_is_told_by_no_message_in_quarantine(server: Served) -> None:
    """Nor by how many there are: what is refused in silence takes no id from those that senders see."""
    register = await server.client(Role.REGISTRY, "register", places=(HERE,))
    await put(server, "ЖТ-1", place=THERE)
    seen = []
    for at, number in enumerate(("none", "ЖТ-1", "none-2")):
        await send(register, change(f"c-{at}", number=number))
        await send(register, change(f"c-{at}", "extended", number=number))  # another under its id
        broken = await send(register, b'{"type": "change", "message_id": "b-%d", "kind": "answered"}' % at)
        seen.append(broken.json()["quarantine_id"])
    assert seen[1] - seen[0] == seen[2] - seen[1]
    await server.journal.do(events.Placing())
    entries = [each.what for each in (await server.journal.ask(log.page)).entries]
    assert (entries.count("changed"), entries.count("quarantined"), len(entries)) == (2, 1 + 3 + 3, 1 + 1 + 2 + 7)


async def test_the_same_bytes_of_another_client_tell_no_more(server: Served) -> None:
    """What a client of its channel has sent about an appeal out of its scope is to it as what waits: new, or again."""
    every = await server.client(Role.CHANNEL, "every", channel="portal")
    here = await server.client(Role.CHANNEL, "here", channel="portal", places=(HERE,))
    await put(server, "ЖТ-1", place=THERE)
    answers = []
    for message in ("m-ЖТ-1", "m-none"):
        body = orjson.dumps({"type": "change", "kind": "withdrawn", "appeal_message_id": message})
        assert (await send(every, body)).status_code == 201
        again = await send(here, body)
        answers.append((again.status_code, again.json()["number"], again.headers.get("location")))
    assert answers == [(200, "", None)] * 2
    assert (await send(every, orjson.dumps({
        "type": "change", "kind": "withdrawn", "appeal_message_id": "m-ЖТ-1"
    }))).json()["number"] == "ЖТ-1"  # fmt: skip
