"""Pages of the console over a full journal: how long each takes, and how large it is.

    python benchmarks/console.py --journal sqlite --appeals 1000000
    python benchmarks/console.py --journal postgresql --appeals 1000000

Some appeals are worked by a bus and simulated agencies, one of which is down, and are cloned by SQL until there are so
many. The newest fifth of all versions waits for its receiver, which does not answer. Then `appealbus serve`, as it
ships, shows the pages to people who are signed in: one at a time, eight together, and at last two hundred. `cpu` is
what the server's process takes for a page, `db` what PostgreSQL's take: these count where a machine has more to do.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appealbus.core.journal.appeals import lists

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
from cloning import Cloning
from sqlalchemy import text

from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.core.config.models import LogFormat, LogLevel
from appealbus.core.journal import access, events
from appealbus.core.journal.appeals import lists as journal_lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.logs import configure
from tests.plugins.console.alarms import alarms_in
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import world
from tests.services.journals import sqlite_journal
from tests.services.postgres import Postgres
from tests.services.processes import free_port

_AT_ONCE = 200
_STARTS, _COUNTS = 300, 3600
"""Seconds that the server may take to start, and the figures to be counted for the first time."""
_MESSAGES = 3000
"""In quarantine."""
_HERTZ = os.sysconf("SC_CLK_TCK")
PROGRAM = Path(sys.executable).with_name("appealbus")
TODAY = wall().astimezone(KAZAKHSTAN)
LISTS = (
    "/console/appeals",
    "/console/appeals?state=parked",
    "/console/appeals?source=egkn",
    f"/console/appeals?code=http.502&due_before={TODAY.year + 1}-12-31",
    "/console/appeals?kind=complaint&completeness=partial",
    "/console/appeals?state=held",
    "/console/appeals?age=1",
    "/console/appeals?lacking=1&age=0",
    "/console/appeals?receiver=out",
    "/console/appeals?receiver=out&due_before=2000-01-01",
    "/console/appeals?source=egkn&due_before=2000-01-01",
    "/console/appeals?code=http.502&due_before=2000-01-01",
    "/console/appeals?kind=application&completeness=complete",
)
"""The last four find nothing, and look as far as a page does."""
OPS = (
    "/console/now",
    "/console/sources",
    "/console/sources/egkn",
    f"/console/sources/egkn/impact?until={TODAY + timedelta(days=2):%Y-%m-%dT%H:%M}",
    "/console/deliveries",
    "/console/deliveries/out",
    "/console/deliveries/out?show=waiting",
    "/console/deliveries/out?show=confirmed",
    "/console/quarantine",
    "/console/quarantine?code=json.malformed",
    "/console/quarantine/{message}",
    "/console/quarantine/{message}/try",
    "/console/operations",
    "/console/operations/preview?do=retry&state=parked",
    "/console/operations/preview?do=hold&kind=complaint",
    "/console/operations/preview?do=retry&source=egkn",
    "/console/operations/preview?do=hold&receiver=out",
    "/console/operations/preview?do=hold&kind=application&code=http.502",
    "/console/operations/preview?do=resend&receiver=out&since=2020-01-01T00:00",
    "/console/workers",
    "/console/configuration",
    "/console/configuration?all=1",
    "/console/account/done",
    "/console/account/policy",
    "/console/views",
)
REVIEWER = ("/console/terms", "/console/terms?days=92", "/console/surges", "/console/surges/1")
TABS = (
    "",
    "/dossier",
    "/explain?field=appeal.kind",
    "/term",
    "/timeline",
    "/timeline?failed=1",
    "/versions",
    "/repeats",
)
"""Of an appeal, as a reviewer sees them who has said what for."""
FIGURES = ("/console/report?by=period", "/console/report?by=body")
AUDITOR = (
    "/console/account",
    "/console/account?actor=person:bench",
    "/console/account?actor=person:nobody",
    "/console/account?of=sources",
    "/console/account?appeal={id}",
    f"/console/account?day={TODAY:%Y-%m-%d}",
    "/console/account/done",
    "/console/account/done?what=paused",
    "/console/account/policy",
    "/console/account/mine",
)
"""As an auditor sees them: each appeal was looked at once."""


def main() -> None:
    """Fill a journal, serve it, and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--journal", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--appeals", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=15)
    given = options.parse_args()
    configure(LogLevel.ERROR, LogFormat.AUTO)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server: Postgres | None = None
        if given.journal == "sqlite":
            url = sqlite_journal(folder / "demo.db")
        else:
            server = stack.enter_context(Postgres())
            url = server.url(server.database())
        with world(folder, url, replies=False) as made:
            made.do(fill_quarantine)
            made.do(look)
            numbers = [row.number for row in made.do(lambda journal: journal.ask(lists.appeals))]
        alarms_in(folder / "surges.db", numbers)
        cloning = Cloning(url)
        cloning.until(given.appeals)
        fall_behind(cloning, given.appeals // 5)
        running = served(folder, server)
        base = stack.enter_context(running)
        load = os.getloadavg()[0]
        print(f"{given.journal}, {given.appeals:,} appeals, load {load:.1f} on {os.cpu_count()} cores; ms and kB")
        print(f"{'page':<52} {'first':>6} {'median':>6} {'worst':>6} {'8 at once':>9} {'cpu':>6} {'db':>6} {'kB':>5}")
        people = {
            each: stack.enter_context(closing(sign_in(folder, base, each))) for each in ("ops", "reviewer", "auditor")
        }
        ids = {"{message}": message_of(people["ops"])}
        pages = [("ops", each) for each in (*LISTS, *OPS)]
        last, appeal, seen = deep(people)
        ids["{id}"] = appeal
        pages.append(("ops", last))
        pages += [("reviewer", f"/console/appeals/{appeal}{tab}{'&' if '?' in tab else '?'}{seen}") for tab in TABS]
        pages += [("reviewer", each) for each in REVIEWER] + [("auditor", each) for each in AUDITOR]
        for who, path in pages:
            measure(people[who], with_ids(path, ids), given.rounds, running)
        crowd(people["ops"], running.resident)
        for path in figures(people["reviewer"]):
            measure(people["reviewer"], path, given.rounds, running)


async def look(journal: Journal) -> None:
    """Have somebody look at each appeal."""
    for row in await journal.ask(journal_lists.appeals):
        await journal.do(access.Look("dossier", number=row.number, purpose="complaint 14", by="person:bench"))
    while await journal.do(events.Placing()):
        pass


async def fill_quarantine(journal: Journal) -> None:
    """Have messages that nobody could take."""
    new = [
        NewQuarantine(datetime.now(UTC), "files", f"a.jsonl:{n}", "no JSON", b"{" * 2000, "", "json.malformed", None)
        for n in range(_MESSAGES)
    ]
    await asyncio.gather(*(journal.do(each) for each in new))


def fall_behind(cloning: Cloning, count: int) -> None:
    """Have so many of the newest versions wait for their receiver, and the one before them refused."""
    waits = "sent_at = NULL, attempts = 3, last_error = 'unreachable'"
    with cloning.engine.begin() as connection:
        newest = connection.scalar(text("SELECT max(id) FROM outbox"))
        given = {"first": newest - count}
        connection.execute(text(f"UPDATE outbox SET {waits} WHERE id > :first"), given)
        alone = "sent_at = NULL, last_error = 'unfit', alone_since = next_attempt_at"
        connection.execute(text(f"UPDATE outbox SET {alone} WHERE id = :first"), given)
    if cloning.kind == "postgresql":
        with cloning.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE outbox"))
    cloning.engine.dispose()


class served:  # noqa: N801 - used as a function
    """The server, as long as the block lasts."""

    def __init__(self, folder: Path, database: Postgres | None) -> None:
        self._port = free_port()
        with (folder / "appealbus.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[plugins.api]\nlisten = "127.0.0.1:{self._port}"\nrequests_per_minute = 1000000\n')
            file.write('\n[plugins.surges]\nfile = "surges.db"\n\n[plugins.report]\nfile = "report.db"\n')
        self._folder = folder
        self._database = database

    def __enter__(self) -> str:
        self._process = subprocess.Popen([PROGRAM, "serve"], cwd=self._folder, stderr=subprocess.DEVNULL)
        base, ends = f"http://127.0.0.1:{self._port}", time.monotonic() + _STARTS
        while time.monotonic() < ends and self._process.poll() is None:
            try:
                httpx.get(f"{base}/healthz", timeout=5).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                return base
        self._process.kill()
        raise TimeoutError("the server does not answer")

    def resident(self) -> int:
        """Return MiB that it has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) // 1024

    def took(self) -> tuple[float, float]:
        """Return seconds of CPU that its process has taken, and PostgreSQL's."""
        database = self._database and self._database.pid
        return cpu_of(self._process.pid), sum(map(cpu_of, (database, *children_of(database)))) if database else 0.0

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)


def cpu_of(pid: int) -> float:
    """Return seconds of CPU of a process, and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    except FileNotFoundError:
        return 0.0  # it has ended, and counts as its parent's
    return sum(map(int, fields[11:15])) / _HERTZ


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has begun."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def sign_in(folder: Path, base: str, role: str = "ops") -> httpx.Client:
    """Return a browser of an operator, or of somebody with another role."""
    command = [PROGRAM, "console", "link", "--role", role, "--actor", f"bench-{role}"]
    link = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    limits = httpx.Limits(max_connections=_AT_ONCE)
    ops = httpx.Client(base_url=base, headers={"Origin": base}, timeout=120, follow_redirects=True, limits=limits)
    ops.post("/console/enter", data={"link": link.partition("?link=")[2]}).raise_for_status()
    return ops


def message_of(ops: httpx.Client) -> str:
    """Return the id of a message in quarantine."""
    return re.findall(r'href="/console/quarantine/(\d+)"', ops.get("/console/quarantine?code=json.malformed").text)[-1]


def deep(people: Mapping[str, httpx.Client]) -> tuple[str, str, str]:
    """Return the last page that a list leads to, 20 at most, a parked appeal on it, and what shows a reviewer all."""
    path, found = LISTS[1], list[str]()
    for _ in range(20):
        page = people["ops"].get(path).text
        further = re.search(r'rel="next" href="([^"]+)"', page)
        found = re.findall(r'href="/console/appeals/([0-9a-f-]{36})"', page) or found
        if further is None:
            break
        path = further[1].replace("&amp;", "&")
    reviewer, of_it = people["reviewer"], f"/console/appeals/{found[-1]}"
    said = {"csrf": csrf_of(reviewer.get(f"{of_it}/dossier")), "purpose": "a benchmark", "to": "dossier"}
    return path, found[-1], reviewer.post(f"{of_it}/unmask", data=said).url.query.decode()


def with_ids(path: str, ids: Mapping[str, str]) -> str:
    """Return a path with the ids that stand for names in it."""
    for name, id_ in ids.items():
        path = path.replace(name, id_)
    return path


def figures(reviewer: httpx.Client) -> list[str]:
    """Have the figures counted for the first time, and print how long that took; return their pages."""
    began = time.monotonic()
    while (answer := reviewer.get(FIGURES[0])).status_code == 503 and time.monotonic() < began + _COUNTS:
        time.sleep(1)
    if answer.status_code == 503:
        print(f"figures are not counted within {_COUNTS} s")
        return []
    answer.raise_for_status()
    print(f"figures are counted for the first time in {time.monotonic() - began:.0f} s")
    lists = re.findall(r'href="(/console/report/appeals[^"]+)"', answer.text)
    return [*FIGURES, *(each.replace("&amp;", "&") for each in lists[:1])]


def measure(ops: httpx.Client, path: str, rounds: int, running: served) -> None:
    """Ask for a page again and again, and print what it costs."""
    shown = re.sub(r"seen=[^&]+", "seen", re.sub(r"[0-9a-f-]{36}", "ID", path)).removeprefix("/console")[:52]
    try:
        first, size = once(ops, path)
    except httpx.HTTPStatusError as error:
        print(f"{shown:<52} {error.response.status_code}", flush=True)
        return
    before = running.took()
    times = [once(ops, path)[0] for _ in range(rounds)]
    cpu, database = ((after - then) * 1000 / rounds for then, after in zip(before, running.took(), strict=True))
    with ThreadPoolExecutor(8) as pool:
        together = [each for each, _ in pool.map(lambda _: once(ops, path), range(8 * max(1, rounds // 8)))]
    figures = f"{first:>6.0f} {statistics.median(times):>6.0f} {max(times):>6.0f} {statistics.median(together):>9.0f}"
    print(f"{shown:<52} {figures} {cpu:>6.0f} {database:>6.0f} {size / 1000:>5.1f}", flush=True)


def crowd(ops: httpx.Client, resident: Callable[[], int]) -> None:
    """Ask for two hundred pages at a time, and print how long they took and what the server grew by."""
    pages, before = [(*LISTS, "/console/now")[n % (len(LISTS) + 1)] for n in range(_AT_ONCE)], resident()
    for _ in range(3):
        began = time.perf_counter()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            times = list(pool.map(lambda path: once(ops, path)[0], pages))
        took = time.perf_counter() - began
        print(
            f"{_AT_ONCE} at once: {took:.1f} s, {_AT_ONCE / took:.0f} pages a second, the slowest {max(times):.0f} ms",
            end="; ",
        )
        print(f"{before} MiB before, {resident()} after", flush=True)


def once(ops: httpx.Client, path: str) -> tuple[float, int]:
    """Ask for a page; return milliseconds, and its bytes."""
    began = time.perf_counter()
    answer = ops.get(path)
    answer.raise_for_status()
    return (time.perf_counter() - began) * 1000, len(answer.content)


if __name__ == "__main__":
    main()
