"""A journal in a file, which one worker has, and what befalls files: also what others do beside the bus."""

import os
import resource
import sqlite3
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from appealbus.core.journal.lock import FileLock
from tests.services.recomputed import check_the_past
from tests.system.havoc import Havoc
from tests.system.kept_alive import LoneWorker
from tests.system.production import Production
from tests.system.program import insist_on_silence
from tests.system.stores import Store, Troubles

WITNESS = str(Path(__file__).with_name("witness.py"))
KILLED, TOLD_TO_END, JOURNAL_FAILED, JOURNAL_AWAY = -9, -15, 4, 7
_ROOM = 1_000_000
"""Bytes that a file may have on the full disk at least: the program's log lies there, too."""
_SOME = 100
"""Letters that a person takes in beside the bus: seconds of its work, on a machine that others use."""


class SqliteStore(Store):
    """The file, with one worker that is started again as systemd does."""

    workers = 1
    agencies_plugins = (WITNESS,)

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.db"
        self._witnessed = folder / "witnessed"
        self._worker: LoneWorker | None = None
        self._in_checkpoints: list[bool] = []
        self.agencies_environment = {"JOURNAL": str(self._path), "WITNESSED": str(self._witnessed)}
        super().__init__(f"sqlite:///{self._path}", "sqlite:///journal.db")

    def start(self, here: Production, *, env: Mapping[str, str], anew: bool) -> LoneWorker:
        """Start it."""
        self._worker = LoneWorker(here, env=env, anew=anew)
        return self._worker

    def troubles(self, havoc: Havoc) -> Troubles:
        """Return what befalls files."""
        return {
            "kill in a checkpoint": lambda: self._kill_in_a_checkpoint(havoc),
            "end the worker": self._restart,
            "lock the file": lambda: self._lock(havoc),
            "hold the write lock": lambda: self._hold(havoc),
            "fill the disk": lambda: self._fill(havoc),
            "read for long": lambda: self._read(havoc),
            "back the journal up": lambda: self._back_up(havoc),
            "take letters in beside": lambda: self._take_in(havoc),
        }

    def plan(self, cuts: int, harms: int) -> list[str]:
        """Return all of it."""
        lasting = ["lock the file", "hold the write lock", "fill the disk", "read for long"]
        beside = ["back the journal up", "take letters in beside", "end the worker"]
        return ["kill in a checkpoint"] * (1 + cuts) + (lasting + beside) * harms

    def early(self, calls: Sequence[tuple[str, datetime]]) -> list[str]:
        """Return the questions of which the agencies found no row in the file as they came."""
        lines = [line.split(" ") for line in self._witnessed.read_text().splitlines()[-len(calls) :]]
        assert [name for name, _ in lines] == [name for name, _ in calls], "the agencies have not looked each time"
        return [name for name, recorded in lines if recorded != "1"]

    def check(self) -> None:
        """The file is whole; the worker ended as it was ended, or as nothing could be written, then or at its start."""
        assert self._worker is not None
        ends = self._worker.program.ends
        print(f"{len(ends)} ends, {sum(self._in_checkpoints)} of {len(self._in_checkpoints)} in mid-checkpoint")
        assert set(ends) <= {0, KILLED, TOLD_TO_END, JOURNAL_FAILED, JOURNAL_AWAY}, ends
        _check_file(self._path)

    def _kill_in_a_checkpoint(self, havoc: Havoc) -> None:
        """Its first write into the file is the moment; readers have it grow large before."""
        with _reader(self._path):
            time.sleep(havoc.moment())
        before, end = self._path.stat().st_mtime_ns, time.monotonic() + havoc.moment()
        while self._path.stat().st_mtime_ns == before and time.monotonic() < end:
            time.sleep(0.0005)
        havoc.kill()
        self._in_checkpoints.append(_half_done(self._path))

    def _restart(self) -> None:
        """As systemd does for a new release: what is under way is finished first."""
        assert self._worker is not None
        assert self._worker.program.restart() in (0, KILLED, TOLD_TO_END)

    def _lock(self, havoc: Havoc) -> None:
        """As somebody at a console who has begun a transaction."""
        with closing(sqlite3.connect(self._path, 30.0, isolation_level=None)) as console:
            console.execute("BEGIN IMMEDIATE")
            time.sleep(havoc.moment())
            console.execute("ROLLBACK")

    def _hold(self, havoc: Havoc) -> None:
        """As a command of ours that stands still while it writes."""
        lock = FileLock(self._path.with_name(f"{self._path.name}.lock"), 60.0)
        with closing(lock), lock:
            time.sleep(havoc.moment())

    def _fill(self, havoc: Havoc) -> None:
        """No file of the worker grows beyond what its WAL has, and of the journal only the beginning is written."""
        pid = havoc.workers.pids()[0]
        wal = self._path.with_name(f"{self._path.name}-wal")
        full = max(_ROOM, wal.stat().st_size if wal.exists() else 0)
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
            time.sleep(havoc.moment())
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    def _read(self, havoc: Havoc) -> None:
        """As a report that somebody has forgotten: no checkpoint gets past what it sees."""
        with _reader(self._path):
            time.sleep(havoc.moment())

    def _back_up(self, havoc: Havoc) -> None:
        """As the page says, or by SQLite's own way: the copy is a whole journal of that moment."""
        copy = self._path.with_name(f"copy{time.monotonic_ns()}.db")
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", timeout=60.0, uri=True)) as journal:
            before = _appeals(journal)
            if havoc.chance.random() < 0.5:
                journal.execute("VACUUM INTO ?", [str(copy)])
            else:
                with closing(sqlite3.connect(copy)) as target:
                    journal.backup(target)
        _check_file(copy)
        with closing(sqlite3.connect(copy)) as copied:
            assert _appeals(copied) >= before, "an appeal that was on disk is not in the copy"
        check_the_past(f"sqlite:///{copy}")
        copy.unlink()

    def _take_in(self, havoc: Havoc) -> None:
        """As a person does with a file of letters, which the broker brings too; it may be killed in their midst."""
        lines = havoc.here.appeals.read_text().splitlines(keepends=True)
        beside = havoc.here.folder / "beside.jsonl"
        beside.write_text("".join(havoc.chance.sample(lines, min(len(lines) // 3, _SOME))))
        killed_after = havoc.chance.choice([None, havoc.chance.uniform(0.0, 1.5)])
        environment = havoc.clock.environment
        with havoc.here.start("intake", beside.name, "--channel", "post", env=environment) as intake:
            if killed_after is None:
                assert intake.ended().code in (0, JOURNAL_FAILED)
            else:
                time.sleep(killed_after)
        insist_on_silence(intake.err, "the intake told")


@contextmanager
def _reader(path: Path) -> Iterator[None]:
    """Hold a view of the file, as it stands."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", timeout=60.0, uri=True, isolation_level=None)) as journal:
        journal.execute("BEGIN")
        _appeals(journal)
        yield


def _appeals(journal: sqlite3.Connection) -> int:
    return int(journal.execute("SELECT count(*) FROM appeal").fetchone()[0])


def _check_file(path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert journal.execute("PRAGMA foreign_key_check").fetchall() == []


def _half_done(path: Path) -> bool:
    """Whether a checkpoint has begun to copy frames and has not said that they are copied.

    By SQLite's walindex: `nBackfill` at byte 96, `nBackfillAttempted` at 128.
    """
    with suppress(FileNotFoundError), path.with_name(f"{path.name}-shm").open("rb") as index:
        head = os.pread(index.fileno(), 132, 0)
        done, tried = struct.unpack_from("=I", head, 96)[0], struct.unpack_from("=I", head, 128)[0]
        return bool(done < tried)
    return False
