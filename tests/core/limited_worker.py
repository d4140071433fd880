"""A worker of a team: a bus whose one source is the counting server. Arguments: folder, journal's URL, port, guard."""

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path

import orjson

from appealbus.core import Call, CallFailed, From, OutcomeKind, Reply, Request
from appealbus.core.errors import JournalError
from tests.core.kit import ScriptedWire, lookup, message, reply, running_bus

BUSY = 40


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
        (folder / "ready").touch()
        serial = 0
        while True:
            if bus.in_flight < BUSY:
                serial += 1
                with suppress(JournalError):  # one that was stopped does not know what became of its last write
                    await bus.accept(message(f"{folder.name}.{serial}", repeats=[f"{folder.name}.{serial}"]))
            else:
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), orjson.loads(sys.argv[4])))
