"""A team of workers: each is a bus whose one source is the counting server. Arguments: journal, port, guard, folders.

This process imports what they need, and each of them is a copy of it: the same three times would take most of the test.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import orjson

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request
from appealbus.core.errors import JournalError
from appealbus.core.guards import worker_share
from tests.core.kit import ScriptedWire, lookup, message, reply, running_bus

worker_share.LEASE = 5.0  # half of what it is: nobody waits for long until a dead worker's share is the others'
BUSY = 40
PAUSE = 0.03
"""Seconds between two appeals: several times what the limits let through, and no more than a processor can bear."""


async def main(folder: Path, url: str, port: int, guard: dict[str, object]) -> None:
    """Keep many appeals in work until killed."""

    async def ask(request: Request, call: Call) -> Reply:
        # The system's monotonic clock is one for all processes: the server judges by when a call left.
        left = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"{left} {folder.name}\n".encode())
            answer = await reader.readline()
        finally:
            writer.close()
        if answer != b"yes\n":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "test.down", "down")
        return reply()

    async with running_bus(
        folder,
        lookup("s.thing", x=From("repeats[*]")),
        wire=ScriptedWire(ask),
        bus={"journal": url, "key": str(folder.parent / "key"), "grace": 1, "concurrency": BUSY},
        sources={"s": {"connector": "scripted", "guard": guard}},
        retry={"first": "1h"},
    ) as bus:
        (folder / "ready").write_text(str(os.getpid()))
        serial = 0
        while True:
            if bus.in_flight < BUSY:
                serial += 1
                with suppress(JournalError):  # one that was stopped does not know what became of its last write
                    await bus.accept(message(f"{folder.name}.{serial}", repeats=[f"{folder.name}.{serial}"]))
            await asyncio.sleep(PAUSE)


def team(url: str, port: int, guard: dict[str, object], folders: list[str]) -> None:
    """Start a worker in each folder, all in one group, so that they end together; end when all have ended."""
    os.setsid()
    for folder in folders:
        if not os.fork():
            asyncio.run(main(Path(folder), url, port, guard))
    for _ in folders:
        os.wait()


if __name__ == "__main__":
    team(sys.argv[1], int(sys.argv[2]), orjson.loads(sys.argv[3]), sys.argv[4:])
