"""The next release works a journal before this one, or beside it: nothing that it knows more is lost or an error."""

import asyncio
import json
import shutil
from collections import Counter

import pytest

from appealbus.core import Inbound, found, not_found
from appealbus.core.domain.document import PartRef, put_together, written
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import documents, figures
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Dossier, Person
from appealbus.schemas.stored import INPUTS
from tests.core.journal import next_release_works as theirs
from tests.core.kit import Receiver, lookup, message, running_bus
from tests.services import commands
from tests.services.journals import sqlite_journal
from tests.services.next_release import NextRelease
from tests.services.processes import PATIENCE


@pytest.fixture(scope="module")
def next_release(tmp_path_factory):
    return NextRelease(tmp_path_factory.mktemp("next"))


@pytest.fixture(autouse=True)
def given_time():
    """By the database's own clock: nothing is patched here."""


@pytest.fixture(scope="module")
def left(next_release, tmp_path_factory):
    """A folder with a journal that the next release has worked and left."""
    folder = tmp_path_factory.mktemp("left")
    with next_release.start(theirs.__file__, str(folder), sqlite_journal(folder / "journal.db")) as process:
        out, _ = process.communicate(timeout=60)
    assert out.split()[-1:] == ["done"], out
    return folder


@pytest.fixture
def worked(left, tmp_path):
    """A copy of it."""
    Receiver.got.clear()
    Receiver.broken.clear()
    shutil.copytree(left, tmp_path, dirs_exist_ok=True)
    return f"sqlite:///{tmp_path}/journal.db"


async def person(query, source):
    return found(Person(**theirs.PERSON))


async def consent(query, source):
    return not_found()


def ours(folder, url, **tables):
    """Run this release's bus over the journal, with the same lookups."""
    asked = [lookup("a.person", person, Person), lookup("b.consent", consent), lookup("c.queued", consent)]
    usual = {
        "bus": {"journal": url, "grace": 1, "key": str(folder / "journal.db.key")},
        "retry": {"first": "1h", "max": "1h"},
        "deliveries": {"out": {"kind": "receiver"}},
    }
    return running_bus(folder, *asked, **usual | tables)


async def test_it_is_all_read(worked, tmp_path):
    """A case, its questions and its dossier: what this release does not know stands where the next one put it."""
    async with await Journal.open(worked, key=tmp_path / "journal.db.key") as journal:
        first, second = await journal.ask(lists.appeals)
        case = await journal.ask(cases.case, first.number)
        assert (case.appeal.kind, case.appeal.kind.known) == ("manifesto", False)
        assert case.appeal.__pydantic_extra__ == {"tone": "angry"}
        states = {state.lookup: state for state in case.states}
        assert isinstance(states["a.person"].record, Person)
        assert states["a.person"].record.__pydantic_extra__["tax_residence"]["code"] == "KZ"
        assert states["a.person"].provenance.__pydantic_extra__ == {"consent": "c-1"}
        assert (states["b.consent"].kind, states["b.consent"].code) == ("consent_withdrawn", "consent.withdrawn")
        assert states["b.consent"].pending
        assert not states["b.consent"].kind.final
        dossier = json.loads(await journal.ask(documents.whole, first.number))
        assert dossier["seal"] == "s-1"
        assert dossier["signals"][0]["severity"] == "urgent"
        assert (first.state, second.state) == (AppealState.PARKED, AppealState.READY)


@pytest.mark.proof
async def test_this_release_goes_on_with_it(worked, tmp_path):
    """It delivers what the next one made, works what that left, keeps what it does not know, asks until it knows."""
    async with ours(tmp_path, worked) as bus:
        await bus.settle()
        first, second = await bus.journal.ask(lists.appeals)
        assert (first.version, first.state, second.version) == (1, AppealState.PARKED, 1)
        assert await bus.journal.do(leases.Retry(first.number)) == 2
        await bus.settle(parked=True)
        assert [row.state for row in await bus.journal.ask(lists.appeals)] == [AppealState.IDLE] * 2
        again = await bus.journal.do(leases.Retry(first.number))
        assert again == 0
        await bus.settle(parked=True)
    made = {(one.number, one.version): json.loads(one.dossier) for one in Receiver.got["out"]}
    assert len(made) == len(Receiver.got["out"])
    assert made.keys() == {(first.number, 1), (first.number, 2), (second.number, 1)}
    theirs_, after, other = made[first.number, 1], made[first.number, 2], made[second.number, 1]
    assert (theirs_["seal"], theirs_["completeness"]) == ("s-1", "partial")
    assert {each["outcome"] for each in theirs_["outcomes"]} == {"found", "consent_withdrawn", "queued"}
    assert after["completeness"] == other["completeness"] == "complete"
    assert after["appeal"] == theirs_["appeal"]
    assert after["facts"] == theirs_["facts"]
    assert other["appeal"]["tone"] == "angry"


