"""`run --workers N`: one program, several processes, one journal in PostgreSQL."""

import contextlib
import json
import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.services.processes import free_port
from tests.system.program import PATIENCE, Program, appealbus

pytestmark = pytest.mark.system
_SLOW = 120.0
"""Seconds until several processes are up on a loaded machine."""


def configure(folder: Path, database: str, more: str = "") -> None:
    """Write a configuration that several workers can share."""
    text = f'[bus]\njournal = "{database}"\ngrace = "2s"\n{more}\n[log]\nlevel = "debug"\nformat = "json"\n'
    (folder / "appealbus.toml").write_text(text)


def events(program: Program, name: str) -> list[dict[str, Any]]:
    """Return the log lines of an event; a line that is being written is left out."""
    lines = [line for line in program.err.split("\n")[:-1] if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def up(program: Program, count: int) -> None:
    """Wait until so many workers have come up since the start."""
    program.until(lambda: len(events(program, "bus.started")) >= count, f"{count} workers run", _SLOW)


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_sqlite_cannot_be_shared(tmp_path: Path) -> None:
    """Told in words, before anything starts."""
    configure(tmp_path, "sqlite:///journal.db")
    done = appealbus(tmp_path, "run", "--workers", "2", expect=2)
    assert "bus.journal" in done.err
    assert "postgresql" in done.err
    assert "worker.started" not in done.err
    assert not (tmp_path / "journal.db").exists()


def test_a_wrong_configuration_ends_with_2(tmp_path: Path, journal_database: str) -> None:
    """Said once, not once for each worker."""
    configure(tmp_path, journal_database, "[deliveries.registry]\nkind = 'telegraph'")
    done = appealbus(tmp_path, "run", "--workers", "3", expect=2)
    assert done.err.count("telegraph") == 1
    assert "worker.started" not in done.err


def test_what_a_worker_alone_finds_wrong_ends_all_with_2(tmp_path: Path, journal_database: str) -> None:
    """A contract is read by the workers; nobody tries again what a person must mend."""
    (tmp_path / "picky.py").write_text(
        "from appealbus.core import ConfigError, Delivery, Factory, NoSettings, hookimpl\n"
        "class Picky(Delivery):\n"
        "    async def start(self): raise ConfigError('the certificate is not ours; write another')\n"
        "    async def deliver(self, batch): return [None] * len(batch)\n"
        "@hookimpl\n"
        "def register_deliveries(): return [Factory('picky', NoSettings, Picky)]\n"
    )
    configure(tmp_path, journal_database, "plugins = ['./picky.py']\n[deliveries.registry]\nkind = 'picky'")
    done = appealbus(tmp_path, "run", "--workers", "2", expect=2, timeout=_SLOW)
    assert "the certificate is not ours" in done.err
    assert 1 <= done.err.count('"worker.started"') <= 2


def test_sigterm_drains_all_workers(tmp_path: Path, journal_database: str) -> None:
    """Each ends in order, the whole with 0; each line of a worker says which it was."""
    configure(tmp_path, journal_database)
    with Program(tmp_path, "run", "--workers", "2", anew=True) as bus:
        up(bus, 2)
        assert sorted(event["worker"] for event in events(bus, "bus.started")) == [0, 1]
        done = bus.stop(_SLOW)
    assert done.code == 0, done.err
    assert sorted(event["worker"] for event in events(bus, "bus.stopped")) == [0, 1]


def test_a_worker_that_is_killed_is_started_again(tmp_path: Path, journal_database: str) -> None:
    """Under its number; the others work on."""
    configure(tmp_path, journal_database)
    with Program(tmp_path, "run", "--workers", "2") as bus:
        up(bus, 2)
        victim = next(event["pid"] for event in events(bus, "worker.started") if event["worker"] == 1)
        os.kill(victim, signal.SIGKILL)
        up(bus, 3)
        (death,) = events(bus, "worker.died")
        assert (death["worker"], death["status"]) == (1, "sigkill")
        assert Counter(event["worker"] for event in events(bus, "bus.started")) == {0: 1, 1: 2}
        assert bus.stop(_SLOW).code == 0


def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path, journal_database: str) -> None:
    """They drain: nobody is left behind that nobody would end."""
    configure(tmp_path, journal_database)
    with Program(tmp_path, "run", "--workers", "2", anew=True) as bus:
        up(bus, 2)
        pids = [event["pid"] for event in events(bus, "worker.started")]
        assert all(map(alive, pids))
        bus.kill()
        end = time.monotonic() + PATIENCE
        while any(map(alive, pids)):
            assert time.monotonic() < end, bus.err
            time.sleep(0.1)
    assert len(events(bus, "worker.left_alone")) == 2
    assert len(events(bus, "bus.stopped")) == 2


def test_until_idle_ends_when_all_have_nothing_left(tmp_path: Path, journal_database: str) -> None:
    """Work is shared through the journal; each worker ends by itself, the whole with 0."""
    configure(tmp_path, journal_database, "[deliveries.registry]\nkind = 'files'\npath = 'dossiers.jsonl'")
    appeals = [{"message_id": str(n), "kind": "complaint", "applicant": {"type": "person"}} for n in range(40)]
    (tmp_path / "appeals.jsonl").write_text("".join(json.dumps(appeal) + "\n" for appeal in appeals))
    appealbus(tmp_path, "intake", "appeals.jsonl")
    done = appealbus(tmp_path, "run", "--workers", "2", "--until-settled", timeout=_SLOW)
    assert "worker.died" not in done.err
    versions = {json.loads(line)["number"] for line in (tmp_path / "dossiers.jsonl").read_text().splitlines()}
    assert len(versions) == 40


def test_each_worker_has_a_monitor_of_its_own(tmp_path: Path, journal_database: str) -> None:
    """Worker k listens k ports further on."""
    ports = _neighbours()
    configure(tmp_path, journal_database, f"[plugins.monitor]\nlisten = '127.0.0.1:{ports[0]}'")
    with Program(tmp_path, "run", "--workers", "2") as bus:
        bus.until(lambda: len(events(bus, "monitor.started")) == 2, "both listen", _SLOW)
        for number, port in enumerate(ports):
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as page:
                assert f'appealbus_worker_info{{worker="{number}"}} 1.0' in page.read().decode()
        assert bus.stop(_SLOW).code == 0


def _neighbours() -> tuple[int, int]:
    """Find two free ports beside each other."""
    for _ in range(200):
        port = free_port()
        with socket.socket() as beside, contextlib.suppress(OSError):
            beside.bind(("127.0.0.1", port + 1))
            return port, port + 1
    raise AssertionError("no two free ports beside each other")
