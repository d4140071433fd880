"""`appealbus history` and `appealbus tail`: what has happened, to one appeal and to all."""

import json
import select
import signal
import sqlite3
import subprocess
from contextlib import aclosing, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core.cli import tail
from appealbus.core.cli.context import Cli
from appealbus.core.domain.event import Cursor, Event, EventType
from appealbus.core.errors import JournalError
from appealbus.core.journal import events, retention
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.errors import CursorRefused
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from tests.services.commands import PROGRAM
from tests.services.forms import form

FAILED = {"kind": "unavailable", "code": "http.503", "key": "99bb", "tries": [{"ms": 7, "kind": "unavailable"}]}


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


async def note(journal, *entries):
    """Write entries into the log, as writes of the journal do."""
    await journal._write.submit(lambda connection, items: [events.note(connection, each) for each in items], entries)


def runs(appeal_id, count):
    return [
        event
        for _ in range(count)
        for event in (
            Event(EventType.CLAIMED, appeal_id, "worker:w"),
            Event(EventType.ENDED, appeal_id, "worker:w", "egkn.parcel", FAILED),
            Event(EventType.PARKED, appeal_id, "worker:w", detail={"completeness": "partial"}),
        )
    ]


async def another(journal, message_id):
    content = Appeal(message_id=message_id, channel="files", kind=AppealKind.COMPLAINT, applicant=PersonApplicant())
    return (await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"))).receipt.number


@pytest.mark.proof
async def test_the_history_of_a_long_life(program, journal, accepted):
    """Twenty thousand entries are told in pages, however alike they are, and what failed is found among them."""
    number, count = accepted.receipt.number, form(700, 7000)
    await journal.do(suspects.Hold(number, by="olga", reason="the court asked"))
    await note(journal, *runs(accepted.appeal_id, count))
    done = program("history", number, "--limit", "1000")
    head, first, held, *rest, more = done.stdout.splitlines()
    assert head.startswith(f"{number}  accepted ")
    assert "accepted     from files, message m1, by appealbus" in first
    assert held.endswith("held         the court asked, by olga")
    assert [line[21:].split()[0] for line in rest] == ["egkn.parcel", "parked", "…", "claimed", "egkn.parcel"]
    assert "331 more runs like this until " in rest[2]
    assert more == "There may be more: --after 1000"
    last = program("history", number, "--after", str(3 * count))
    assert [line[21:].split()[0] for line in last.stdout.splitlines()[1:]] == ["egkn.parcel", "parked"]

    failed = program("history", number, "--failed", "--limit", "10").stdout.splitlines()
    assert [line[21:].split()[0] for line in failed[1:]] == ["held", "egkn.parcel", "…", "after"]
    (entry,) = lines(program("history", number, "--json", "--limit", "1"))
    assert (entry["position"], entry["what"], entry["detail"]["message_id"]) == (1, "accepted", "m1")


async def test_a_beginning_that_is_not_there_is_said(program, journal, accepted, tmp_path):
    """Where the log is younger than the appeal, and where its beginning is deleted."""
    number = accepted.receipt.number
    assert program("history", "AB-7").returncode == 3
    await journal.do(suspects.Hold(number, by="olga", reason="x"))
    with closing(sqlite3.connect(tmp_path / "appealbus.db")) as connection, connection:
        connection.execute("UPDATE log_entry SET what = 'migrated', appeal_id = NULL WHERE position = 1")
    assert "This appeal came before the log began" in program("history", number).stdout
    await retention.prune_log(journal, datetime.now(UTC) + timedelta(days=1))
    await journal.do(suspects.Releasing(number))
    told = program("history", number).stdout
    assert "The beginning is gone: the log is kept for some time alone. It goes back to " in told
    assert "released" in told


@pytest.mark.proof
async def test_tail_filters_and_goes_on(program, journal, accepted):
    """Whatever is left out, the cursor at the end is that of the log; from there nothing comes twice."""
    number = accepted.receipt.number
    for index in range(30):
        await another(journal, f"x{index}")
    await note(journal, *runs(accepted.appeal_id, 2))
    assert len(program("tail").stdout.splitlines()) == 20
    first = lines(program("tail", "--after", "1.0", "--json"))
    assert [entry["cursor"] for entry in first[:-1]] == [f"1.{position}" for position in range(1, 38)]
    assert first[-1] == {"next": "1.37"}
    some = lines(program("tail", "--what", "ended", "--what", "parked", "--last", "3", "--json"))
    assert [(entry.get("cursor"), entry.get("what")) for entry in some] == [
        *(("1.34", "parked"), ("1.36", "ended"), ("1.37", "parked"), (None, None)),
    ]
    assert [line.split()[0] for line in program("tail", "--source", "egkn.parcel").stdout.splitlines()] == [
        "1.33",
        "1.36",
    ]
    assert lines(program("tail", "--number", number, "--actor", "client:files", "--json"))[0]["cursor"] == "1.1"
    assert lines(program("tail", "--after", "1.37", "--json")) == [{"next": "1.37"}]
    done = program("tail", "--number", "AB-7", "--after", "1.3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Go on from here with --after 1.37\n")


@pytest.mark.proof
async def test_tail_says_where_to_start_again(program, journal, accepted):
    """A cursor from which nobody can go on is refused, with its own exit code."""
    await another(journal, "x")
    for cursor, code, said in (
        ("1.3", 3, "does not reach as far"),
        ("2.1", 3, "an epoch that this journal has not had"),
        ("1", 2, "EPOCH.POSITION"),
    ):
        done = program("tail", "--after", cursor)
        assert (done.returncode, done.stdout, said in done.stderr) == (code, "", True)
    await retention.prune_log(journal, datetime.now(UTC) + timedelta(days=1))
    done = program("tail", "--after", "1.0")
    assert (done.returncode, "start again from 1.2" in done.stderr) == (3, True)
    assert "pruned" in program("tail").stdout


@pytest.mark.proof
async def test_tail_follows_until_it_is_stopped(journal, accepted, tmp_path):
    """What happens is shown within a second or two; Ctrl-C ends it, and says from where to go on."""
    # Whoever runs the tests in the background may have told all below to ignore Ctrl-C.
    command = ["env", "--default-signal=INT", PROGRAM, "tail", "--follow", "--last", "0", "--what", "held", "--json"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **piped) as program:  # noqa: ASYNC220 - it is watched from here
        try:
            await journal.do(suspects.Hold(accepted.receipt.number, by="olga", reason="x"))
            for _ in range(100):  # it may have started before, or after
                await journal.do(suspects.Releasing(accepted.receipt.number))
                await journal.do(suspects.Hold(accepted.receipt.number, by="olga", reason="x"))
                if select.select([program.stdout], [], [], 0.3)[0]:
                    break
            assert json.loads(program.stdout.readline())["what"] == "held"
            program.send_signal(signal.SIGINT)
            rest, _ = program.communicate(timeout=30)
        finally:
            program.kill()
    assert program.returncode == 130
    assert json.loads(rest.splitlines()[-1])["next"].startswith("1.")


async def test_tail_waits_for_a_journal_that_is_away(journal, accepted, monkeypatch, capsys):
    """It says so once, tries again, and shows what came meanwhile; a refused cursor ends it."""
    cli = Cli(None)
    opened = 0

    @asynccontextmanager
    async def ways():
        nonlocal opened
        opened += 1
        if opened in (2, 3):
            raise JournalError("the journal failed: the database cannot be reached", "unreachable")
        if opened == 4:
            await journal.do(suspects.Hold(accepted.receipt.number, by="olga", reason="x"))
        yield journal

    monkeypatch.setattr(cli, "journal", ways)
    monkeypatch.setattr(tail, "_ANEW", 0.0)
    monkeypatch.setattr(tail, "_SOONEST", 0.01)
    shown, place = [], None
    everything = tail.TailFilter((), None, None, None)
    async with aclosing(tail._pages(cli, everything, tail.Start(None, 5, follow=True))) as pages:
        async for entries, reached in pages:
            shown, place = [*shown, *(entry.what for entry in entries)], reached
            if "held" in shown:
                break
    assert (shown, str(place), opened) == (["accepted", "held"], "1.2", 4)
    assert capsys.readouterr().err.count("cannot be read, and is tried again") == 1

    await retention.prune_log(journal, datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(CursorRefused):
        async for _ in tail._pages(cli, everything, tail.Start(Cursor(1, 0), 5, follow=True)):
            pass


@pytest.mark.parametrize("end", [(KeyboardInterrupt, '{"next":"1.2"}'), (BrokenPipeError, "")])
async def test_whoever_stops_within_a_page_goes_on_within_it(end, journal, accepted, monkeypatch, capsys):
    """The cursor at the end is that of the last entry that was shown; there is none where nobody knows which it is."""
    await note(journal, *runs(accepted.appeal_id, 2))
    cli, (stop, said) = Cli(None), end
    wanted, start = tail.TailFilter((), None, None, None), tail.Start(Cursor(1, 0), 0, follow=False)

    @asynccontextmanager
    async def way():
        yield journal

    def show(cli, entry, epoch, *, as_json):
        if entry.position == 3:
            raise stop

    monkeypatch.setattr(cli, "journal", way)
    monkeypatch.setattr(tail, "_show", show)
    with pytest.raises(stop):
        await tail._tail(cli, wanted, start, as_json=True)
    assert capsys.readouterr().out.strip() == said
