"""Two versions of the program beside each other: one broker, one database server, one agency, batches by turns.

    python benchmarks/duel.py --against 85bb67e --journal postgresql --workers 2 --bone

Both run all the time, and one works while the others wait. Each round gives one ratio of each figure, so that what
disturbs the machine disturbs both; printed are the median and, in brackets, the smallest and the largest.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from books import Books, OnPostgres, OnSqlite, resident, server_cpu, traced
from harness import WARM_UP, Contender, Queues, batch
from run import Kind, Site, agency

from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit

FIGURES = {
    "per_second": "appeals/s",
    "cpu_ms": "CPU ms an appeal",
    "server_ms": "CPU ms of the database's processes",
    "single_ms": "one at a time, ms",
    "rss_mb": "MB of all processes",
    "pss_mb": "MB, what they share divided",
    "bytes": "journal's bytes an appeal",
}
COUNTED = 50
"""Appeals one at a time whose statements and waits are counted."""


@dataclass
class Side:
    """One of the contenders, and what was seen of it in each round."""

    name: str
    contender: Contender
    queues: Queues
    books: Books | None
    rounds: list[dict[str, float]] = field(default_factory=list)
    passed: int = 0
    size: int = 0

    def warm_up(self) -> None:
        self.contender.until_it_consumes(self.queues)
        self.queues.pass_through(WARM_UP)
        self.size = self.books.size() if self.books else 0

    def many(self, count: int) -> None:
        """Begin a round with so many appeals at once."""
        served = server_cpu(self.books) if self.books else 0.0
        figures = batch(self.contender, self.queues, count)
        served = (server_cpu(self.books) if self.books else 0.0) - served
        self.rounds.append(figures | {"server_ms": served / count * 1000})
        self.passed += count

    def one(self) -> float:
        """Return the milliseconds that one appeal takes alone."""
        self.passed += 1
        return self.queues.pass_through(1) * 1000

    def end_round(self, singles: list[float]) -> None:
        rss, pss = resident(self.contender)
        grown = self.books.size() - self.size if self.books else 0
        more = {"single_ms": statistics.median(singles), "rss_mb": rss, "pss_mb": pss, "bytes": grown / self.passed}
        self.rounds[-1] |= more

    def count(self, batches: list[int], in_flight: int) -> str:
        """Return a line of what these appeals ask of the journal and the kernel, divided by their number."""
        assert self.books is not None
        before = self.books.statements()
        with traced(self.contender.processes()) as own, traced(self.books.servers()) as servers:
            for appeals in batches:
                self.queues.pass_through(appeals)
        statements, commits = (now - then for now, then in zip(self.books.statements(), before, strict=True))
        fsyncs = sum(each[name] for each in (own, servers) for name in ("fsync", "fdatasync"))
        figures = (statements, commits, servers["recvfrom"], fsyncs)
        cells = (f"{figure / sum(batches):.2f}" for figure in figures)
        return f"| {self.name} | {in_flight} | {' | '.join(cells)} |"


def fight(sides: list[Side], count: int, rounds: int, singles: int) -> None:
    """Let them work by turns; who begins changes from round to round."""
    for side in sides:
        side.warm_up()
    for number in range(rounds):
        order = sides if number % 2 == 0 else sides[::-1]
        for side in order:
            side.many(count)
            print(f"round {number + 1} {side.name}: {side.rounds[-1]['per_second']:.0f} appeals/s", file=sys.stderr)
        alone: dict[str, list[float]] = {side.name: [] for side in sides}
        for _ in range(singles):
            for side in order:
                alone[side.name].append(side.one())
        for side in sides:
            side.end_round(alone[side.name])


def ratio(one: Side, other: Side, figure: str) -> str:
    """Return how one side's figure is to the other's, round by round."""
    pairs = zip(one.rounds, other.rounds, strict=True)
    found = [mine[figure] / theirs[figure] for mine, theirs in pairs if theirs[figure]]
    return f"{statistics.median(found):.2f} ({min(found):.2f}–{max(found):.2f})" if found else ""


def table(sides: list[Side]) -> str:
    """Return the figures of all, and the ratios: of the second to the first, of both to the bone if it is there."""
    pairs = [(sides[1], sides[0]), *((side, sides[2]) for side in sides[:2] if len(sides) > 2)]
    head = [side.name for side in sides] + [f"{one.name} to {other.name}" for one, other in pairs]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for figure, label in FIGURES.items():
        if not any(each[figure] for each in sides[0].rounds):
            continue  # SQLite has no processes of its own
        medians = (statistics.median(each[figure] for each in side.rounds) for side in sides)
        cells = [f"{value:.0f}" if value >= 100 else f"{value:.2f}" for value in medians]
        lines.append(f"| {label} | {' | '.join(cells + [ratio(*pair, figure) for pair in pairs])} |")
    return "\n".join(lines)


def counts(sides: list[Side], count: int, window: int) -> str:
    """Return what each appeal asks of the journal, one at a time and many, and where the journal's bytes are."""
    lines = ["| an appeal | in flight | statements | commits | reads of the server | fsyncs |", "|---" * 6 + "|"]
    lines += [side.count(*how) for how in (([1] * COUNTED, 1), ([count], window)) for side in sides]
    sizes = [Counter[str]() for _ in sides]
    for side, found in zip(sides, sizes, strict=True):
        for _, name, size in side.books.parts() if side.books else ():
            found[name] += size
    lines += ["", f"| kB of a table with its indexes | {' | '.join(side.name for side in sides)} |", "|---|---|---|"]
    for name, _ in (sizes[0] | sizes[1]).most_common(12):
        lines.append(f"| {name} | {' | '.join(f'{each[name] / 1024:.0f}' for each in sizes)} |")
    return "\n".join(lines)


