"""A script of the tests as a process of its own: a copy of one that has imported the program, which takes a second."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from tests.services import commands
from tests.services.commands import Started
from tests.services.processes import PATIENCE


class Script:
    """A script that runs, with what is used of asyncio's `Process`."""

    def __init__(self, started: Started, stdout: asyncio.StreamReader) -> None:
        self.pid = started.pid
        self.stdout = stdout
        self.send_signal = started.send_signal
        self.kill = started.kill
        self._started = started

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the signal that ended it as a negative number; None while it runs."""
        return self._started.poll()

    async def wait(self) -> int:
        """Wait until it has ended, whatever it says until then; return its exit code."""
        await self.communicate()
        return await asyncio.to_thread(self._started.wait, PATIENCE)

    async def communicate(self) -> tuple[bytes, None]:
        """Return what it says from now on to its end."""
        said = await self.stdout.read()
        await asyncio.to_thread(self._started.wait, PATIENCE)
        return said, None


async def start(script: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> Script:
    """Start a script in the test's environment, with these variables beside it; its errors go where the test's go."""
    reader = asyncio.StreamReader()
    ours, theirs = os.pipe()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb"))
    given = {**os.environ, **(environment or {})}
    errors = os.dup(2)
    try:
        made = commands.start(
            script.parent, *map(str, arguments), environment=given, out=theirs, err=errors, script=script
        )
    finally:
        os.close(theirs)
        os.close(errors)
    return Script(made, reader)
