"""Run all contenders, several rounds interleaved, and print the table that the README shows."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CONTENDERS = {"bone": ("bone.py", 1.0), "zeep": ("zeep_httpx.py", 0.1), "ours": ("ours.py", 1.0)}


def once(script: str, url: str, count: int, window: int) -> dict[str, float]:
    command = [sys.executable, str(HERE / script), url, str(count), str(window)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=HERE, check=False)
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4000, help="appeals of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=200, help="appeals in flight")
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    given = parser.parse_args()
    agency = subprocess.Popen(
        [sys.executable, str(HERE / "agency.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    try:
        assert agency.stdout is not None
        url = f"http://127.0.0.1:{agency.stdout.readline().strip()}/"
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in given.only}
        for i in range(given.rounds):
            for name in given.only:
                script, share = CONTENDERS[name]
                rounds[name].append(once(script, url, int(given.count * share), given.window))
                print(f"round {i + 1} {name}: {rounds[name][-1]['per_second']:.0f} appeals/s", file=sys.stderr)
    finally:
        agency.terminate()
        agency.wait(10)
    print(table({name: median(figures) for name, figures in rounds.items()}))


def median(figures: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(each[key] for each in figures) for key in figures[0]}


def table(results: dict[str, dict[str, float]]) -> str:
    base = results.get("bone") or next(iter(results.values()))
    lines = [
        "| | appeals/s | to the bone | CPU ms an appeal | to the bone | one at a time, ms | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        speed, cpu = r["per_second"] / base["per_second"], r["cpu_ms"] / base["cpu_ms"]
        lines.append(
            f"| {name} | {r['per_second']:.0f} | {speed:.2f} | {r['cpu_ms']:.2f} | {cpu:.2f} "
            f"| {r['single_ms']:.1f} | {r['memory_mb']:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
