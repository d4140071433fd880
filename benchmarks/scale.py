"""A full journal beside an empty one: what a million appeals cost the next one, and each command.

    python benchmarks/scale.py --journal sqlite --appeals 1000000

Some appeals come by themselves into two journals, parked ones among them. In one of them they are cloned by SQL until
it is full, and it is checked: clones read back as their originals do. Then both are worked, by turns.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from books import OnPostgres, OnSqlite
from cloning import Cloning, faults
from contract import IN
from duel import Side, fight, table
from run import Kind, Place, Site, agency

from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit

DELIVERED, PARKED, BROKEN = 980, 20, 10
"""Originals: appeals that are done, those that wait for an agency that is down, messages that are no appeals."""
SAMPLED = 3
"""Clones that are read back."""
COMMANDS = (
    "appeals",
    "appeals --lacking",
    "appeals --state parked",
    "status",
    "sources",
    "history NUMBER",
    "dossier NUMBER",
    "why NUMBER",
    "explain NUMBER agency.first/text0",
    "access list",
    "access list --number NUMBER",
    "tail",
    "tail --number NUMBER",
    "quarantine list",
    "prune --dry-run",
    "retry NUMBER",
)
# A look at a dossier is itself in the history.
READ_BACK = ("history NUMBER", "dossier NUMBER --format json", "why NUMBER", "explain NUMBER agency.first/text0")


def originals(place: Place, up: str, down: str) -> int:
    """Have appeals come by themselves; return the serial of the last."""
    with place.running(down) as (contender, queues):
        contender.until_it_consumes(queues)
        for _ in range(BROKEN):
            queues.channel.basic_publish("", IN, b"{")
        queues.pass_through(PARKED)
        last = queues.serial
    with place.running(up, last) as (contender, queues):
        contender.until_it_consumes(queues)
        queues.pass_through(DELIVERED)
        return queues.serial


def command(place: Place, line: str, number: str) -> tuple[float, float, str]:
    """Run a command; return its seconds, its seconds of CPU, and what it said."""
    words = [number if word == "NUMBER" else word for word in line.split()]
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [place.program(), *words], cwd=place.folder, env=place.env(), capture_output=True, text=True, check=False
    )
    seconds, now = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{line}: {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, done.stdout


def numbers(place: Place) -> list[str]:
    """Return the numbers of the originals, in their order: first those that are parked."""
    return [each["number"] for each in json.loads(command(place, "appeals --json --limit 1000", "")[2])]


def read_back(place: Place, known: list[str], copies: int) -> Iterator[str]:
    """Yield which clones do not read as their originals do."""
    for original in random.sample(known[PARKED:], SAMPLED):
        clone = f"{original[:-8]}{int(original[-8:]) + random.randint(1, copies) * len(known):08d}"
        for line in READ_BACK:
            told = [command(place, line, number)[2] for number in (original, clone)]
            if not told[0] or told[0] != told[1].replace(clone, original):
                yield f"{line}: {clone} reads otherwise than {original}"


def commands(places: dict[str, Place], known: list[str], times: int) -> str:
    """Return a table of what each command takes in each journal, by turns."""
    lines = [f"| command | {' | '.join(f'{name}, s | CPU s' for name in places)} | CPU to CPU |", "|---" * 6 + "|"]
    for line in COMMANDS:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in places}
        for number in known[:times] if line.startswith("retry") else known[-times:]:
            for name, place in places.items():
                found[name].append(command(place, line, number)[:2])
        medians = [statistics.median(column) for runs in found.values() for column in zip(*runs, strict=True)]
        cells = " | ".join(f"{value:.2f}" for value in medians)
        lines.append(f"| `{line}` | {cells} | {medians[3] / medians[1]:.2f} |")
    return "\n".join(lines)


def sizes(side: Side, appeals: int) -> str:
    """Return a table of the bytes of each table and index, for each appeal."""
    assert side.books is not None
    parts = sorted(side.books.parts(), key=lambda part: -part[2])
    lines = ["| table or index | bytes an appeal |", "|---|---|"]
    lines.append(f"| all | {sum(size for *_, size in parts) / appeals:.0f} |")
    return "\n".join(lines + [f"| {name} | {size / appeals:.0f} |" for name, _, size in parts if size > appeals])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--appeals", type=int, default=20_000, help="in the full journal; a million takes 5 GB")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="appeals of a batch")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--singles", type=int, default=20, help="appeals one at a time in a round")
    parser.add_argument("--times", type=int, default=3, help="runs of each command")
    given = parser.parse_args()
    stores = given.journal == "postgresql"
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        site = Site(stack.enter_context(Rabbit(schedulers=2)), postgres, 200)
        up, down = stack.enter_context(agency()), stack.enter_context(agency("down"))
        places = {
            name: stack.enter_context(site.place(Kind("", "", 1, stores, given.workers))) for name in ("empty", "full")
        }
        serial = max([originals(place, up, down) for place in places.values()])
        known = numbers(places["full"])
        cloning = Cloning(places["full"].journal)
        cloning.until(given.appeals)
        copies = -(-given.appeals // len(known)) - 1
        wrong = [*faults(places["full"].journal), *read_back(places["full"], known, copies)]
        print("\n".join(wrong) or f"{given.appeals:,} appeals; sampled clones read as their originals do", flush=True)
        sides = []
        for name, place in places.items():
            contender, queues = stack.enter_context(place.running(up, serial))
            books = OnPostgres(postgres, place.journal) if stores else OnSqlite(place.journal)
            sides.append(Side(name, contender, queues, books))
        fight(sides, given.count, given.rounds, given.singles)
        print("", table(sides), "", sizes(sides[1], given.appeals), "", sep="\n", flush=True)
        print(commands(places, known, given.times))


if __name__ == "__main__":
    main()
