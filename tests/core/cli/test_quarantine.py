"""`appealbus quarantine`: what is taken again, closed, and handed out as it came."""

import json
import os
import pty
import subprocess
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from appealbus.core.bus.intake.quarantine import _named
from appealbus.core.bus.intake.quarantine_replay import Retaking, retake
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal import log, quarantine
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.quarantine import NewQuarantine, QuarantineRow
from tests.services import commands


async def test_a_message_that_was_cut_says_so(program, journal):
    """Not that its JSON ends too early: nobody can mend that here."""
    raw = b'{"text": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    taken = await Reception(journal, BusSettings()).accept(Inbound("files", "a.jsonl:1", raw))
    assert isinstance(taken, Quarantined)
    row = await journal.ask(quarantine.quarantine_row, taken.quarantine_id)
    assert len(row.raw) == 65536
    for more in ((), ("--dry-run",)):
        done = program("quarantine", "replay", str(row.id), *more)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"{row.id} a.jsonl:1: only the first 65536 bytes of this message are kept; "
            "its sender has to send a smaller one\n"
        )
    assert "the most is 4194304: it was cut and cannot be replayed" in program("quarantine", "list").stdout


@pytest.mark.proof
async def test_a_letter_whose_id_belongs_to_another_is_taken_under_a_new_one(program, journal):
    """Replayed as it is it stays, and says what to do; with an id of its own it becomes an appeal."""
    reception = Reception(journal, BusSettings())
    first, differs = [
        await reception.accept(
            Inbound("files", "a.jsonl:1", b'{"message_id": "m", "kind": "report", "text": "%s"}' % text)
        )
        for text in (b"one", b"two")
    ]
    assert (differs.code, first.receipt.number in differs.reason) == ("message.differs", True)
    kept = str(differs.quarantine_id)
    for more in ((), ("--dry-run",)):
        done = program("quarantine", "replay", kept, *more)
        assert done.returncode == 1
        assert f"its message id belongs to appeal {first.receipt.number}" in done.stderr
    assert "taken later" not in program("quarantine", "list").stdout
    done = program("quarantine", "replay", kept, "--message-id", "m-2")
    assert (done.returncode, "taken as AB-" in done.stdout) == (0, True)
    row = (await journal.ask(lists.appeals))[1]
    assert row.message_id == "m-2"
    assert (await journal.ask(cases.case, row.number)).appeal.text == "two"
    assert program("quarantine", "replay", "--all", "--message-id", "x").returncode == 2


def as_bytes(folder, *arguments, out=subprocess.PIPE):
    """Run the program where its output is no text."""
    argv, environment = [commands.PROGRAM, *arguments], commands.own_environment()
    return subprocess.run(
        argv, check=False, cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE, timeout=60
    )


async def kept(journal, raw=b"{", position="a.jsonl:1", channel="files"):
    """Put a message into quarantine; return its id as a command takes it."""
    taken = await Reception(journal, BusSettings()).accept(Inbound(channel, position, raw))
    assert isinstance(taken, Quarantined)
    return str(taken.quarantine_id)


@pytest.mark.proof
async def test_a_message_is_handed_out_byte_for_byte(program, journal, tmp_path):
    """To a pipe or into a new file of its owner's; each time it is noted, and on a terminal it is refused."""
    raw = b'{"text": "\x1b[2J\x00\xff\r\n'
    one = await kept(journal, raw)
    piped = as_bytes(tmp_path, "quarantine", "show", one, "--raw")
    assert (piped.returncode, piped.stdout) == (0, raw)
    for code in (0, 2):  # the second time there is such a file
        assert program("quarantine", "show", one, "--output", "m.bin").returncode == code
        assert ((tmp_path / "m.bin").read_bytes(), (tmp_path / "m.bin").stat().st_mode & 0o777) == (raw, 0o600)
    assert program("quarantine", "show", one, "--output", "none/m.bin").returncode == 2
    assert program("quarantine", "show", one, "--raw", "--json").returncode == 2
    ours, theirs = pty.openpty()
    shown = as_bytes(tmp_path, "quarantine", "show", one, "--raw", out=theirs)
    os.close(theirs)
    os.close(ours)
    assert (shown.returncode, b"--output FILE" in shown.stderr) == (2, True)
    entries = (await journal.ask(log.page, None, 100)).entries
    assert [e.detail for e in entries if e.what == "read"] == [{"as": "quarantine", "id": int(one)}] * 3


