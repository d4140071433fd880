"""Who has no checkpoint: `appealbus enrol`, and a worker that is trusted."""

import asyncio
import contextlib
import shutil
from datetime import UTC, datetime

import pytest

from appealbus.core.bus.clock_watch import ClockWatch
from appealbus.core.cli import opening
from appealbus.core.cli.terminal import Terminal
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.journal import state, workers
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.core.loading.host import Host

pytestmark = pytest.mark.usefixtures("configured")
FILE = "appealbus.db.checkpoint"
HOST = Host(lambda name, model: model())


@pytest.mark.proof
def test_a_machine_without_a_checkpoint_is_enrolled_by_one_command(program, tmp_path):
    """Before, it is refused; `check` and `health` say it, too. A copy that its checkpoint knows is never enrolled."""
    assert program("prune").returncode == 0
    shutil.copy(tmp_path / "appealbus.db", tmp_path / "backup.db")
    assert program("prune").returncode == 0
    (tmp_path / FILE).rename(tmp_path / "kept")
    refused, key = program("prune"), (tmp_path / "appealbus.db.key").read_bytes()
    assert refused.returncode == 4
    assert program("key", "renew", "--yes").returncode == 4
    assert (tmp_path / "appealbus.db.key").read_bytes() == key
    assert "run `appealbus enrol`" in refused.stderr
    assert "there is no checkpoint" in program("check").stderr
    assert "there is no checkpoint" in " ".join(program("health").stdout.split())
    assert program("enrol").returncode == 130  # nobody confirms
    assert not (tmp_path / FILE).exists()
    assert "This machine knows it from now on" in program("enrol", "--yes").stdout
    assert program("prune").returncode == 0
    assert "agrees with the journal" in program("enrol").stdout
    (tmp_path / "backup.db").rename(tmp_path / "appealbus.db")
    assert program("key", "renew", "--yes").returncode == 4
    assert (tmp_path / "appealbus.db.key").read_bytes() == key
    assert program("enrol", "--yes").returncode == 4


def bus_of(journal, tmp_path):
    return BusSettings.model_validate(
        {"journal": journal, "key": str(tmp_path / "key"), "checkpoint": str(tmp_path / "mark")},
        context={"folder": tmp_path},
    )


def opened(bus, *, works=False):
    return opening.opened(
        bus, Terminal(), lambda: HOST, write=True, keeps=True, restored=False, anew=False, ends_workers=works
    )


@pytest.mark.proof
async def test_who_has_none_trusts_a_worker_that_is_at_work(journal_database, tmp_path, monkeypatch):
    """One that beats now, and not one of which a copy tells; a worker trusts nobody; without one nothing is taken."""
    monkeypatch.setattr(opening, "_VOUCHED", 1.5)
    bus = bus_of(journal_database, tmp_path)
    async with opened(bus, works=True):
        pass
    (tmp_path / "mark").unlink()
    async with await Journal.open(journal_database, key=tmp_path / "key") as worker:

        async def beat() -> None:
            while True:
                await worker.do(workers.Beat(WorkerState("w", "host", 1, datetime.now(UTC)), [], 5.0))
                await asyncio.sleep(0.2)

        await worker.do(workers.Beat(WorkerState("w", "host", 1, datetime.now(UTC)), [], 60.0))
        with pytest.raises(Behind, match="appealbus enrol"):  # it has beaten before, and does not again
            async with opened(bus):
                pass
        beating = asyncio.create_task(beat())
        with pytest.raises(Behind, match="appealbus enrol"):
            async with opened(bus, works=True):
                pass
        async with opened(bus) as journal:
            assert journal.checkpoint is None
            await journal.do(state.Probe())
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            await worker.do(workers.Beat(WorkerState("w", "host", 1, datetime.now(UTC)), [], 0.0))
            watching = asyncio.create_task(ClockWatch(journal).run())
            while not journal.memory.untold:
                await asyncio.sleep(0.1)
            with pytest.raises(JournalError) as untold:
                await journal.do(state.Probe())
            assert (untold.value.code, untold.value.passes) == ("untold", True)
            watching.cancel()
            await asyncio.wait([watching])
    assert not (tmp_path / "mark").exists()


async def test_settings_that_lose_receipts_are_named(postgres, journal_database):
    """With the setting that avoids it."""
    name = journal_database.rpartition("/")[2]
    async with await Journal.open(journal_database, read_only=True) as journal:
        assert await journal.ask(state.what_may_be_lost) == []
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    try:
        async with await Journal.open(journal_database, read_only=True) as journal:
            assert "set synchronous_commit = on" in (await journal.ask(state.what_may_be_lost))[0]
    finally:
        postgres.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
