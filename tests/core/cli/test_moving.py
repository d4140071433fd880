"""`appealbus retry`, `hold` … on a selection: shown with a hash, done to what was confirmed, stopped, gone on with."""

import json
import os
import pty
import signal
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import NullPool, create_engine, func, insert, select, text

from appealbus.core.journal.appeals import leases, lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.events import log_unplaced
from appealbus.core.journal.operations import PART
from appealbus.core.journal.tables import appeal
from appealbus.schemas.appeal import Appeal, PersonApplicant
from appealbus.schemas.dossier import Completeness
from tests.services import commands
from tests.services.processes import PATIENCE, until

_MANY = 5 * PART


@pytest.mark.proof
async def test_many_are_held_and_let_go(program, journal, accepted):
    """First what it would be, then what was confirmed; the hash of another selection is refused."""
    number = accepted.receipt.number
    shown = program("hold", "--kind", "complaint")
    assert (shown.returncode, number in shown.stdout, "nothing is done yet" in shown.stdout) == (0, True, True)
    told = json.loads(program("hold", "--kind", "complaint", "--json").stdout)
    assert (told["operation"], told["count"], told["selected_by"]) == ("hold", 1, {"kind": "complaint"})
    assert f"--yes {told['hash']}" in shown.stdout

    confirmed = ("hold", "--kind", "complaint", "--yes")
    assert program(*confirmed, told["hash"]).returncode == 2  # why?
    wrong = program(*confirmed, "0123456789abcdef", "--reason", "the court asked")
    assert (wrong.returncode, "the selection is another one" in wrong.stderr) == (1, True)
    done = program(*confirmed, told["hash"], "--reason", "the court asked")
    assert (done.returncode, done.stdout) == (0, "1 done\n")
    assert "operation.begun" in done.stderr
    assert "court" not in done.stderr

    again = program(*confirmed, told["hash"], "--reason", "the court asked", "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["not_done"] == [{"row": number, "verdict": "held"}]
    assert f"{number}: refused: it is held" in program(*confirmed, told["hash"], "--reason", "x").stdout
    tail = program("tail").stdout
    assert f"hold 1 by kind complaint, operation {told['hash']}: the court asked, by" in tail
    assert f"hold, operation {told['hash']}: 1 held" in tail

    free = json.loads(program("release", "--kind", "complaint", "--json").stdout)
    assert (free["count"], free["selected_by"]) == (1, {"state": "held", "kind": "complaint"})
    assert program("release", "--kind", "complaint", "--yes", free["hash"], "--reason", "over").stdout == "1 done\n"
    assert f"worked again, operation {free['hash']}: over" in program("history", number).stdout


async def test_what_is_unassessed_is_assessed_again(program, journal, accepted):
    """It is listed with the name of the assessor; the command takes a selection, and no number."""
    appeal_id, number = accepted.appeal_id, accepted.receipt.number
    how = {"completeness": Completeness.COMPLETE, "unassessed": ["minor"], "misdated": True}
    await journal.conclude(Conclusion(appeal_id, dossier=b"{}", version=1, **how))
    assert ", unassessed by minor, a date of it does not count" in program("appeals", "--unassessed").stdout
    assert number in program("appeals", "--misdated").stdout
    assert number not in program("appeals", "--lacking").stdout
    assert "1 complete, unassessed by minor, misdated" in program("history", number).stdout
    told = program("health")
    assert "assessor minor" in told.stdout
    assert program("assess").returncode == program("assess", number).returncode == 2
    shown = json.loads(program("assess", "--unassessed", "--json").stdout)
    assert (shown["operation"], shown["count"]) == ("assess", 1)
    confirmed = ("assess", "--unassessed", "--yes", shown["hash"], "--reason", "mended")
    assert program(*confirmed).stdout == "1 done\n"
    assert (await journal.ask(lists.appeal_row, number)).state == "ready"
    assert "to be assessed again" in program("history", number).stdout


@pytest.mark.proof
async def test_what_was_held_by_source_is_let_go_by_source(program, journal, accepted):
    """Those that waited for the source when they were held, by one operation or one by one, and no others."""
    numbers = [accepted.receipt.number]
    for count in range(3):
        content = Appeal(message_id=f"w{count}", channel="files", kind="complaint", applicant=PersonApplicant())
        new = await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"), owner="me")
        waits_for = ("gbdfl",) if count == 2 else ("egkn", "gbdul")
        later = journal.now() + timedelta(hours=1)
        none = {"dossier": b"{}", "version": 1, "completeness": Completeness.PARTIAL}
        await journal.conclude(Conclusion(new.appeal_id, **none, due_at=later, waits_for=waits_for))
        numbers.append(new.receipt.number)
    first, one, two, other = numbers
    assert program("hold", first, "--reason", "x").returncode == 0
    assert program("hold", other, "--reason", "x").returncode == 0
    assert program("hold", one, "--reason", "x").returncode == 0
    held = json.loads(program("hold", "--source", "egkn", "--json").stdout)
    assert held["count"] == 1
    assert program("hold", "--source", "egkn", "--yes", held["hash"], "--reason", "x").stdout == "1 done\n"
    free = json.loads(program("release", "--source", "egkn", "--json").stdout)
    assert (free["count"], free["selected_by"]) == (2, {"state": "held", "source": "egkn"})
    assert program("release", "--source", "egkn", "--yes", free["hash"], "--reason", "over").stdout == "2 done\n"
    states = {row.number: row.state for row in await journal.ask(lists.appeals)}
    assert states == {first: "held", other: "held", one: "ready", two: "ready"}
    # What has waited once, and is held while it is worked, waits for nobody.
    assert program("hold", one, "--reason", "x").returncode == 0
    assert json.loads(program("release", "--source", "egkn", "--json").stdout)["count"] == 0


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("retry",), 2, "write NUMBER, or say which appeals are meant"),
        (("retry", "AB-0", "--kind", "complaint"), 2, "not both"),
        (("retry", "--yes", "0123456789abcdef"), 3, "is under way; say which rows are meant"),
        (("refresh", "AB-0"), 3, "There is no appeal AB-0"),
        (("release", "--kind", "complaint", "--reason", " "), 2, "--reason"),
    ],
)
async def test_what_is_no_command_line(program, journal, command, code, told):
    """It says what to write."""
    done = program(*command)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


