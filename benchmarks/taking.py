"""An intake without a bus behind it: messages from a queue, or from nowhere, become appeals in a journal and no more.

    python benchmarks/taking.py FOLDER queue|memory COUNT

Says `ready`, takes so many messages for each line that it reads, and writes a line when it has.
"""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

from served import CHANNEL, letters

from appealbus.core import Inbound, Quarantined, Taken
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.loading import load
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.logs import configure

WINDOW = 64
"""Messages in flight."""


class Counting:
    """Takes messages and counts them."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self.taken = 0
        self.one_more = asyncio.Event()

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        found = await self._reception.accept(message)
        if not isinstance(found, Taken):
            sys.exit(f"a message was not taken: {found.reason}")
        self.taken += 1
        self.one_more.set()
        return found

    async def until(self, count: int) -> None:
        while self.taken < count:
            self.one_more.clear()
            await self.one_more.wait()


async def from_memory(counting: Counting, bodies: list[bytes]) -> None:
    """Take messages that are in memory, so many in flight."""
    waiting = iter(bodies)

    async def some() -> None:
        for body in waiting:
            await counting.accept(Inbound(CHANNEL, CHANNEL, body))

    await asyncio.gather(*(some() for _ in range(WINDOW)))


async def main(folder: Path, way: str, count: int) -> None:
    loaded = load(folder / "appealbus.toml")
    configure(loaded.settings.log.level, loaded.settings.log.format)
    bus = loaded.settings.bus
    bodies = letters(count) if way == "memory" else []
    async with await Journal.open(bus.journal, key=bus.key_file()) as journal, aclosing(Reception(journal, bus)) as to:
        counting = Counting(to)
        beside = set()
        if way == "queue":
            (intake,) = build(loaded, load_plugins(loaded)).intakes
            beside.add(asyncio.create_task(intake.run(counting)))
        print("ready", flush=True)
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            wanted = counting.taken + int(line)
            if bodies:
                await from_memory(counting, bodies[counting.taken : wanted])
            await counting.until(wanted)
            print("taken", flush=True)
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
