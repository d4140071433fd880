"""`appealbus report` over a full journal: the first run, which reads all, and those after it.

    python benchmarks/reporting.py --journal sqlite --appeals 1000000

A thousand appeals come by themselves, each with two records of 45 fields; most are corrected, directed and answered by
changes. They are cloned by SQL until the journal is full. Each run is a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from cloning import Cloning
from run import Kind, Place, Site, agency
from scale import command, numbers, originals

from tests.services.postgres import Postgres
from tests.services.rabbitmq import Rabbit

RESULTS = ("satisfied", "refused", "explained", "explained", "explained")
NEWS = 1000
"""Appeals that something happens to before the last run."""


def changes(known: list[str]) -> list[dict[str, object]]:
    """Return what happens to appeals: they are spread over half a year, bodies, districts and categories."""
    found: list[dict[str, object]] = []
    for at, number in enumerate(known):
        month, day = at % 6 + 1, at % 28 + 1
        corrected = {
            "received_at": f"2026-{month:02d}-{day:02d}T10:00:00+05:00",
            "addressee": {"name": f"Аппарат акима района {at % 40}"},
            "category": {"code": f"{at % 30}"},
            "place": {"kato": f"27{at % 40 + 10}00000"},
        }
        told = [{"kind": "corrected", "corrected": corrected}]
        if at % 10:
            told.append({"kind": "directed", "dated_at": f"2026-{month:02d}-{day:02d}T15:00:00+05:00"})
        if at % 4:
            on = f"2026-{month + 1:02d}-{day:02d}"
            told.append({"kind": "answered", "result": RESULTS[at % 5], "answered_on": on})
        found += [{"type": "change", "number": number, **each} for each in told]
    return found


def take(place: Place, given: list[dict[str, object]], name: str) -> None:
    """Have the bus take changes."""
    lines = [json.dumps({**each, "message_id": f"{name}-{at}"}) for at, each in enumerate(given)]
    (place.folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    command(place, f"intake {name}.jsonl", "")


def report(place: Place) -> str:
    """Run a report; return its seconds, its seconds of CPU, its memory and what it counts."""
    began = time.perf_counter()
    words = [place.program(), "report", "--since", "2026-01-01", "--until", "2026-12-31", "--format", "json"]
    with (place.folder / "report.json").open("wb") as out:
        process = subprocess.Popen(words, cwd=place.folder, env=place.env(), stdout=out)
        memory = 0
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            memory = max(memory, _peak(process.pid))
            time.sleep(0.05)
        _, status, used = ended
    seconds = time.perf_counter() - began
    if status:
        sys.exit(f"the report ended with {status}")
    count = json.loads((place.folder / "report.json").read_bytes())["total"]["registered"]["count"]
    return f"{seconds:.1f} | {used.ru_utime + used.ru_stime:.1f} | {memory // 1024} | {count:,}"


def _peak(pid: int) -> int:
    """Return the KiB that a process has had at most; its `ru_maxrss` has what it was forked from, too."""
    told = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2]
    return int(told.split()[0]) if told else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--appeals", type=int, default=20_000)
    given = parser.parse_args()
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        site = Site(stack.enter_context(Rabbit(schedulers=2)), postgres, 200)
        up, down = stack.enter_context(agency()), stack.enter_context(agency("down"))
        place = stack.enter_context(site.place(Kind("", "", 1, given.journal == "postgresql")))
        originals(place, up, down)
        config = place.folder / "appealbus.toml"
        told = config.read_text().replace("[bus]\n", '[bus]\nchanges_from = ["files"]\npolicy = "policy.toml"\n')
        (place.folder / "policy.toml").write_text('[channels.files]\nchanges = ["*"]\n')
        config.write_text(f'{told}\n[plugins.report]\nfile = "report.db"\n')
        known = numbers(place)
        take(place, changes(known), "first")
        command(place, "run --until-idle", "")
        cloning = Cloning(place.journal)
        cloning.until(given.appeals)
        print("| run | seconds | CPU s | MB | appeals counted |\n|---|---|---|---|---|")
        print(f"| first | {report(place)} |", flush=True)
        print(f"| nothing new | {report(place)} |", flush=True)
        take(place, [{"type": "change", "number": each, "kind": "executed"} for each in known[:NEWS]], "second")
        print(f"| {len(known[:NEWS])} changed | {report(place)} |", flush=True)
        print(f"report.db: {(place.folder / 'report.db').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
