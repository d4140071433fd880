"""The HTTP API beside a bare FastAPI endpoint, over the same documents in the same database, by turns.

    python benchmarks/api.py

Each round has the program and the bare endpoint one after the other, and gives one ratio, so that what disturbs the
machine disturbs both; printed are the median and, in brackets, the smallest and the largest.
"""

import argparse
import asyncio
import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import cycle
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from books import resident
from intaking import Way, intake
from load import Load, Streams, request
from served import CHANNEL, MASKS, Site, allow_files, letters, site

from appealbus.core import Inbound
from appealbus.core.journal import feed as journal_feed
from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit

CONNECTIONS = 16
CROWD = 200
STREAMS = 1000
APPEALS = 100


@dataclass
class Duel:
    """Requests to ours and to the bare endpoint, and what came of them in each round."""

    name: str
    ours: list[bytes]
    bare: list[bytes]
    status: int = 200
    connections: int = CONNECTIONS
    loads: list[tuple[Load, Load]] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)

    async def round(self, site: Site, seconds: float, *, count: bool = True) -> None:
        sides = [(site.ours, self.ours), (site.bare, self.bare)]
        order = sides if len(self.loads) % 2 else sides[::-1]
        found: dict[int, tuple[Load, float]] = {}
        for (contender, port), requests in order:
            before = contender.cpu()
            load = Load(cycle(requests), seconds)
            await load.run(port, self.connections)
            assert set(load.statuses) == {self.status}, (self.name, load.statuses)
            found[port] = load, (contender.cpu() - before) / len(load.times) * 1000
        if count:
            (ours, its), (bare, other) = found[site.ours[1]], found[site.bare[1]]
            self.loads.append((ours, bare))
            self.cpu.append((its, other))

    def line(self) -> str:
        rates = [(ours.per_second, bare.per_second) for ours, bare in self.loads]
        middle = [(ours.percentile(0.5), bare.percentile(0.5)) for ours, bare in self.loads]
        late = [(ours.percentile(0.99), bare.percentile(0.99)) for ours, bare in self.loads]
        return f"| {self.name} | {' | '.join(map(_both, (rates, self.cpu, middle, late)))} |"


def _both(pairs: list[tuple[float, float]]) -> str:
    ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratios = [one / other for one, other in pairs if other]
    return f"{ours:.3g} : {bare:.3g} | {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def duels(site: Site) -> list[Duel]:
    """Return what is measured beside the bare endpoint."""
    ids = [row.public_id for row in site.rows]
    tags = [f'"{sha256(each).hexdigest()}"' for each in site.documents]
    plain = [request(f"/documents/{each}") for each in ids]
    known = [request(f"/documents/{each}", If_None_Match=tag) for each, tag in zip(ids, tags, strict=True)]

    def reads(mask: str) -> list[bytes]:
        return [request(f"/v1/appeals/{each}/dossier", token=site.tokens[mask]) for each in ids]

    def again(mask: str) -> list[bytes]:
        found = []
        line = http.client.HTTPConnection("127.0.0.1", site.ours[1])
        for each in ids:
            line.request("GET", f"/v1/appeals/{each}/dossier", headers={"Authorization": f"Bearer {site.tokens[mask]}"})
            answer = line.getresponse()
            answer.read()
            tag = answer.headers["ETag"]
            found.append(request(f"/v1/appeals/{each}/dossier", token=site.tokens[mask], If_None_Match=tag))
        line.close()
        return found

    def feed(mask: str) -> list[bytes]:
        return [request("/v1/feed?limit=100", token=site.tokens[mask])]

    return [
        *(Duel(f"dossier, mask {mask}", reads(mask), plain) for mask in MASKS),
        *(Duel(f"304, mask {mask}", again(mask), known, 304) for mask in ("everything", "paths")),
        *(Duel(f"feed page of {len(ids)}, mask {mask}", feed(mask), plain) for mask in ("everything", "identifiers")),
        Duel(f"dossier, {CROWD} connections", reads("everything"), plain, connections=CROWD),
    ]


async def streams(site: Site) -> str:
    """Return what many open streams cost, and how long it is until all of them have a new version."""
    contender, port = site.ours
    before = resident(contender)[0]
    head = await site.bus.journal.ask(journal_feed.page, None, 1000)
    opened = Streams()
    asked = request(f"/v1/feed/stream?after={head.next}", token=site.tokens["everything"])
    await opened.open(port, STREAMS, asked)
    each = (resident(contender)[0] - before) / STREAMS * 1024
    times = []
    for number in range(3):
        letter = letters(APPEALS + number + 1)[-1]
        began, cpu = time.perf_counter(), contender.cpu()
        await site.bus.accept(Inbound(CHANNEL, CHANNEL, letter))
        await opened.until(lambda wanted=(number + 1) * STREAMS: opened.heard >= wanted)
        times.append(f"{time.perf_counter() - began:.1f} s ({contender.cpu() - cpu:.1f} s of CPU)")
    opened.close()
    return f"{STREAMS} streams: {each:.0f} kB each; all have a new version after {', '.join(times)}"


def by_intake(name: str, found: list[Way]) -> Iterator[str]:
    """Yield a line for each way in."""
    queue = next(way for way in found if way.name == "by queue")
    for way in found:
        rates = list(zip(way.per_second, queue.per_second, strict=True))
        cpu = list(zip(way.cpu, queue.cpu, strict=True))
        yield f"| {name}, {way.name} | {_both(rates)} | {_both(cpu)} |"


async def measured(name: str, url: Callable[[str], str], rabbit: Rabbit, given: argparse.Namespace) -> None:
    """Measure all with one database, and print it."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        async with site(folder, url("journal"), url("bare"), APPEALS) as both:
            found = duels(both)
            for each in found:
                await each.round(both, 0.3, count=False)
            for number in range(given.rounds):
                for each in found:
                    await each.round(both, given.seconds)
                print(f"{name}: round {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            head = " | ".join(f"{word} | ratio" for word in ("a second", "CPU ms", "p50 ms", "p99 ms"))
            print(f"\n| {name}, ours : bare | {head} |", "|---" * 9 + "|", sep="\n")
            print(*(each.line() for each in found), sep="\n")
            print(f"\n{name}: {await streams(both)}", flush=True)
        ways = await intake(folder, url, rabbit, given.appeals, given.rounds)
        print(
            f"\n| {name} | appeals a second : by queue | ratio | CPU ms an appeal | ratio |", "|---" * 5 + "|", sep="\n"
        )
        print(*by_intake(name, ways), sep="\n", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.6, help="of each side in a round")
    parser.add_argument("--appeals", type=int, default=400, help="that each way in takes in a round")
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), help="only this one")
    given = parser.parse_args()
    allow_files(10_000)
    began = time.monotonic()
    with Rabbit(schedulers=2) as rabbit, Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        urls: dict[str, Callable[[str], str]] = {
            "sqlite": lambda name: f"sqlite:///{folder}/{name}.db",
            "postgresql": lambda name: postgres.url(postgres.database()),
        }
        for name, url in urls.items():
            if given.journal in (None, name):
                await measured(name, url, rabbit, given)
    print(f"\n{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    asyncio.run(main())
