"""What comes by intakes, files and commands changes only what its channel may, before and after: by each door."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import Inbound, Quarantined, Taken
from appealbus.core.bus.intake.quarantine_replay import Retaking, retake
from appealbus.core.bus.intake.reception import Received, Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.client import Client, Credential, Role, Sender
from appealbus.core.journal import clients, quarantine
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.changes import changes as journal_changes
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ChannelSettings
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import ChangeKind
from tests.services.journals import sqlite_journal

HERE, THERE = "274600000", "275400000"
DOORS = ("intake", "command", "replay", "waiting")
SUBJECTS = ("own", "foreign", "unknown", "out_of_scope")
SETTINGS = BusSettings(changes_from=["anywhere", "anywhere-here"])
BUILT_IN = {kind: kind in (ChangeKind.CORRECTED, ChangeKind.WITHDRAWN) for kind in ChangeKind}
SOURCES = [Path(__file__).parents[3] / each for each in ("core", "connectors", "plugins", "simulator")]


@pytest.fixture(params=["sqlite", "postgresql"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    """An empty journal of each kind."""
    sqlite = request.param == "sqlite"
    url = sqlite_journal(tmp_path / "journal.db") if sqlite else request.getfixturevalue("journal_database")
    async with await Journal.open(url) as opened:
        yield opened


def policy(*, told: bool) -> Policy:
    """Return the rights of four channels: of one's own and anywhere, of all places and of some."""
    changes = ["*"] if told else None
    given: dict[str, dict[str, Any]] = {"own": {}, "anywhere": {}}
    given |= {f"{name}-here": {"places": [HERE]} for name in given}
    return Policy(channels={name: ChannelSettings(changes=changes, **each) for name, each in given.items()})


async def put(journal: Journal, number: str, channel: str, place: str) -> None:
    given = {"message_id": f"m-{number}", "channel": channel, "number": number, "kind": "complaint", "text": ""}
    appeal = Appeal.model_validate({**given, "applicant": {"type": "person"}, "place": {"kato": place}})
    await journal.accept(NewAppeal(appeal, journal.now(), "test"))


async def put_in(journal: Journal, rights: Policy, door: str, message: Inbound) -> str:
    """Have a change come by a door; return the code for which it is in quarantine."""
    async with aclosing(Reception(journal, SETTINGS, policy=rights)) as reception:
        if door == "replay":
            kept = NewQuarantine(journal.now(), message.channel, "x", "away", message.raw, "application/json")
            row = await journal.ask(quarantine.quarantine_row, await journal.do(kept))
            assert row is not None
            return (await retake(reception, row, Retaking())).code
        if door == "command":
            taken = await reception.accept(message)
            return taken.code if isinstance(taken, Quarantined) else ""
        received = await reception.receive(message)
        if isinstance(received, Quarantined):
            return received.code
        return "" if received.refused is None else received.refused.code


@pytest.mark.proof
@pytest.mark.parametrize("told", [False, True])
async def test_each_door_asks_the_same(journal: Journal, told: bool) -> None:
    """Channel by kind of change by whose appeal it is by door; the built-in rights, and with every kind allowed."""
    rights, turns = policy(told=told), asyncio.Semaphore(20)
    rows = list(product(rights.channels, ChangeKind, SUBJECTS, DOORS))

    async def one(at: int, channel: str, kind: ChangeKind, subject: str, door: str) -> None:
        number, place = f"N-{at}", THERE if subject == "out_of_scope" else HERE
        of = {"number": number, "appeal_message_id": f"m-{number}"}
        if (owner := "other" if subject == "foreign" else channel) != channel and channel.startswith("anywhere"):
            of["appeal_channel"] = owner
        body = {"type": "change", "message_id": f"c-{at}", "kind": kind.value, **of}
        message = Inbound(channel, "x:1", orjson.dumps(body))
        async with turns:
            if subject != "unknown" and door != "waiting":
                await put(journal, number, owner, place)
            code = await put_in(journal, rights, door, message)
            if subject != "unknown" and door == "waiting":
                await put(journal, number, owner, place)
            made = [row.kind for row in await journal.ask(journal_changes.changes, number) or ()]
        row = channel, kind, subject, door, code
        if not told and (channel.startswith("anywhere") or not BUILT_IN[kind]):
            assert (code, made) == ("change.not_allowed", []), row
            return
        may = subject == "own" or (subject == "foreign" and channel.startswith("anywhere"))
        may |= subject == "out_of_scope" and not channel.endswith("-here")
        assert made == ([kind.value] if may else []), row
        wanted = {"foreign": "change.foreign", "out_of_scope": "change.out_of_scope"}.get(subject, "")
        if door != "waiting":  # then it is found out later
            assert code == ("" if may else wanted), row

    await asyncio.gather(*(one(at, *row) for at, row in enumerate(rows)))


