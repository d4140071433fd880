"""`appealbus restored` and `appealbus clock accept`, and what refuses to go on without them."""

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core import clocks
from appealbus.core.cli import opening
from appealbus.core.cli.terminal import Terminal
from appealbus.core.config.models import BusSettings
from appealbus.core.journal import mark as mark_module
from appealbus.core.journal import state
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from tests.services.day import today
from tests.services.journals import sqlite_journal

pytestmark = pytest.mark.usefixtures("configured")
FILE = "appealbus.db.checkpoint"


@pytest.fixture
def copied(program, tmp_path):
    """A folder with an older copy in the place of its journal."""
    assert program("prune").returncode == 0
    shutil.copy(tmp_path / "appealbus.db", tmp_path / "backup.db")
    assert program("prune").returncode == 0
    (tmp_path / "appealbus.db").rename(tmp_path / "right.db")
    (tmp_path / "backup.db").rename(tmp_path / "appealbus.db")


@pytest.mark.proof
def test_an_older_copy_is_refused_until_it_is_called_restored(program, copied, tmp_path):
    """By every command that writes, as often as it is tried; those that read go on, and `check` says it."""
    for _ in range(2):
        refused = program("run", "--until-idle")
        assert refused.returncode == 4
        assert "this journal is an older copy: it goes up to 20" in refused.stderr
        assert "run `appealbus restored`" in refused.stderr
    assert "an older copy" in program("check").stderr
    assert program("status").returncode == 0
    asked = program("restored")
    assert asked.returncode == 130  # nobody confirms
    done = program("restored", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"in epoch 2; its next number is AB-{today().year}-2-…" in done.stdout
    assert [line[:2] for line in done.stdout.splitlines()[1:]] == ["1.", "2.", "3."]
    assert "send again all that it sent since 20" in done.stdout
    assert program("run", "--until-idle").returncode == 0
    assert "epoch       2" in program("status").stdout


@pytest.mark.proof
async def test_who_was_cut_off_is_told_the_same_moment_again(program, copied, tmp_path):
    """Others had worked the copy: channels would send again less than was lost. It is lacking until the next start."""
    assert program("prune").returncode == 4
    found = Checkpoint(tmp_path / FILE).read().since
    await asyncio.sleep(1.1)
    async with await Journal.open(f"sqlite:///{tmp_path}/appealbus.db") as journal:
        await journal.look()
        await journal.look()
    for _ in range(2):
        assert f"sent since {found:%Y-%m-%d %H:%M:%S} UTC" in program("restored", "--yes").stdout
    assert program("prune").returncode == 0
    assert f"sent since {found:%Y-%m-%d %H:%M:%S} UTC" not in program("restored", "--yes").stdout


async def test_the_right_journal_is_gone_on_with_once_it_is_back(program, copied, tmp_path, monkeypatch):
    """However long it was away: so the refusal says. Where another journal was named by mistake, nothing is noted."""
    mark = Checkpoint(tmp_path / FILE)
    (tmp_path / "appealbus.db").rename(tmp_path / "copy.db")
    (tmp_path / "right.db").rename(tmp_path / "appealbus.db")
    shutil.copy(tmp_path / "appealbus.db", tmp_path / "right.db")
    async with await Journal.open(sqlite_journal(tmp_path / "other.db")) as other:
        await other.look()
        await other.look()
        mark.note(found := await other.ask(state.how_far))
        with pytest.raises(Behind, match=r"name another file with bus\.checkpoint"):
            mark.compare(mark.read(), found)
    assert mark.read().since is None
    mark.close()
    (tmp_path / "copy.db").replace(tmp_path / "appealbus.db")
    assert program("prune").returncode == 4
    assert mark.read().since is not None
    (tmp_path / "right.db").replace(tmp_path / "appealbus.db")
    monkeypatch.setattr(mark_module, "_THEN", timedelta())
    bus, host = BusSettings(journal=f"sqlite:///{tmp_path}/appealbus.db"), Host(lambda name, model: model())
    for _ in range(2):
        async with opening.opened(
            bus, Terminal(), lambda: host, write=True, keeps=True, restored=False, anew=False, ends_workers=True
        ):
            pass
    assert mark.read().since is None


def test_without_a_checkpoint_somebody_has_to_know_the_epoch(program, copied, tmp_path):
    """It is said what to look at; what is named counts, and the checkpoint is there again."""
    (tmp_path / FILE).unlink()
    unknown = program("restored", "--yes")
    assert unknown.returncode == 2
    assert "look at the newest numbers" in unknown.stderr
    assert "in epoch 4" in program("restored", "--yes", "--after", "3").stdout
    assert (tmp_path / FILE).exists()


def test_no_epoch_begins_that_the_checkpoint_does_not_know(program, copied, tmp_path):
    """Else the same copy, restored once more, would give the numbers of that epoch again."""
    (tmp_path / f"{FILE}.new").mkdir()
    refused = program("restored", "--yes")
    assert refused.returncode == 4
    assert f"{FILE} cannot be written (Is a directory)" in refused.stderr
    assert "epoch" not in program("status").stdout
    (tmp_path / f"{FILE}.new").rmdir()
    assert "in epoch 2" in program("restored", "--yes").stdout


@pytest.mark.proof
def test_a_copy_from_before_a_command_that_was_killed_is_found_out(program, tmp_path):
    """What takes a file may give thousands of numbers before it ends, and need not end by itself."""
    assert program("prune").returncode == 0
    shutil.copy(tmp_path / "appealbus.db", tmp_path / "backup.db")
    (tmp_path / "a.jsonl").write_text('{"message_id": "m", "kind": "complaint"}\n' * 20_000)
    with subprocess.Popen(
        [Path(sys.executable).with_name("appealbus"), "intake", "a.jsonl"], cwd=tmp_path, stdout=subprocess.PIPE
    ) as killed:
        assert killed.stdout.readline()
        killed.kill()
    for end in ("-wal", "-shm"):
        (tmp_path / f"appealbus.db{end}").unlink(missing_ok=True)
    (tmp_path / "backup.db").rename(tmp_path / "appealbus.db")
    assert program("intake", "a.jsonl").returncode == 4


def test_a_checkpoint_that_is_none(program, tmp_path):
    """A file that somebody put there is left alone, and named."""
    (tmp_path / FILE).write_text("notes")
    done = program("prune")
    assert (done.returncode, (tmp_path / FILE).read_text()) == (2, "notes")
    assert "is no checkpoint of a journal" in done.stderr


async def test_what_is_to_be_sent_again_is_told_by_the_clock_of_those_who_send(program, tmp_path, monkeypatch):
    """The machine was ahead when the copy was made: what lies in the future to channels, they would not send."""
    with monkeypatch.context() as wrong:
        wrong.setattr(clocks, "wall", lambda: datetime.now(UTC) + timedelta(hours=2))
        async with await Journal.open(f"sqlite:///{tmp_path}/appealbus.db") as journal:
            await journal.look()
            await journal.look()
    told = program("restored", "--yes", "--after", "1").stdout.partition("sent since ")[2][:19]
    assert told <= f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.proof
async def test_a_doubt_is_shown_and_ended(program, tmp_path, monkeypatch):
    """`prune` refuses while it lasts, `status` says why, and `clock accept` ends it."""
    url = f"sqlite:///{tmp_path}/appealbus.db"
    with monkeypatch.context() as wrong:
        wrong.setattr(clocks, "wall", lambda: datetime.now(UTC) - timedelta(days=400))
        async with await Journal.open(url) as journal:
            await journal.look()
    assert program("enrol", "--yes").returncode == 0
    refused = program("prune")
    assert refused.returncode == 4
    assert "appealbus clock accept" in refused.stderr
    assert "in doubt" in program("status").stdout
    assert "400.0 days ahead" in program("status").stdout
    accepted = program("clock", "accept")
    assert accepted.returncode == 0
    assert "It was in doubt: at the start it was 400.0 days ahead" in accepted.stdout
    assert program("prune").returncode == 0
    assert "in doubt" not in program("status").stdout
    assert "It was not in doubt." in program("clock", "accept").stdout
