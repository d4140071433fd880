"""Surges of a full journal: what it costs to count it, to count on, and to judge a week of 2,100 series.

    python benchmarks/surges_scale.py --journal sqlite --appeals 1000000
    python benchmarks/surges_scale.py --journal postgresql --appeals 1000000

Some appeals come through the journal's own door, and are cloned by SQL until there are so many: five years of them, of
twenty topics in ninety districts by chance. The last week comes by itself again. A process of its own counts them, and
another one judges the last week, as the service does.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

from cloning import Cloning
from sqlalchemy import text
from surges import DISTRICTS, PLACES, TOPICS

from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.core.journal import events
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.plugins.surges.clusters import near_from
from appealbus.plugins.surges.series import WEEK, monday_of
from appealbus.plugins.surges.store import Store
from appealbus.plugins.surges.watch import count_new, judged_week, last_whole_week, surges
from appealbus.schemas import Appeal
from tests.services.journals import sqlite_journal
from tests.services.postgres import Postgres

WEEKS = 261
BATCH, ORIGINALS = 500, 2000
CHANCE = {"sqlite": "abs(random() % {})", "postgresql": "floor(random() * {})::int"}
PLACE = {"sqlite": "printf('%d%d00000', {}, {})", "postgresql": "format('%s%s00000', {}, {})"}
TOPIC = {"sqlite": "printf('t%02d', {})", "postgresql": "'t' || lpad(({})::text, 2, '0')"}
TEXT = "Участок зарос, мусор не вывозят, прошу принять меры. " * 8


async def fill(journal: Journal, first: int, count: int, weeks: int, begins: datetime) -> None:
    """Accept appeals of some weeks, in their order."""
    random = Random(first)
    for at in range(0, count, BATCH):
        news = []
        for n in range(at, min(count, at + BATCH)):
            moment = begins + weeks * WEEK * (n / count) + timedelta(hours=9)
            about = {
                "message_id": f"m{first + n}",
                "category": {"code": random.choice(TOPICS)},
                "place": {"kato": f"{random.choice(DISTRICTS)}00000"},
                "text": TEXT,
            }
            news.append(NewAppeal(Appeal.model_validate(about), moment, "appealbus"))
        await asyncio.gather(*map(journal.accept, news))


def clone(url: str, appeals: int, begins: datetime, weeks: int) -> None:
    """Clone the appeals that are there, and spread them over weeks, topics and districts."""
    cloning = Cloning(url)
    cloning.until(appeals)
    kind, microseconds = cloning.kind, int(weeks * WEEK / timedelta(microseconds=1)) // (appeals + ORIGINALS)
    chance = CHANCE[kind].format
    category = TOPIC[kind].format(chance(len(TOPICS)))
    place = PLACE[kind].format("11 + " + chance(9), "10 + " + chance(10))
    moment = f"{int(begins.timestamp() * 1_000_000)} + id * {microseconds}"
    with cloning.engine.begin() as connection:
        connection.execute(text(f"UPDATE appeal SET accepted_at = {moment}, category = {category}, place = {place}"))
    with cloning.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("PRAGMA journal_mode=WAL" if kind == "sqlite" else "VACUUM FULL ANALYZE appeal"))
    cloning.engine.dispose()


def row(what: str, began: float, used: float) -> None:
    """Print what something took, and the most memory that this process has had."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    high = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"| {what} | {seconds:.2f} | {cpu:.2f} | {high / 1024:.0f} |", flush=True)


async def counted(url: str, key: Path, file: Path) -> None:
    """Count what is new."""
    async with await Journal.open(url, key=key) as journal:
        with closing(Store(file)) as store:
            began, used = time.perf_counter(), time.process_time()
            before = store.counted("j").upto
            await count_new(PublicJournal(journal), "j", store)
            row(f"{store.counted('j').upto - before:,} appeals counted", began, used)


async def judged(url: str, key: Path, file: Path, table: str) -> None:
    """Judge the last week, and read what is behind its alarms."""
    async with await Journal.open(url, key=key) as journal:
        with closing(Store(file)) as store:
            began, used = time.perf_counter(), time.process_time()
            near = near_from(Path(table)) if table else None
            found, scanned = judged_week(store, last_whole_week(wall()), 0.05, near)
            scans = f", and {scanned.tested} topics scanned" if scanned else ""
            row(f"a week judged, {found.tested:,} series{scans}", began, used)
            began, used = time.perf_counter(), time.process_time()
            alarms = await surges(PublicJournal(journal), store, found, 0.05, scanned)
            row(f"what is behind {len(alarms)} alarms", began, used)


def alone(*words: str) -> None:
    """Do a part in a process of its own."""
    subprocess.run([sys.executable, __file__, *words], check=True)


async def measure(url: str, key: Path, folder: Path, appeals: int) -> None:
    """Fill the journal, count and judge."""
    monday, file = last_whole_week(wall()), folder / "surges.db"
    begins = datetime.combine(monday_of(monday) - (WEEKS - 1) * WEEK, datetime.min.time(), KAZAKHSTAN)
    positions = folder / "districts.csv"
    rows = "".join(f"{place},{x},{y}\n" for place, (x, y) in PLACES.items())
    positions.write_text(f"kato,longitude,latitude\n{rows}", encoding="utf-8")
    week = appeals // WEEKS
    began = time.perf_counter()
    async with await Journal.open(url, key=key) as journal:
        await fill(journal, 0, ORIGINALS, 1, begins)
        while await journal.do(events.Placing()):
            pass
    clone(url, appeals - week, begins, WEEKS - 1)
    async with await Journal.open(url, key=key) as journal:
        print(f"{appeals:,} appeals, made in {time.perf_counter() - began:.0f} s; load {os.getloadavg()[0]:.1f}")
        print("| | s | CPU s | MB |\n|---|---|---|---|", flush=True)
        given = (url, str(key), str(file))
        alone("--count", *given)
        await fill(journal, 2 * appeals, week, 1, begins + (WEEKS - 1) * WEEK)
        alone("--count", *given)
        alone("--count", *given)
        alone("--judge", *given, "")
        alone("--judge", *given, str(positions))
    print(f"load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    asked.add_argument("--appeals", type=int, default=1_000_000)
    asked.add_argument("--count", nargs=3, metavar=("URL", "KEY", "FILE"), help="of the process that counts")
    asked.add_argument("--judge", nargs=4, metavar=("URL", "KEY", "FILE", "TABLE"), help="of the one that judges")
    given = asked.parse_args()
    if given.count:
        url, key, file = given.count
        asyncio.run(counted(url, Path(key), Path(file)))
        return
    if given.judge:
        url, key, file, table = given.judge
        asyncio.run(judged(url, Path(key), Path(file), table))
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key = folder / "journal.db.key"
        if given.journal == "sqlite":
            url = sqlite_journal(folder / "journal.db")
        else:
            server = stack.enter_context(Postgres())
            url = server.url(server.database())
        asyncio.run(measure(url, key, folder, given.appeals))


if __name__ == "__main__":
    main()