def test_no_door_is_forgotten() -> None:
    """What takes a change makes it with its sender, or a person has it made; the demonstration writes its own past."""
    made = [
        str(file.relative_to(root.parent))
        for root in SOURCES
        for file in sorted(root.rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bNewChange\(", line)
    ]
    assert made == [
        "core/appealbus/core/bus/intake/reception.py",
        "core/appealbus/core/cli/misnamed.py",
        "simulator/appealbus/demo/oversight.py",
    ]


async def test_whoever_sends_is_told_no_more_than_of_an_unknown_one(journal: Journal) -> None:
    """An intake answers its channel: with the receipt of what waits; whoever runs the bus is told the rest."""
    await put(journal, "THERE", "other", THERE)
    answers = []
    async with aclosing(Reception(journal, SETTINGS, policy=policy(told=True))) as reception:
        for name in ("THERE", "NEVER"):
            body = {"type": "change", "message_id": f"c-{name}", "kind": "withdrawn", "number": name}
            received = await reception.receive(Inbound("own", "x", orjson.dumps(body)))
            assert not isinstance(received, Quarantined)
            receipt = received.taken.receipt.model_dump(exclude={"accepted_at"})
            answers.append(orjson.dumps([receipt, received.taken.new, received.waits]).replace(name.encode(), b""))
            assert (received.refused is None) == (name == "NEVER")
            again = await reception.receive(Inbound("own", "x", orjson.dumps(body)))
            assert not isinstance(again, Quarantined)
            assert again.taken == Taken(received.taken.receipt, False)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_change_that_moves_and_one_that_follows_at_once(journal: Journal, at_once: bool) -> None:
    """However they are grouped: what comes after a move is about the appeal as it is then."""
    await put(journal, "N", "own", HERE)
    rights = policy(told=True)
    move = {"type": "change", "message_id": "a", "kind": "corrected", "number": "N"}
    move["corrected"] = {"place": {"kato": THERE}}  # type: ignore[assignment]
    late = {"type": "change", "message_id": "b", "kind": "answered", "number": "N"}
    sent = [Inbound("anywhere", "", orjson.dumps(move)), Inbound("anywhere-here", "", orjson.dumps(late))]
    if at_once:
        await asyncio.gather(*(put_in(journal, rights, "intake", each) for each in sent))
    else:
        for each in sent:
            await put_in(journal, rights, "intake", each)
    changes = {row.message_id: row.received_at for row in await journal.ask(journal_changes.changes, "N") or ()}
    codes = [row.code for row in await journal.ask(quarantine.quarantined)]
    assert (set(changes), codes) in [({"a"}, ["change.out_of_scope"]), ({"a", "b"}, [])]
    assert at_once or codes


async def test_what_waits_counts_by_the_rights_of_when_its_appeal_comes(journal: Journal) -> None:
    """A right to a kind that is lost, a client that is revoked, or a channel that may no more: so for what waits."""
    bus = BusSettings(changes_from=["register"])
    at, given_until = journal.now(), journal.now() + timedelta(days=1)
    gone = Client("gone", Role.REGISTRY, "register", (), (), None, at, "person:test")
    await journal.do(clients.NewClient(gone, Credential("x", "token", at, given_until), b"x"))
    client = Sender(client="gone", role="registry", changes=frozenset({"*"}))
    given: list[tuple[str, str, Sender | None]] = [("kind", "own", None), ("anywhere", "register", None)]
    given += [("revoked", "register", client), ("may", "own", None)]
    every = Policy(channels={name: ChannelSettings(changes=["*"]) for name in ("own", "register")})
    async with aclosing(Reception(journal, bus, policy=every)) as reception:
        for name, channel, sender in given:
            kind = "withdrawn" if name == "may" else "answered"
            body = {"type": "change", "message_id": name, "kind": kind, "number": f"N-{name}"}
            received = await reception.receive(Inbound(channel, "x", orjson.dumps(body)), sender=sender)
            assert isinstance(received, Received)
            assert received.waits
    await journal.do(clients.Revoking("gone"))
    now = Policy(channels={"register": ChannelSettings(changes=["*"])}, changes={Role.REGISTRY: ["*"]})
    async with aclosing(Reception(journal, BusSettings(), policy=now)) as reception:
        for name, channel in (("kind", "own"), ("anywhere", "own"), ("revoked", "register"), ("may", "own")):
            body = {"message_id": f"m-{name}", "number": f"N-{name}", "kind": "complaint", "text": "x"}
            assert isinstance(await reception.receive(Inbound(channel, "x", orjson.dumps(body))), Received)
    made = [
        [row.message_id for row in await journal.ask(journal_changes.changes, f"N-{name}") or ()]
        for name, _, _ in given
    ]
    assert made == [[], [], [], ["may"]]
    codes = {row.position: row.code for row in await journal.ask(quarantine.quarantined)}
    not_allowed = dict.fromkeys(("change kind", "change revoked"), "change.not_allowed")
    assert codes == {**not_allowed, "change anywhere": "change.foreign"}
    async with aclosing(Reception(journal, BusSettings(), policy=now)) as reception:
        for row in await journal.ask(quarantine.quarantined):  # and a replay says the same
            kept = await journal.ask(quarantine.quarantine_row, row.id)
            assert kept is not None
            assert (await retake(reception, kept, Retaking())).code == row.code
