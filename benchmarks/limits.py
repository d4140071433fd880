"""What it costs to keep a source's limits over several workers: processes with one guard each, on a private PostgreSQL.

The source answers in 50 ms, so it takes 20 calls a second for each that it takes at a time. First all workers have more
questions than it takes; then all but the last, which has one every now and then: how long does that one wait?
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))
from sqlalchemy import Engine, event

from appealbus.core import Call, Health, Lookup, Outcome, Query, Reply, Request, Source, Wire, found
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.limits import Limits
from appealbus.core.guards.question import Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Record
from tests.services.postgres import Postgres

ANSWER, PAUSE, WARM_UP = 0.05, 1.5, 5.0


class Thing(Record):
    type: Literal["bench.Thing"] = "bench.Thing"


class ThingQuery(Query):
    iin: str


class Timed(Lookup[ThingQuery, Thing], Wire):
    name, purpose = "bench.thing", "to measure"
    calls: list[tuple[float, float]] = []

    async def ask(self, query: ThingQuery, source: Source) -> Outcome[Thing]:
        await source.call(Request({}))
        return found(Thing())

    async def call(self, request: Request, call: Call) -> Reply:
        started = time.monotonic()
        await asyncio.sleep(ANSWER)
        self.calls.append((started, time.monotonic()))
        return Reply({}, "ab" * 32, datetime.now(UTC))

    async def health(self) -> Health:
        return Health(ok=True, detail="")


async def work(*, url: str, name: str, concurrency: int, seldom: bool, begin: float, seconds: float) -> None:
    """Ask from `begin` on for so many seconds, and before to warm up; print what was seen in them."""
    source, waits, statements = Timed(), [], []
    event.listen(Engine, "before_cursor_execute", lambda *_: statements.append(1))

    async def access(rows: object) -> None:
        """Write nothing, so that all statements are the limits' own."""

    async def keep_asking(who: int) -> None:
        while (asked := time.monotonic()) < begin + seconds:
            key = f"{name}.{who}.{asked}"
            await guard.ask(Question(source, ThingQuery(iin=key), key, (), "N", "a", asked + 60, "p", "1", "law"))
            if asked > begin:
                waits.append(time.monotonic() - asked - ANSWER)
            await asyncio.sleep(PAUSE if seldom else 0)

    async with await Journal.open(url) as journal:
        limits = Limits(journal, name)
        settings = GuardSettings(attempts=1, concurrency=concurrency, timeout=5)
        services = GuardServices(access, lambda *_: None, limits=limits)
        guard = Guard(Bound("s", "timed", source, settings), services)
        await limits.start()
        running = asyncio.create_task(limits.run())
        crowd = [asyncio.create_task(keep_asking(who)) for who in range(1 if seldom else 2 * concurrency)]
        await asyncio.sleep(begin - time.monotonic())
        before, cpu = len(statements), time.process_time()
        await asyncio.sleep(seconds)
        result = {"statements": len(statements) - before, "cpu": time.process_time() - cpu}
        await asyncio.gather(*crowd)
        running.cancel()
        await limits.leave()
    print(json.dumps(result | {"waits": sorted(waits), "calls": source.calls}))


async def measure(postgres: Postgres, workers: int, concurrency: int, seconds: float, seldom: bool) -> str:
    """Run so many workers and return a line about them."""
    url, begin = postgres.url(postgres.database()), time.monotonic() + WARM_UP + workers
    await (await Journal.open(url)).close()
    started = []
    for number in range(workers):
        given = {"name": f"w{number}", "seldom": seldom and number == workers - 1, "concurrency": concurrency}
        given |= {"url": url, "begin": begin, "seconds": seconds}
        command = [sys.executable, __file__, "--work", json.dumps(given)]
        started.append(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
    results = [json.loads((await each.communicate())[0].splitlines()[-1]) for each in started]
    calls = [call for result in results for call in result["calls"]]
    done = sum(begin <= start < begin + seconds for start, _ in calls)
    steps = [step for _, step in sorted([(at, 1) for at, _ in calls] + [(at, -1) for _, at in calls])]
    at_once = max(accumulate(steps), default=0)
    line = f"{workers} workers: {done / seconds:.1f} calls/s, at most {at_once} at once"
    if seldom and (waits := results[-1]["waits"]):
        line += f", the seldom one waits {1000 * waits[len(waits) // 2]:.0f} ms and at most {1000 * waits[-1]:.0f} ms"
    cpu, statements = (sum(result[what] for result in results) / seconds for what in ("cpu", "statements"))
    return f"{line}, {statements:.0f} statements/s, {1000 * cpu:.0f} ms CPU/s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        asyncio.run(work(**options.work))
    else:
        with Postgres() as private:
            private.start()
            for count, rarely in ((1, False), (2, False), (4, False), (2, True), (4, True)):
                print(asyncio.run(measure(private, count, options.concurrency, options.seconds, rarely)), flush=True)
