"""Run all contenders, several rounds interleaved, and print the table that the README shows."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from harness import Contender, Queues, measure

from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit, Vhost

PARKED = 10_000
CONFIGURE = """
import sys
from pathlib import Path
from ours import configure
folder, amqp, agency, journal, window = sys.argv[1:]
configure(Path(folder), amqp, agency, journal, int(window))
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A contender: the script and its last argument, or how ours runs; and its share of a round's appeals.

    `tree` is the checkout that ours comes from, `python` the interpreter that it is installed for.
    """

    script: str = ""
    argument: str = ""
    share: float = 1.0
    postgres: bool = False
    workers: int = 1
    tree: Path = HERE.parent
    python: str = sys.executable


CONTENDERS = {
    "bone": Kind("bone.py"),
    "ours, SQLite": Kind(),
    "ours, PostgreSQL": Kind(postgres=True),
    "ours, PostgreSQL, 2 workers": Kind(postgres=True, workers=2),
    "FastStream, zeep, aiohttp": Kind("stream.py", "aiohttp", 0.2),
    "FastStream, zeep, httpx": Kind("stream.py", "httpx", 0.05),
    "pika and zeep in a loop": Kind("plain.py", share=0.02),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender works: a folder, queues and a journal of its own. It may be started there again."""

    kind: Kind
    folder: Path
    vhost: Vhost
    journal: str
    window: int

    @contextmanager
    def running(self, agency: str, after: int = 0) -> Iterator[tuple[Contender, Queues]]:
        """Run the contender; appeals are numbered from there on."""
        queues = Queues(self.vhost.url, after)
        contender = Contender(self.command(agency), self.folder, self.env(), self.journal)
        try:
            yield contender, queues
        finally:
            contender.end()
            queues.connection.close()

    def env(self) -> dict[str, str]:
        """Return the environment that ours runs in: the plugin imports the contract."""
        return {**os.environ, "PYTHONPATH": str(self.kind.tree / "benchmarks")}

    def program(self) -> str:
        """Return the path of ours."""
        return str(Path(self.kind.python).with_name("appealbus"))

    def command(self, agency: str) -> list[str]:
        """Write its configuration, where it needs one; return how it is started."""
        kind, given = self.kind, [self.vhost.url, agency, self.journal, str(self.window)]
        if kind.script:
            return [sys.executable, str(HERE / kind.script), self.vhost.url, agency, str(self.window), kind.argument]
        configure = [kind.python, "-c", CONFIGURE, str(self.folder), *given]
        subprocess.run(configure, cwd=kind.tree / "benchmarks", check=True)
        return [self.program(), "run", "--workers", str(kind.workers)]


@dataclass(frozen=True, slots=True)
class Site:
    """What all contenders use."""

    rabbit: Rabbit
    postgres: Postgres
    window: int

    @contextmanager
    def place(self, kind: Kind) -> Iterator[Place]:
        """Make a place for a contender, and take it away in the end."""
        vhost, database = self.rabbit.vhost(), self.postgres.database()
        with tempfile.TemporaryDirectory() as folder:
            journal = f"sqlite:///{folder}/journal.db" if not kind.postgres else self.postgres.url(database)
            yield Place(kind, Path(folder), vhost, journal, self.window)
        self.rabbit.drop(vhost)
        self.postgres.drop(database)

    @contextmanager
    def running(self, kind: Kind, agency: str) -> Iterator[tuple[Contender, Queues]]:
        """Run a contender in a place of its own."""
        with self.place(kind) as place, place.running(agency) as both:
            yield both


@contextmanager
def agency(*arguments: str) -> Iterator[str]:
    """Run the agency; yield its address."""
    command = [sys.executable, str(HERE / "agency.py"), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
    finally:
        process.terminate()
        process.wait(10)


def parked(site: Site, kind: Kind, count: int) -> float:
    """Return the megabytes of ours when so many appeals wait for an agency that is down."""
    with agency("down") as url, site.running(kind, url) as (contender, queues):
        contender.until_it_consumes(queues)
        queues.pass_through(count)
        return contender.memory()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4000, help="appeals of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=200, help="appeals in flight")
    parser.add_argument("--parked", type=int, default=PARKED, help="appeals that wait for an agency that is down")
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    given = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in given.only}
    waiting: dict[str, float] = {}
    with Rabbit(schedulers=2) as rabbit, Postgres() as postgres:
        site = Site(rabbit, postgres, given.window)
        with agency() as url:
            for i in range(given.rounds):
                for name in given.only:
                    kind = CONTENDERS[name]
                    with site.running(kind, url) as (contender, queues):
                        rounds[name].append(measure(contender, queues, int(given.count * kind.share)))
                    print(f"round {i + 1} {name}: {rounds[name][-1]['per_second']:.0f} appeals/s", file=sys.stderr)
        for name in given.only:
            if not CONTENDERS[name].script and given.parked:
                waiting[name] = parked(site, CONTENDERS[name], given.parked)
    print(table({name: median(figures) for name, figures in rounds.items()}, waiting))


def median(figures: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(each[key] for each in figures) for key in figures[0]}


def table(results: dict[str, dict[str, float]], waiting: dict[str, float]) -> str:
    base = results.get("bone") or next(iter(results.values()))
    lines = [
        "| | appeals/s | to the bone | CPU ms an appeal | to the bone | one at a time, ms | peak MB | MB, parked |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        speed, cpu = r["per_second"] / base["per_second"], r["cpu_ms"] / base["cpu_ms"]
        lines.append(
            f"| {name} | {r['per_second']:.0f} | {speed:.2f} | {r['cpu_ms']:.2f} | {cpu:.2f} "
            f"| {r['single_ms']:.1f} | {r['memory_mb']:.0f} | {f'{waiting[name]:.0f}' if name in waiting else ''} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
