"""The supervisor: who is started again, who ends everything, and what the exit code says. With small programs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appealbus.core.cli import supervisor
from appealbus.core.cli.supervisor import Supervisor
from appealbus.core.errors import ConfigError
from appealbus.core.process.worker import VARIABLE, worker
from tests.services.processes import PATIENCE

# Each start leaves a line: the worker's number and the process. Then it does what the test wants.
HEAD = """
import os, signal, sys, time
number, leash, word = os.environ["APPEALBUS_WORKER"].split(":")[:3]
with open("starts", "a") as file: file.write(f"{number} {os.getpid()}\\n")
starts = sum(line.split()[0] == number for line in open("starts"))
"""
DRAINS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(60)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); open(f'deaf{number}', 'w'); time.sleep(60)"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(supervisor, "MARGIN", 0.3)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def starts() -> list[tuple[int, int]]:
    """Return number and process of every start so far."""
    path = Path("starts")
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(number), int(pid)) for number, pid in map(str.split, lines)]


def supervise(body: str, count: int = 2, *, grace: float = 20.0, ends: bool = False) -> asyncio.Task[int]:
    return asyncio.create_task(Supervisor(count, [sys.executable, "-c", HEAD + body], grace=grace, ends=ends).run())


async def until(true: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_sigterm_ends_all_with_0() -> None:
    """Each has drained."""
    running = supervise(DRAINS, 3)
    await until(lambda: len(starts()) == 3)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert sorted(number for number, _ in starts()) == [0, 1, 2]


async def test_one_that_dies_is_started_again_under_its_number() -> None:
    """Whatever killed it; the others do not notice."""
    running = supervise(DRAINS)
    await until(lambda: len(starts()) == 2)
    victim, other = (next(pid for number, pid in starts() if number == wanted) for wanted in (1, 0))
    os.kill(victim, signal.SIGKILL)
    await until(lambda: len(starts()) == 3)
    assert starts()[-1][0] == 1
    os.kill(other, 0)
    os.kill(os.getpid(), signal.SIGINT)
    assert await running == 0


async def test_a_wrong_configuration_ends_all_at_once() -> None:
    """Nobody is started again for it, and the exit code says so."""
    running = supervise("if number == '1': sys.exit(2)\n" + DRAINS)
    assert await running == 2
    assert [number for number, _ in starts()].count(1) == 1


async def test_one_that_has_begun_to_work_may_end_with_2() -> None:
    """A plugin did that; the configuration was right, so it is started again, and the others go on."""
    running = supervise("if number == '1' and starts < 3: os.write(int(word), b'1'); os._exit(2)\n" + DRAINS)
    await until(lambda: [number for number, _ in starts()].count(1) == 3)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert [number for number, _ in starts()].count(0) == 1


async def test_an_orderly_end_is_no_death() -> None:
    """A worker that was told to drain is started again, without a warning."""
    with capture_logs() as logs:
        running = supervise(DRAINS + "\n", 1)
        await until(lambda: len(starts()) == 1)
        os.kill(starts()[0][1], signal.SIGTERM)
        await until(lambda: len(starts()) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    told = [line["event"] for line in logs]
    assert told.count("worker.ended") == 1
    assert "worker.died" not in told


async def test_workers_that_never_come_up_end_everything() -> None:
    """After five tries, with the exit code that they gave."""
    assert await supervise("sys.exit(7)", 1) == 7
    assert len(starts()) == supervisor.TRIES


@pytest.mark.proof
async def test_one_that_waits_for_a_new_key_is_tried_for_ever() -> None:
    """However often it ends with 8, and though none was ever up."""
    running = supervise(f"sys.exit(8) if starts < {supervisor.TRIES + 2} else None\n{DRAINS}", 1)
    await until(lambda: len(starts()) == supervisor.TRIES + 2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_one_that_does_not_come_up_beside_others_that_did_is_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was right for one of them is no defect of the start."""
    monkeypatch.setattr(supervisor, "UP", 0.0)
    running = supervise("if number == '1': os._exit(7)\n" + DRAINS)
    await until(lambda: [number for number, _ in starts()].count(1) > supervisor.TRIES + 2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running in (0, 1)  # its last start may be dying of itself just now


async def test_one_that_does_not_drain_is_killed_and_told() -> None:
    """The exit code is 1: something may come again."""
    running = supervise(DEAF, 1, grace=0.1)
    await until(Path("deaf0").exists)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 1


async def test_workers_that_have_done_their_work_are_not_started_again() -> None:
    """With --until-idle each ends by itself; one that dies meanwhile is started again."""
    assert await supervise("sys.exit(0 if starts > 1 or number == '0' else 9)", 2, ends=True) == 0
    assert sorted(number for number, _ in starts()) == [0, 1, 1]


async def test_the_leash_ends_with_the_supervisor(tmp_path: Path) -> None:
    """A worker reads the end of the pipe as soon as nobody holds the other side."""
    body = "os.read(int(leash), 1); open('let_go', 'w')"
    code = f"import asyncio, sys; from appealbus.core.cli.supervisor import Supervisor; \
asyncio.run(Supervisor(1, [sys.executable, '-c', {HEAD + body!r}], grace=9).run())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=tmp_path)
    await until(lambda: len(starts()) == 1)
    process.kill()
    await process.wait()
    await until(Path("let_go").exists)


def test_it_is_told_to_end_before_it_listens(tmp_path: Path) -> None:
    """The signal waits until it does: whoever becomes a supervisor holds it back for so long."""
    orders = ["1", "1.0", "0", "info", "json", sys.executable, "-c", HEAD + DRAINS]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        process = subprocess.Popen([sys.executable, "-m", supervisor.__name__, *orders], cwd=tmp_path)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_the_variable_is_for_supervisors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who sets it is told; a worker takes it out of its environment."""
    worker.cache_clear()
    monkeypatch.setenv(VARIABLE, "1:99999")
    with pytest.raises(ConfigError, match="unset it"):
        worker()
    reading, writing = os.pipe()
    try:
        monkeypatch.setenv(VARIABLE, f"3:{reading}:{writing}")
        found = worker()
        assert found is not None
        assert (found.number, VARIABLE in os.environ, os.get_inheritable(reading)) == (3, False, False)
    finally:
        os.close(reading)
        os.close(writing)
        worker.cache_clear()
