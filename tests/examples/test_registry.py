"""The small registry: killed at random it misses nothing; after a restore it recognises what became otherwise."""

import asyncio
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appealbus.client import AsyncClient, Retries
from appealbus.core.domain.client import Role
from appealbus.core.journal import documents, renewing
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.policy import Policy
from appealbus.schemas.change import ChangeKind
from tests.client.working import working
from tests.plugins.api.serving import Served, served
from tests.services.forms import SEED, form
from tests.services.journals import sqlite_journal

EXAMPLE = Path(__file__).parents[2] / "examples" / "registry"
APPEALS = form(12, 400)
KILLS = form(4, 40)
PATIENCE = form(90, 900)
Version = tuple[str, int, int]

DUE = Policy(changes={Role.CHANNEL: [ChangeKind.DUE]})
"""By which a channel may tell until when its appeals have to be answered."""
pytestmark = [pytest.mark.system, pytest.mark.proof]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


async def test_a_registry_that_is_killed_at_random_misses_nothing(url: str, tmp_path: Path) -> None:
    """While appeals come and change: at the end it has every version, each as the journal has it, and none besides."""
    chance = random.Random(SEED or 7)
    async with served(url, tmp_path, policy=DUE, requests_per_minute=1_000_000) as server, working(url, tmp_path):
        token = await server.token("registry")
        writing = asyncio.create_task(write(server, APPEALS, changes=2))
        cursors = []
        # On a busy machine many die before they have read a page.
        while len(cursors) < KILLS or len(set(cursors)) < 3:
            await killed(server.url, token, tmp_path, chance.uniform(0.0, 0.5))
            cursors.append(cursor(tmp_path))
            assert len(cursors) < 10 * KILLS
        await writing
        await mirrored(server.url, token, tmp_path)
        expected = await versions(server.journal)
    assert mirror(tmp_path) == expected
    assert len(expected) == 3 * APPEALS


async def test_a_restore_is_recognised(tmp_path: Path) -> None:
    """What the copy did not know stays in the mirror under its epoch; what counts is what the journal says now."""
    file = tmp_path / "journal.db"
    url = sqlite_journal(file)
    unlimited: dict[str, Any] = {"requests_per_minute": 1_000_000, "policy": DUE}
    async with served(url, tmp_path, **unlimited) as server, working(url, tmp_path):
        token = await server.token("registry")
        await write(server, 2)
    for suffix in ("", ".key"):
        shutil.copy(f"{file}{suffix}", tmp_path / f"copy{suffix}")
    async with served(url, tmp_path, **unlimited) as server, working(url, tmp_path):
        await write(server, 3, name="lost")
        await mirrored(server.url, token, tmp_path)
    before = mirror(tmp_path)
    restore(file, tmp_path / "copy")
    async with await Journal.open(url) as journal:
        await renewing.begin_epoch(journal, 1, 0)
    async with served(url, tmp_path, **unlimited) as server, working(url, tmp_path):
        await write(server, 2, name="later")
        await mirrored(server.url, token, tmp_path)
        now = await versions(server.journal)
    after = mirror(tmp_path)
    assert before.items() <= after.items()
    assert now.items() <= after.items()
    assert {epoch for _, epoch, _ in now} == {1, 2}
    assert newest(tmp_path).items() >= {(id_, max(v[1:] for v in now if v[0] == id_)) for id_, _, _ in now}
    with closing(sqlite3.connect(tmp_path / "mirror.db")) as db:
        assert db.execute("SELECT count(*) FROM restart").fetchone() == (1,)


async def test_a_token_that_does_not_count_ends_it_in_words(tmp_path: Path) -> None:
    """Trying again mends nothing; the token is not told."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path) as server:
        done = await asyncio.to_thread(run, server.url, "ab_0000000000000000_" + "x" * 43, tmp_path)
    assert done.returncode == 1
    assert "(401); nothing that trying again would mend" in done.stderr
    assert "xxx" not in done.stderr
    assert "Traceback" not in done.stderr


def restore(file: Path, copy: Path) -> None:
    """Put a copy in the place of a journal."""
    for each in file.parent.glob(f"{file.name}-*"):
        each.unlink()
    shutil.copy(copy, file)


async def write(server: Served, count: int, name: str = "channel", changes: int = 1) -> None:
    """Put appeals in and change each, as a channel does, with the client; each step makes a version."""
    token = await server.token("channel", name)
    turns = asyncio.Semaphore(20)

    async def one(channel: AsyncClient, number: int) -> None:
        async with turns:
            applicant = {"type": "person", "surname": name}
            done = await channel.submit({"message_id": f"{name}-{number}", "kind": "complaint", "applicant": applicant})
            assert done.id is not None
            await until(channel, done.id, 1)
            for day in range(1, changes + 1):
                of = {"appeal_message_id": f"{name}-{number}", "kind": "due", "due_on": f"2027-02-0{day}"}
                await channel.change({"type": "change", "message_id": f"{name}-{number}-{day}", **of})
                await until(channel, done.id, day + 1)

    async with asyncio.timeout(PATIENCE), AsyncClient(server.url, token, retries=Retries(base=0.05)) as channel:
        await asyncio.gather(*(one(channel, number) for number in range(count)))


async def until(channel: AsyncClient, appeal: str, version: int) -> None:
    """Wait until an appeal has a version: changes that come together would make one."""
    while (await channel.state(appeal))["version"] < version:
        await asyncio.sleep(0.3)


def command(url: str, folder: Path, *options: str) -> list[str]:
    return [sys.executable, str(EXAMPLE / "registry.py"), url, str(folder / "mirror.db"), "--limit", "5", *options]


async def killed(url: str, token: str, folder: Path, after: float) -> None:
    """Run the registry and kill it so many seconds after it has begun."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command(url, folder), stdin=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(f"{token}\n".encode())
    async with asyncio.timeout(PATIENCE):
        assert (await process.stderr.readline()).startswith(b"following")
    await asyncio.sleep(after)
    process.kill()
    assert await process.wait() == -signal.SIGKILL, await process.stderr.read()


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
    with closing(sqlite3.connect(folder / "mirror.db")) as db:
        row = db.execute("SELECT cursor FROM place").fetchone() if tables(db) else None
    return None if row is None else str(row[0])


def tables(db: sqlite3.Connection) -> list[Any]:
    return db.execute("SELECT name FROM sqlite_schema WHERE name = 'newest'").fetchall()


def mirror(folder: Path) -> dict[Version, Any]:
    """Return the versions of the mirror, by appeal, epoch and version."""
    with closing(sqlite3.connect(folder / "mirror.db")) as db:
        rows = db.execute("SELECT appeal, epoch, version, document FROM dossier").fetchall()
    return {(appeal, epoch, version): json.loads(document) for appeal, epoch, version, document in rows}


def newest(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what counts of each appeal."""
    with closing(sqlite3.connect(folder / "mirror.db")) as db:
        rows = db.execute("SELECT appeal, epoch, version FROM newest").fetchall()
    return {appeal: (epoch, version) for appeal, epoch, version in rows}


async def versions(journal: Journal) -> dict[Version, Any]:
    """Return the versions of the journal in the same way."""
    found = {}
    for row in await journal.ask(lists.appeals, limit=10_000):
        for each in await journal.ask(lists.versions, row.number):
            document = json.loads(await journal.ask(documents.whole, row.number, each.version) or b"")
            found[row.public_id, document["epoch"], each.version] = document
    return found
