"""Writes appeals as JSON Lines: `python -m appealbus.simulator.appeals > appeals.jsonl`."""

import argparse
import sys

from appealbus.simulator.appeals import COUNT, example_lines
from appealbus.simulator.population import DEFAULT_SEED, DEFAULT_SIZE, Population


def main() -> None:
    parser = argparse.ArgumentParser(description="Write synthetic appeals as JSON Lines, in UTF-8.")
    parser.add_argument("--count", type=int, default=COUNT, help="how many")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="that of the simulator")
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE, help="the population's, as in the simulator")
    chosen = parser.parse_args()
    for line in example_lines(Population(chosen.seed, chosen.size), chosen.count):
        sys.stdout.buffer.write(f"{line}\n".encode())


if __name__ == "__main__":
    main()
