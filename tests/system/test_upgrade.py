"""The next release migrates a journal that this one works: its workers end, once, and nothing is left half done."""

import contextlib
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest

from appealbus.core.cli.exits import EXIT_CONFIG, EXIT_SUPERSEDED
from tests.services.commands import PROGRAM
from tests.services.next_release import NextRelease
from tests.system.program import Program, appealbus

pytestmark = pytest.mark.system
_UP = 120.0
_REVISIONS = "core/appealbus/core/journal/migrations/__init__.py"
_SCHEMA = "core/appealbus/core/journal/schema.py"


@pytest.fixture
def next_release(tmp_path: Path) -> NextRelease:
    """One that has a revision more, in which a column has another name: workers of today would fail over it."""
    made = NextRelease(tmp_path / "next")
    made.append(_REVISIONS, '\nREVISIONS = (*REVISIONS, "9999")\n')
    made.append(
        _SCHEMA,
        "\n_today = _migrate\n\n\ndef _migrate(connection, revision):\n"
        "    if revision != '9999':\n        return _today(connection, revision)\n"
        "    connection.execute(text('ALTER TABLE appeal RENAME COLUMN accepted_by TO taken_by'))\n"
        "    connection.execute(text(\"UPDATE alembic_version SET version_num = '9999'\"))\n",
    )
    return made


def configure(folder: Path, journal: str) -> None:
    text = f'[bus]\njournal = "{journal}"\nkey = "key"\ngrace = "2s"\n[log]\nlevel = "debug"\nformat = "json"\n'
    (folder / "appealbus.toml").write_text(text)


def events(program: Program, name: str) -> list[dict[str, object]]:
    lines = [line for line in program.err.split("\n")[:-1] if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def test_workers_end_and_are_not_started_again(tmp_path: Path, next_release: NextRelease, database: str) -> None:
    """Each exits with a code of its own, the supervisor with them; then the journal is migrated."""
    configure(tmp_path, database)
    workers = 2
    with Program(tmp_path, "run", "--workers", str(workers)) as program:
        program.until(lambda: len(events(program, "bus.started")) >= workers, "they run", _UP)
        # A command of the next release leaves them alone, and ends at once.
        with next_release.start(str(PROGRAM), "retry", "AB-1", cwd=tmp_path) as command:
            command.communicate(timeout=_UP)
        assert command.returncode == 4
        assert program.running
        with next_release.start(str(PROGRAM), "run", "--until-idle", cwd=tmp_path) as theirs:
            assert program.process.wait(_UP) == EXIT_SUPERSEDED
            theirs.communicate(timeout=_UP)
        assert theirs.returncode == 0
        # The first one to see it has the supervisor end the others.
        assert {event["reason"] for event in events(program, "journal.superseded")} == {"migrating"}
        assert len(events(program, "bus.stopped")) == workers
        assert len(events(program, "worker.started")) == workers
    done = appealbus(tmp_path, "run", "--until-idle", expect=EXIT_CONFIG)
    assert "upgrade appealbus" in done.err


def _stop_between_writes(pid: int, lock: Path) -> None:
    """Stop a worker, though not in the middle of a transaction: nobody could write beside that."""
    for _ in range(50):
        os.kill(pid, signal.SIGSTOP)
        with lock.open() as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("it is always in the middle of one")


def test_one_that_was_cut_off_ends_too(tmp_path: Path, next_release: NextRelease) -> None:
    """A worker that stands still while its journal is migrated finds other tables, writes nothing and ends."""
    configure(tmp_path, "sqlite:///journal.db")
    with Program(tmp_path, "run") as program:
        program.until(lambda: len(events(program, "bus.started")) == 1, "it runs", _UP)
        _stop_between_writes(program.process.pid, tmp_path / "journal.db.lock")
        (tmp_path / "journal.db.run").rename(tmp_path / "elsewhere")  # as if its machine were believed to be off
        with next_release.start(str(PROGRAM), "run", "--until-idle", cwd=tmp_path) as theirs:
            theirs.communicate(timeout=_UP)
        assert theirs.returncode == 0
        os.kill(program.process.pid, signal.SIGCONT)
        assert program.process.wait(_UP) == EXIT_SUPERSEDED
        assert [event["reason"] for event in events(program, "journal.superseded")] == ["migrated"]
