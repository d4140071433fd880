"""Helper processes: what may end the process that reads it is read by one of them, and only that one dies.

Each gets requests by its input, gives results by its output, and ends when its input does.
"""

import asyncio
import contextlib
from asyncio.subprocess import Process
from typing import cast


def pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """Return the input and the output of a helper that was started with both."""
    return cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)


async def end(process: Process, within: float) -> None:
    """End a helper: it ends by itself when its input does, and is killed if it has not within these seconds."""
    pipes(process)[0].close()
    if within:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), within)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
