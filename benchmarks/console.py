"""Pages of the console over a full journal: how long each takes, and how large it is.

    python benchmarks/console.py --journal sqlite --appeals 1000000
    python benchmarks/console.py --journal postgresql --appeals 1000000

Some appeals are worked by a bus and simulated agencies, one of which is down, and are cloned by SQL until there are so
many. The newest fifth of all versions waits for its receiver, which does not answer. Then `appealbus serve`, as it
ships, shows the pages to operators who are signed in: one at a time, and eight together.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
from cloning import Cloning
from sqlalchemy import text

from appealbus.core.journal.journal import Journal
from tests.plugins.console.world import world
from tests.services.journals import sqlite_journal
from tests.services.postgres import Postgres
from tests.services.processes import free_port

PROGRAM = Path(sys.executable).with_name("appealbus")
LISTS = (
    "/console/appeals",
    "/console/appeals?state=parked",
    "/console/appeals?source=egkn",
    "/console/appeals?code=http.502&due_before=2026-12-31",
    "/console/appeals?kind=complaint&completeness=partial",
    "/console/appeals?state=held",
    "/console/deliveries",
    "/console/deliveries/out",
    "/console/deliveries/out?show=waiting",
    "/console/deliveries/out?show=confirmed",
)
ACCOUNT = (
    "/console/account",
    "/console/account?actor=bench",
    "/console/account?actor=nobody",
    "/console/account?of=sources",
    f"/console/account?day={datetime.now(UTC):%Y-%m-%d}",
    "/console/account/done",
    "/console/account/done?what=paused",
    "/console/account/policy",
    "/console/account/mine",
)
"""As an auditor sees them: each appeal was looked at once."""
TABS = ("", "/timeline", "/timeline?failed=1", "/versions")


def main() -> None:
    """Fill a journal, serve it, and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--journal", choices=["sqlite", "postgresql"], default="sqlite")
    options.add_argument("--appeals", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=15)
    given = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if given.journal == "sqlite":
            url = sqlite_journal(folder / "demo.db")
        else:
            server = stack.enter_context(Postgres())
            url = server.url(server.database())
        with world(folder, url, replies=False) as made:
            made.do(look)
        cloning = Cloning(url)
        cloning.until(given.appeals)
        fall_behind(cloning, given.appeals // 5)
        base = stack.enter_context(served(folder))
        print(f"{given.journal}, {given.appeals:,} appeals; milliseconds of a page at a browser, and its kB")
        print(f"{'page':<60} {'first':>7} {'median':>7} {'worst':>7} {'8 at once':>10} {'kB':>6}")
        with closing(sign_in(folder, base)) as ops:
            for path in (*LISTS, *pages_of_one(ops)):
                measure(ops, path, given.rounds)
        with closing(sign_in(folder, base, "auditor")) as auditor:
            for path in ACCOUNT:
                measure(auditor, path, given.rounds)


async def look(journal: Journal) -> None:
    """Have somebody look at each appeal."""
    for row in await journal.appeals():
        await journal.note_look("dossier", number=row.number, purpose="complaint 14", by="person:bench")
    while await journal.place_log():
        pass


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

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        with (folder / "appealbus.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[plugins.api]\nlisten = "127.0.0.1:{self._port}"\nrequests_per_minute = 1000000\n')
        self._folder = folder

    def __enter__(self) -> str:
        self._process = subprocess.Popen([PROGRAM, "serve"], cwd=self._folder, stderr=subprocess.DEVNULL)
        base, ends = f"http://127.0.0.1:{self._port}", time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                httpx.get(f"{base}/healthz", timeout=5).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                return base
        raise TimeoutError("the server does not answer")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def sign_in(folder: Path, base: str, role: str = "ops") -> httpx.Client:
    """Return a browser of an operator, or of somebody with another role."""
    command = [PROGRAM, "console", "link", "--role", role, "--actor", f"bench-{role}"]
    link = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    ops = httpx.Client(base_url=base, headers={"Origin": base}, timeout=120, follow_redirects=True)
    ops.post("/console/enter", data={"link": link.partition("?link=")[2]}).raise_for_status()
    return ops


def pages_of_one(ops: httpx.Client) -> list[str]:
    """Return the last page that a list of 20 leads to, and the pages of a parked appeal on it."""
    path = LISTS[1]
    for _ in range(20):
        page = ops.get(path).text
        further = re.search(r'rel="next" href="([^"]+)"', page)
        if further is None:
            break
        path = further[1].replace("&amp;", "&")
    number = re.findall(r'href="(/console/appeals/[0-9a-f-]{36})"', page)[-1]
    return [path, *(f"{number}{tab}" for tab in TABS)]


def measure(ops: httpx.Client, path: str, rounds: int) -> None:
    """Ask for a page again and again, and print what it costs."""

    def once(_: int = 0) -> tuple[float, int]:
        began = time.perf_counter()
        answer = ops.get(path)
        answer.raise_for_status()
        return (time.perf_counter() - began) * 1000, len(answer.content)

    first, size = once()
    times = [once()[0] for _ in range(rounds)]
    with ThreadPoolExecutor(8) as pool:
        together = [each for each, _ in pool.map(once, range(8 * max(1, rounds // 4)))]
    shown = re.sub(r"[0-9a-f-]{36}", "ID", path)[:60]
    figures = f"{first:>7.0f} {statistics.median(times):>7.0f} {max(times):>7.0f} {statistics.median(together):>10.0f}"
    print(f"{shown:<60} {figures} {size / 1000:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