@contextmanager
def tree(against: str, ready: str) -> Iterator[Path]:
    """Yield the checkout of that path, or make one of that commit with an environment of its own."""
    if (Path(against) / "benchmarks").is_dir():
        yield Path(against).resolve()
        return
    git = ["git", "-C", str(HERE.parent), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*git, "add", "--quiet", "--detach", f"{folder}/tree", against], check=True)
        try:
            subprocess.run(["make", f".venv/{ready}"], cwd=f"{folder}/tree", check=True)
            yield Path(folder, "tree")
        finally:
            subprocess.run([*git, "remove", "--force", f"{folder}/tree"], check=True)


def named(path: Path) -> str:
    """Return what stands in a checkout, by git."""
    command = ["git", "-C", str(path), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", required=True, help="a commit, or the path of a checkout that has its .venv")
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="appeals of a batch")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--singles", type=int, default=20, help="appeals one at a time in a round")
    parser.add_argument("--window", type=int, default=200, help="appeals in flight")
    parser.add_argument("--bone", action="store_true", help="with the bone as the third")
    parser.add_argument("--counts", action="store_true", help="count statements, waits, fsyncs and bytes, too")
    given = parser.parse_args()
    stores = given.journal == "postgresql"
    preload = "pg_stat_statements" if given.counts else ""
    with ExitStack() as stack:
        # What people run has no driver for PostgreSQL.
        against = stack.enter_context(tree(given.against, "test-ready" if stores else "run-ready"))
        kinds = {
            named(against): Kind("", "", 1, stores, given.workers, against, str(against / ".venv/bin/python")),
            f"{named(HERE.parent)} here": Kind("", "", 1, stores, given.workers),
        }
        if given.bone:
            kinds["bone"] = Kind("bone.py")
        postgres = stack.enter_context(Postgres(preload=preload))
        if preload:
            postgres.execute("CREATE EXTENSION pg_stat_statements")
        site = Site(stack.enter_context(Rabbit(schedulers=2)), postgres, given.window)
        url = stack.enter_context(agency())
        sides = []
        for name, kind in kinds.items():
            contender, queues = stack.enter_context(site.running(kind, url))
            journal = contender.journal
            books = None if kind.script else OnPostgres(postgres, journal) if stores else OnSqlite(journal)
            sides.append(Side(name, contender, queues, books))
        fight(sides, given.count, given.rounds, given.singles)
        print(table(sides))
        if given.counts:
            print("", counts(sides[:2], given.count, given.window), sep="\n")


if __name__ == "__main__":
    main()