async def test_a_change_keeps_what_it_is_not_about(worked, tmp_path):
    """The next form of the appeal has the field that only the next release knows."""
    async with ours(tmp_path, worked) as bus:
        change = {"type": "change", "message_id": "c-1", "kind": "corrected", "appeal_message_id": "m-1"}
        change |= {"corrected": {"text": "Түзетілген хат"}}
        await bus.accept(Inbound("test", "test:c-1", json.dumps(change).encode()))
        await bus.settle()
        first, _ = await bus.journal.ask(lists.appeals)
        told = json.loads(await bus.journal.ask(documents.whole, first.number))["appeal"]
        assert (told["text"], told["tone"], told["kind"]) == ("Түзетілген хат", "angry", "manifesto")


@pytest.mark.proof
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_both_work_one_journal(next_release, tmp_path, url):
    """At the same time: each appeal has its version and is delivered once, whoever makes it."""
    Receiver.got.clear()
    Receiver.broken.clear()
    with next_release.start(theirs.__file__, str(tmp_path), url, "stays") as process:
        lines = iter(process.stdout.readline, "")
        assert "done\n" in lines
        async with ours(tmp_path, url) as bus:
            for number in range(10, 20):
                await bus.accept(message(f"m-{number}", text="Хат"))
            async with asyncio.timeout(PATIENCE):
                await bus.settle()
                while (await bus.journal.ask(figures.counts)).outbox:
                    await asyncio.sleep(0.05)
            rows = await bus.journal.ask(lists.appeals)
            assert [row.version for row in rows] == [1] * 12
            for row in rows:
                await bus.journal.do(leases.Retry(row.number))
            async with asyncio.timeout(PATIENCE):
                while {row.state for row in await bus.journal.ask(lists.appeals)} - {
                    AppealState.IDLE,
                    AppealState.PARKED,
                }:
                    await asyncio.sleep(0.05)
        out, _ = process.communicate(timeout=30)
    by_us = Counter(one.message_id for one in Receiver.got.get("out", []))
    by_them = Counter(json.loads(out.split("\n")[-2]))
    assert max((by_us + by_them).values()) == 1
    assert {f"{row.number}/1" for row in rows} <= (by_us + by_them).keys()


COMMANDS = {
    ("dossier", "{}"): ("angry", "KZ", "urgent", "consent_withdrawn", "s-1"),
    ("dossier", "{}", "--json"): ('"tone":"angry"', '"seal":"s-1"', '"consent":"c-1"', "consent_withdrawn", "urgent"),
    ("dossier", "{}", "--format", "xml"): ("angry", "KZ", "urgent", "consent_withdrawn", "s-1"),
    ("why", "{}"): ("consent_withdrawn", "consent.withdrawn"),
    ("explain", "{}", "appeal.tone"): ("angry",),
    ("explain", "{}", "a.person/tax_residence.code"): ("KZ", "c-1"),
    ("history", "{}"): ("sealed", "00ff", "consent_withdrawn"),
    ("tail", "--after", "1.0", "--json"): ("sealed",),
    ("access", "list"): ("b.consent",),
    ("appeals",): ("parked",),
    ("deliveries", "list", "{}"): ("out",),
    ("quarantine", "list"): (),
    ("status",): ("parked",),
    ("sources",): (),
}


@pytest.mark.proof
async def test_every_command_shows_it(worked, tmp_path):
    """As it is: no command fails over it."""
    (tmp_path / "appealbus.toml").write_text(f'[bus]\njournal = "{worked}"\n')
    async with await Journal.open(worked, key=tmp_path / "journal.db.key") as journal:
        number = (await journal.ask(lists.appeals))[0].number
    assert commands.run(tmp_path, "enrol", "--yes").returncode == 0  # it lies in another place
    for command, shown in COMMANDS.items():
        done = commands.run(tmp_path, *(word.format(number) for word in command))
        assert done.returncode in (0, 1), (command, done.stderr)
        for text in shown:
            assert text in done.stdout, (command, text, done.stdout)


def test_inputs_keep_what_another_release_knows_of_them():
    """They stand in the version that this release makes, as the journal has them."""
    given = {"name": "iin", "value": "1", "path": "applicant.iin", "consent": "c-1"}
    inputs = INPUTS.read(json.dumps([given]).encode())
    moment = "2026-11-26T10:00:00Z"
    receipt = {"number": "1", "accepted_at": moment, "accepted_by": "x", "message_id": "1", "channel": "x"}
    form = {"number": "1", "version": 1, "completeness": "partial", "created_at": moment, "receipt": receipt}
    outcome = {"lookup": "a", "key": "k", "outcome": "timed_out", "ended_at": moment}
    made = Dossier.model_validate(
        {**form, "appeal": {"message_id": "1"}, "outcomes": [{**outcome, "inputs": list(inputs)}]}
    )
    kept = written(made, PartRef(b"", 0), [])
    (told,) = json.loads(put_together(kept.skeleton, [b"{}"]))["outcomes"]
    assert told["inputs"] == [given]
