"""Three processes on one PostgreSQL journal against a server that counts: limits hold over all of them."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core.journal.journal import Journal
from tests.services import commands
from tests.services.processes import PATIENCE

_LEASE = 5.0
"""Seconds for which a share is a worker's that is gone, as `limited_worker` has it."""
WORKER = Path(__file__).parents[1] / "limited_worker.py"


class Agency:
    """Counts calls in flight, and notes when each left its worker."""

    def __init__(self) -> None:
        self.delay = 0.5
        self.down = False
        self.flying = 0
        self.peak = 0
        self.left: list[float] = []
        self.calls: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            line = await reader.readline()
            if line:
                left, worker = line.decode().split()
                self.left.append(float(left))
                self.calls[worker] += 1
                self.flying += 1
                self.peak = max(self.peak, self.flying)
                if not self.down:
                    await asyncio.sleep(self.delay)
                self.flying -= 1
                writer.write(b"no\n" if self.down else b"yes\n")
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def busy(self, seconds: float) -> float:
        """Return how many calls were in flight on average."""
        samples, ends = [], time.monotonic() + seconds
        while not samples or time.monotonic() < ends:
            samples.append(self.flying)
            await asyncio.sleep(0.01)
        return sum(samples) / len(samples)


@asynccontextmanager
async def team(folder: Path, url: str, agency: Agency, **guard: Any) -> AsyncIterator[list[int]]:
    """Have three workers at work; yield their processes."""
    server = await asyncio.start_server(agency.serve, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    homes = [folder / f"w{number}" for number in range(3)]
    for home in homes:
        home.mkdir()
    await (await Journal.open(url, key=folder / "key")).close()
    given = [url, port, orjson.dumps({"attempts": 1, **guard}).decode(), *map(str, homes)]
    with (folder / "log").open("wb") as log:
        file = log.fileno()
        all_ = commands.start(folder, *given, environment=os.environ, out=file, err=file, script=WORKER)
    try:
        for home in homes:
            await until(lambda home=home: _pid(home) > 0)  # type: ignore[misc]
        yield [*map(_pid, homes)]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(all_.pid, signal.SIGKILL)
        await asyncio.to_thread(all_.wait, PATIENCE)
        server.close()
        await server.wait_closed()
        await asyncio.gather(*agency.tasks)


def _pid(home: Path) -> int:
    """Return the process of a worker; 0 where it is not at work yet."""
    ready = home / "ready"
    return int(ready.read_text() or 0) if ready.exists() else 0


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


async def reached(measure: Callable[[], Awaitable[float]], least: float) -> float:
    """Measure until it is more than the least, which a busy machine may keep it from for some time."""
    for _ in range(10):
        found = await measure()
        if found > least:
            return found
    raise AssertionError(f"{found} where more than {least} was to be reached")


@pytest.mark.proof
async def test_calls_in_flight_and_the_shares_of_a_killed_and_of_a_stopped_worker(
    tmp_path: Path, journal_database: str
) -> None:
    """Never more than five at once, and hardly fewer; what one held that is gone is the others' once its lease ends.

    One that was stopped for longer than that and goes on begins anew.
    """
    agency = Agency()
    async with team(tmp_path, journal_database, agency, concurrency=5, timeout=2) as workers:
        await until(lambda: len(agency.left) > 50)
        agency.peak = 0
        # A slot is held while the access row is written, too; and another's work may take the processor for a while.
        before = await reached(lambda: agency.busy(2.0), 2.5)
        assert agency.peak <= 5
        gone = time.monotonic()
        os.kill(workers[0], signal.SIGKILL)
        os.kill(workers[1], signal.SIGSTOP)
        await asyncio.sleep(0.5)
        left = await agency.busy(2.0)
        too_late = time.monotonic() - gone > _LEASE  # to see it: their shares may be the other's by now
        assert left < 4.5 or too_late

        async def whole() -> bool:
            return await agency.busy(1.0) > 0.9 * before

        await until(whole)
        stopped = agency.calls["w1"]
        os.kill(workers[1], signal.SIGCONT)
        await until(lambda: agency.calls["w1"] > stopped + 20)
        assert agency.peak == 5


@pytest.mark.proof
async def test_calls_a_second(tmp_path: Path, journal_database: str) -> None:
    """No window of the whole run has more calls than rate times its length and burst.

    But for half a second: a call that may leave does so when its process has the processor. Three workers that each
    took the whole rate would be over that within a second.
    """
    rate, burst = 8.0, 5
    agency = Agency()
    async with team(tmp_path, journal_database, agency, concurrency=50, rate=rate, burst=burst):
        await until(lambda: len(agency.left) > 20)

        async def a_second() -> float:
            before = len(agency.left)
            await asyncio.sleep(3.0)
            return (len(agency.left) - before) / 3.0

        await reached(a_second, 0.6 * rate)
    left = sorted(agency.left)
    for first, start in enumerate(left):
        for last in range(first, len(left)):
            assert last - first + 1 <= burst + rate * (left[last] - start + 0.5)


@pytest.mark.proof
async def test_the_breaker_of_all(tmp_path: Path, journal_database: str) -> None:
    """A server that fails sees no more than the failures that open the breaker and what is in flight, then probes."""
    agency = Agency()
    failures, concurrency = 10, 6
    async with team(
        tmp_path, journal_database, agency, concurrency=concurrency, breaker_failures=failures, breaker_open=2.0
    ) as workers:
        await until(lambda: len(agency.left) > 50)
        agency.down = True
        before = len(agency.left)
        await until(lambda: agency.flying == 0)
        await asyncio.sleep(1.0)
        # A worker that is late to tell of an answer from before begins the count anew, once.
        assert failures - concurrency <= len(agency.left) - before <= 2 * failures + concurrency
        opened = len(agency.left)
        began = time.monotonic()
        await asyncio.sleep(7.0)
        await until(lambda: len(agency.left) - opened >= 2)
        probes = len(agency.left) - opened
        assert probes <= (time.monotonic() - began) / 2.0 + 1
        agency.down = False
        await until(lambda: len(agency.left) > opened + probes + 50)
        assert all(map(_alive, workers))