async def test_nothing_is_selected(program, journal):
    """That is no problem, and nothing to confirm."""
    assert program("retry", "--source", "egkn").stdout == "There is none like that.\n"
    done = program("retry", "--source", "egkn", "--yes", "0123456789abcdef", "--reason", "x")
    assert (done.returncode, done.stderr) == (1, "There is none like that any more.\n")


async def test_a_reason_is_on_record_for_one_appeal_too(program, journal, accepted):
    """Whoever reads its life sees why."""
    number = accepted.receipt.number
    await journal.do(leases.Release("me"))
    assert program("retry", number, "--reason", "egkn is mended").returncode == 0
    assert "to be asked again: egkn is mended, by" in program("history", number).stdout
    assert json.loads(program("refresh", number, "--json").stdout) == {"number": number, "questions": 0, "closed": None}


@pytest.mark.proof
@pytest.mark.parametrize(("answers", "told"), [("y\nthe court asked\n", "1 done"), ("n\n", "Nothing is changed.")])
def test_a_terminal_is_asked(accepted, tmp_path, answers, told):
    """There it shows, asks whether to do it and why, and no hash has to be copied."""
    ours, terminal = pty.openpty()
    os.write(ours, answers.encode())
    done = subprocess.run(
        [commands.PROGRAM, "hold", "--kind", "complaint"],
        cwd=tmp_path,
        env=commands.own_environment(),
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(terminal)
    os.close(ours)
    assert (done.returncode, done.stdout.splitlines()[-1].strip()) == (0, told), done.stderr
    assert "Do it?" in done.stderr


@pytest.mark.proof
def test_ctrl_c_in_the_middle(program, tmp_path, journal_database):
    """It says what is done, and so it is; the hash alone goes on with the others, and each was held once.

    Two rows are locked: it waits at the first when it is told to end, and cannot get past the second before it does.
    """
    (tmp_path / "appealbus.toml").write_text(f'bus = {{ journal = "{journal_database}" }}')
    database = create_engine(journal_database, poolclass=NullPool)
    with database.connect() as first, database.connect() as second:
        with database.begin() as filling:
            filling.execute(insert(appeal), [_row(number) for number in range(1, _MANY + 1)])
        mark = json.loads(program("hold", "--kind", "complaint", "--json").stdout)["hash"]
        for blocker, number in ((first, PART + 1), (second, 3 * PART + 1)):
            blocker.execute(select(appeal.c.id).where(appeal.c.id == number).with_for_update())
        order = ("hold", "--kind", "complaint", "--yes", mark, "--reason", "the court asked")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            running = commands.start(
                tmp_path, *order, environment=commands.own_environment(), out=out.fileno(), err=err.fileno()
            )
            until(lambda: _one_waits(database), "it waits for a row")
            running.send_signal(signal.SIGINT)
            first.rollback()
            assert running.wait(PATIENCE) == 130
            err.seek(0)
            told = err.read().decode()
        second.rollback()
        count = _held(database)
        assert PART < count < _MANY
        assert f"Stopped: {count} of {_MANY} rows have their verdict. `--yes {mark}` alone goes on" in told
        others = program("retry", "--source", "egkn")
        assert f"Not finished: hold, {count} of {_MANY} rows, begun" in others.stderr
        assert f"the court asked; `hold --yes {mark}` goes on." in others.stderr
        other = program("release", "--yes", mark)
        assert (other.returncode, f"{mark} is something else. Not finished: hold" in other.stderr) == (1, True)
        done = program("hold", "--yes", mark)
        assert (done.returncode, done.stdout) == (0, f"{_MANY} done\n")
        assert _held(database) == _MANY
        entry = log_unplaced.c  # where no bus runs nobody gives them a place
        noted = select(func.count(), func.count(entry.appeal_id.distinct())).where(entry.what == "held")
        with database.connect() as connection:
            assert connection.execute(noted).one() == (_MANY, _MANY)


def _row(number):
    now = datetime.now(UTC)
    return {
        "id": number,
        "channel": "files",
        "message_id": f"m{number}",
        "number": f"AB-2026-{number:08}",
        "accepted_at": now,
        "accepted_by": "x",
        "urgency": 740_000,
        "state": "idle",
        "version": 1,
        "changed_at": now,
        "content": b"",
        "kind": "complaint",
    }


def _held(database):
    with database.connect() as connection:
        return connection.scalar(select(func.count()).where(appeal.c.state == "held"))


def _one_waits(database):
    ask = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.connect() as connection:
        return connection.scalar(text(ask)) > 0
