"""Whoever looks at personal data is on record before anything is shown."""

import asyncio
import json
import os
import pwd
import signal
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appealbus.core.cli import person as persons
from appealbus.core.cli.audit_reads import look
from appealbus.core.cli.context import Cli
from appealbus.core.cli.person import person
from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.journal import access, state, workers
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness
from tests.services.journals import sqlite_journal

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
async def worked(journal, accepted):
    """The appeal with a version."""
    document = {
        "number": accepted.receipt.number,
        "version": 1,
        "completeness": "complete",
        "created_at": "2026-11-24T10:00:00Z",
        "receipt": json.loads(accepted.receipt.model_dump_json()),
        "appeal": {"message_id": "m1", "kind": "complaint", "applicant": {"type": "person", "surname": "Серіков"}},
    }
    ended = {"version": 1, "completeness": Completeness.COMPLETE, "receivers": [], "due_at": None}
    await journal.conclude(Conclusion(accepted.appeal_id, dossier=json.dumps(document).encode(), **ended))
    return accepted.receipt.number


def looks(folder):
    with closing(sqlite3.connect(folder / "appealbus.db")) as connection:
        rows = connection.execute(
            "SELECT actor, appeal_id, detail FROM log_entry WHERE what = 'read' ORDER BY position"
        )
        return [(actor, appeal_id, json.loads(detail)) for actor, appeal_id, detail in rows]


@pytest.mark.proof
async def test_looks_at_personal_data_are_noted(program, journal, worked, tmp_path):
    """Each command that shows some, with the person and what it showed; none that shows none, or nothing."""
    await journal.do(NewQuarantine(datetime.now(UTC), "files", "a:1", "not JSON", b"{", "application/json"))
    for arguments in (["appeals"], ["quarantine", "list"]):
        assert program(*arguments).returncode == 0
    for arguments in (["dossier", "AB-7"], ["quarantine", "show", "9"], ["explain", worked, "appeal.nothing"]):
        assert program(*arguments).returncode == 3
    assert looks(tmp_path) == []

    assert "Серіков" in program("dossier", worked).stdout
    assert program("why", worked).returncode == 0
    assert program("explain", worked, "appeal.applicant.surname").returncode == 0
    assert program("access", "list", "--number", worked).returncode == 0
    assert program("access", "list", "--after", "5").returncode == 0
    assert program("quarantine", "show", "1").returncode == 0
    assert looks(tmp_path) == [
        (f"person:{ME}", 1, {"as": "dossier", "version": 1}),
        (f"person:{ME}", 1, {"as": "why", "version": 1}),
        (f"person:{ME}", 1, {"as": "explain", "version": 1}),
        (f"person:{ME}", 1, {"as": "access", "after": 0, "rows": 0}),
        (f"person:{ME}", None, {"as": "access", "after": 5, "rows": 0}),
        (f"person:{ME}", None, {"as": "quarantine", "id": 1}),
    ]


async def test_what_cannot_be_noted_is_not_shown(program, journal, worked, tmp_path):
    """A journal that must not be written shows nothing, unless it is said to be a copy; that must be one."""
    mark = tmp_path / "appealbus.db.checkpoint"
    standing = await journal.ask(state.how_it_stands)
    ahead = {"journal": standing.journal, "epoch": standing.epoch, "beat": standing.beat + 1000, "clock": None}
    mark.write_text(json.dumps(ahead))
    done = program("dossier", worked)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("Who looks cannot be noted, so nothing is shown: this journal is an older copy")
    assert "Серіков" in program("dossier", worked, "--copy").stdout
    assert looks(tmp_path) == []

    await journal.do(workers.Beat(WorkerState("w1", "host", 1, datetime.now(UTC)), [], 60.0))
    done = program("dossier", worked, "--copy")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is no copy" in done.stderr


@pytest.mark.parametrize(
    ("login", "sudo", "who"),
    [
        (None, None, ME),
        (None, "aidos", f"aidos/{ME}"),
        (None, "root/aidos\n", f"root_aidos/{ME}"),
        (2**32 - 1, "aidos", f"aidos/{ME}"),
        (os.geteuid(), None, ME),
        (54321, "aidos", f"54321/{ME}"),
    ],
)
def test_who_a_person_is(monkeypatch, tmp_path, login, sudo, who):
    """Who logged in, by the kernel, else as sudo says, and the account in which the command runs."""
    monkeypatch.setattr(persons, "_LOGIN", tmp_path / "loginuid")
    if login is not None:
        (tmp_path / "loginuid").write_text(str(login))
    monkeypatch.delenv("SUDO_USER", raising=False)
    if sudo is not None:
        monkeypatch.setenv("SUDO_USER", sudo)
    assert person() == who


async def test_one_command_says_who_looked(program, journal, tmp_path):
    """At an appeal, and at all that name a person: who read and which sources were asked; this look is noted, too."""
    iin = "900101300017"
    content = Appeal(
        message_id="m2", channel="files", kind=AppealKind.COMPLAINT, applicant=PersonApplicant(iin=iin), text=""
    )
    taken = await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"))
    number = taken.receipt.number
    assert program("access", "looks", number).stdout == "Nobody has looked.\n"
    row = AccessRow(
        "q1", datetime.now(UTC), "appealbus", iin, "gbdfl", "gbdfl.person", number, "identify", "law", Served.SOURCE
    )
    await journal.do(access.Asking([replace(row, appeal_id=taken.appeal_id)]))
    (tmp_path / "who").write_text(iin)
    asked = ("access", "looks", "--person-file", "who", "--json")
    done = program(*asked, "--purpose", "the court asked")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["appeals"], found["more"]) == (1, False)
    assert [(each["actor"], each["what"]) for each in found["looks"]] == [(ME, "read"), ("appealbus", "asked")]
    assert all(each["number"] == number for each in found["looks"])
    assert looks(tmp_path)[-1][2] == {"as": "looks", "found": 1, "purpose": "the court asked"}
    assert f"{ME} read looks" in program("access", "looks", number).stdout


async def test_looks_want_one_thing_named(program, journal):
    """A number or somebody; an appeal that is not there is 3, and without an answer the hint names the option."""
    assert program("access", "looks").returncode == 2
    assert program("access", "looks", "AB-1", "--person").returncode == 2
    assert program("access", "looks", "AB-1").returncode == 3
    nobody = program("access", "looks", "--person")
    assert (nobody.returncode, "--purpose" in nobody.stderr) == (130, True)


def test_ctrl_c_ends_a_look_whose_thread_goes_on(tmp_path, monkeypatch):
    """Letters may be compared in it for minutes: whoever gives up waits for nobody."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "appealbus.toml").write_text(f'[bus]\njournal = "{sqlite_journal(tmp_path / "journal.db")}"\n')
    over, ended, before = threading.Event(), [], signal.signal(signal.SIGINT, signal.default_int_handler)

    async def read(journal):
        threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
        await asyncio.to_thread(lambda: ended.append(over.wait(5)))

    try:
        with pytest.raises(KeyboardInterrupt):
            look(Cli(None), read, "repeats", copy=True)
        assert ended == []
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)