@pytest.mark.proof
async def test_what_is_closed_says_by_whom_and_can_still_be_taken(program, journal):
    """A closed message is in no count and in no replay of all; it is shown on request, and taken only on purpose."""
    one = await kept(journal, b'{"message_id": "m", "kind": "report", "applicant": 5, "text": "')
    two = await kept(journal, b"[]")
    assert program("quarantine", "close", one, "--reason", " ").returncode == 2
    done = program("quarantine", "close", one, "99", "--reason", "sent anew")
    assert (done.returncode, done.stdout) == (1, f"{one} closed\n")
    assert done.stderr.endswith("99 there is no such message in quarantine\n")
    assert program("quarantine", "close", "99", "--reason", "r").returncode == 3
    again = json.loads(program("quarantine", "close", one, "--reason", "r", "--json").stdout)
    assert again[0]["text"].endswith(": sent anew")
    assert [row["id"] for row in json.loads(program("quarantine", "list", "--json").stdout)] == [int(two)]
    for more in ("--closed", "--all"):
        assert ": sent anew" in program("quarantine", "list", more).stdout
    assert "sent anew" in program("quarantine", "show", one).stdout
    assert json.loads(program("quarantine", "replay", "--all", "--json").stdout)[0]["id"] == int(two)
    refused = program("quarantine", "replay", one)
    assert (refused.returncode, "--anyway" in refused.stderr) == (1, True)


async def test_a_copy_that_came_meanwhile_is_told_and_makes_no_second_appeal(program, journal):
    """By its message id in what cannot be read, by its number in what can; a person may insist."""
    broken = await kept(journal, b'{"message_id": "m-\\u0031", "number": "X-1", "text": "no end')
    reception = Reception(journal, BusSettings())
    corrected = await reception.accept(Inbound("files", "b:1", b'{"message_id": "m-1", "text": "with an end"}'))
    assert isinstance(corrected, Taken)
    number = corrected.receipt.number
    assert f"meanwhile appeal {number} came" in program("quarantine", "list").stdout
    listed = json.loads(program("quarantine", "list", "--json").stdout)
    assert listed[0]["came_as"] == number
    refused = program("quarantine", "replay", broken)
    assert (refused.returncode, number in refused.stderr) == (1, True)
    assert f"quarantine close {broken}" in refused.stderr

    # The cause of this one is mended: its id belongs to nobody, and another message has brought its number.
    letter = b'{"message_id": "%s", "number": "X-2", "text": "the same letter"}'
    row = NewQuarantine(datetime.now(UTC), "files", "a.jsonl:2", "it was so", letter % b"m-2", "application/json")
    readable = str(await journal.do(row))
    assert isinstance(await reception.accept(Inbound("files", "b:2", letter % b"m-3")), Taken)
    for more in ((), ("--dry-run",)):
        refused = program("quarantine", "replay", readable, *more, "--json")
        told = json.loads(refused.stdout)[0]
        assert (refused.returncode, told["done"], told["number"]) == (1, False, "X-2")
    assert len(await journal.ask(lists.appeals)) == 2
    taken = json.loads(program("quarantine", "replay", readable, "--anyway", "--json").stdout)[0]
    assert (taken["done"], taken["number"].startswith("AB-")) == (True, True)


async def test_names_are_found_in_what_cannot_be_read():
    """In JSON and XML, whatever stands around them; what a citizen quotes is no name, and a change is no copy."""
    row = QuarantineRow(1, datetime.now(UTC), "files", "a:1", "r", b"", "application/json")
    for head, message_id, number in (
        (b'{"text": "\\"message_id\\": \\"a\\"", "message_id" : "b", "number":"N/1"', "b", "N/1"),
        (b"<a:appeal><a:message_id>x&amp;y</a:message_id><number>7</number><text>", "x&y", "7"),
        (b'{"type": "change", "message_id": "c", "number": "N-1",', "c", None),
        (b'\xff\xfe{"message_id": 5', None, None),
        (b'{"message_id": "\\x"', None, None),
        (b'{"message_id": "a\\u0000", "number": "\\ud800"', None, None),
        (b"<message_id>a&#0;b\x01</message_id>", None, None),
        (b"", None, None),
    ):
        named = _named(row, head)
        assert (named.message_id, named.number) == (message_id, number)


async def test_who_was_late_is_told_of_no_copy(journal):
    """Of two who take a message at once the slower hears that somebody was faster: what came is that very message."""
    letter = b'{"message_id": "m", "kind": "report", "text": "a letter"}'
    one = NewQuarantine(datetime.now(UTC), "files", "a.jsonl:1", "it was so", letter, "application/json")
    row = await journal.ask(quarantine.quarantine_row, await journal.do(one))
    async with aclosing(Reception(journal, BusSettings())) as reception:
        told = [await retake(reception, row, Retaking()) for _ in range(2)]
    assert [(each.taken, each.code, each.is_copy) for each in told] == [
        (True, "", False),
        (False, "quarantine.left", False),
    ]
    assert told[1].number is None
