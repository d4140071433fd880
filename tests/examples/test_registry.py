"""The small registry: killed at random it misses nothing; after a restore it recognises what became otherwise."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appealbus.client import AsyncClient, Retries
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal.journal import Journal
from appealbus.core.parts import build, load_plugins
from tests.plugins.api.serving import Served, served
from tests.services.forms import form
from tests.services.journals import sqlite_journal

EXAMPLE = Path(__file__).parents[2] / "examples" / "registry"
APPEALS = form(40, 1000)
KILLS = form(6, 100)
Version = tuple[str, int, int]

pytestmark = [pytest.mark.system, pytest.mark.proof]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


async def test_a_registry_that_is_killed_at_random_misses_nothing(url: str, tmp_path: Path) -> None:
    """While appeals come and change: at the end it has every version, each as the journal has it, and none besides."""
    chance = random.Random(os.environ.get("APPEALBUS_SEED", "7"))
    async with served(url, tmp_path, requests_per_minute=1_000_000) as server, working(url, tmp_path) as bus:
        token = await server.token("registry")
        writing = asyncio.create_task(write(server, APPEALS))
        cursors = []
        for _ in range(KILLS):
            await killed(server.url, token, tmp_path, chance.uniform(0.25, 0.9))
            cursors.append(cursor(tmp_path))
        await writing
        await bus.settle(parked=True)
        await mirrored(server.url, token, tmp_path)
        expected = await versions(server.journal)
    assert mirror(tmp_path) == expected
    assert len(expected) == 3 * APPEALS
    assert len(set(cursors)) > 1, "all were killed before they began, or after they had ended"


async def test_a_restore_is_recognised(tmp_path: Path) -> None:
    """What the copy did not know stays in the mirror under its epoch; what counts is what the journal says now."""
    file = tmp_path / "journal.db"
    url = sqlite_journal(file)
    async with served(url, tmp_path) as server, working(url, tmp_path) as bus:
        token = await server.token("registry")
        await write(server, 3)
        await bus.settle(parked=True)
    for suffix in ("", ".key"):
        shutil.copy(f"{file}{suffix}", tmp_path / f"copy{suffix}")
    async with served(url, tmp_path) as server, working(url, tmp_path) as bus:
        await write(server, 6, name="channel-2")
        await bus.settle(parked=True)
        await mirrored(server.url, token, tmp_path)
    before = mirror(tmp_path)
    for each in tmp_path.glob("journal.db-*"):
        each.unlink()
    shutil.copy(tmp_path / "copy", file)
    async with await Journal.open(url) as journal:
        await journal.begin_epoch(1, 0)
    async with served(url, tmp_path) as server, working(url, tmp_path) as bus:
        await write(server, 4, name="channel-3")
        await bus.settle(parked=True)
        await mirrored(server.url, token, tmp_path)
        now = await versions(server.journal)
    after = mirror(tmp_path)
    assert before.items() <= after.items()
    assert now.items() <= after.items()
    assert {epoch for _, epoch, _ in now} == {1, 2}
    assert newest(tmp_path).items() >= {(id_, max(v[1:] for v in now if v[0] == id_)) for id_, _, _ in now}
    with sqlite3.connect(tmp_path / "mirror.db") as db:
        assert db.execute("SELECT count(*) FROM restart").fetchone() == (1,)


async def test_a_token_that_does_not_count_ends_it_in_words(tmp_path: Path) -> None:
    """Trying again mends nothing; the token is not told."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path) as server:
        done = await asyncio.to_thread(run, server.url, "ab_0000000000000000_" + "x" * 43, tmp_path)
    assert done.returncode == 1
    assert "(401); nothing that trying again would mend" in done.stderr
    assert "xxx" not in done.stderr
    assert "Traceback" not in done.stderr


@asynccontextmanager
async def working(url: str, folder: Path) -> AsyncIterator[Bus]:
    """Run a bus that works the journal."""
    loaded = from_document({"bus": {"journal": url, "grace": 1}}, folder, env={})
    parts = build(loaded, load_plugins(loaded))
    async with await Journal.open(url, key=loaded.settings.bus.key_file()) as journal:
        await journal.hold_run_lock()
        bus = Bus(loaded, parts, journal)
        await bus.start()
        bus.open_doors()
        try:
            yield bus
        finally:
            await bus.stop()


async def write(server: Served, count: int, name: str = "channel") -> None:
    """Put appeals in and change each twice, as a channel does, with the client."""
    token = await server.token("channel", name)
    async with AsyncClient(server.url, token, retries=Retries(base=0.05)) as channel:
        for number in range(count):
            appeal = {"message_id": f"m-{number}", "kind": "complaint", "applicant": {"type": "person"}}
            await channel.submit(appeal)
            for day in (1, 2):
                of = {"appeal_message_id": f"m-{number}", "kind": "due", "due_on": f"2030-02-0{day}"}
                await channel.change({"type": "change", "message_id": f"{name}-{number}-{day}", **of})
                while not await told(server.journal, number, day + 1):
                    await asyncio.sleep(0.01)


async def told(journal: Journal, number: int, version: int) -> bool:
    """Say whether an appeal has come so far: changes that come together would make one version."""
    row = await journal.appeal_by(None, f"m-{number}", "test")
    return row is not None and (row.version or 0) >= version


def command(url: str, folder: Path, *options: str) -> list[str]:
    return [sys.executable, str(EXAMPLE / "registry.py"), url, str(folder / "mirror.db"), *options]


async def killed(url: str, token: str, folder: Path, after: float) -> None:
    """Run the registry and kill it after so many seconds."""
    process = await asyncio.create_subprocess_exec(*command(url, folder), stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(f"{token}\n".encode())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(after):
            await process.wait()
    assert process.returncode is None
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def mirrored(url: str, token: str, folder: Path) -> None:
    """Run the registry until nothing is new."""
    done = await asyncio.to_thread(run, url, token, folder)
    assert done.returncode == 0, done.stderr


def run(url: str, token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    given = command(url, folder, "--until-idle")
    return subprocess.run(given, input=f"{token}\n", capture_output=True, text=True, timeout=120, check=False)


def cursor(folder: Path) -> str | None:
    if not (folder / "mirror.db").exists():
        return None
    with sqlite3.connect(folder / "mirror.db") as db:
        row = db.execute("SELECT cursor FROM place").fetchone() if tables(db) else None
    return None if row is None else str(row[0])


def tables(db: sqlite3.Connection) -> list[Any]:
    return db.execute("SELECT name FROM sqlite_schema WHERE name = 'newest'").fetchall()


def mirror(folder: Path) -> dict[Version, Any]:
    """Return the versions of the mirror, by appeal, epoch and version."""
    with sqlite3.connect(folder / "mirror.db") as db:
        rows = db.execute("SELECT appeal, epoch, version, document FROM dossier").fetchall()
    return {(appeal, epoch, version): json.loads(document) for appeal, epoch, version, document in rows}


def newest(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what counts of each appeal."""
    with sqlite3.connect(folder / "mirror.db") as db:
        rows = db.execute("SELECT appeal, epoch, version FROM newest").fetchall()
    return {appeal: (epoch, version) for appeal, epoch, version in rows}


async def versions(journal: Journal) -> dict[Version, Any]:
    """Return the versions of the journal in the same way."""
    found = {}
    for row in await journal.appeals(limit=10_000):
        for each in await journal.versions(row.number):
            document = json.loads(await journal.dossier(row.number, each.version) or b"")
            found[row.public_id, document["epoch"], each.version] = document
    return found
