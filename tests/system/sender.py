"""A plugin for the tests: a sender that sends its whole file after every start and notes each receipt it gets."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import Field

from appealbus.core import Acceptor, Factory, Inbound, Intake, Settings, Taken, hookimpl
from appealbus.core.config.types import ConfigPath


class SenderSettings(Settings):
    """Which appeals, and where the receipts go."""

    file: ConfigPath
    receipts: ConfigPath
    together: int = Field(default=5, ge=1)
    """Messages that are on their way at once."""
    gate: ConfigPath | None = None
    """A file; until it is there, the second half is not sent."""


class Sender(Intake[SenderSettings]):
    """Sends line by line; a receipt is in its file as soon as the bus has given it."""

    async def run(self, acceptor: Acceptor) -> None:
        lines = list(enumerate(self.config.file.read_bytes().splitlines(), 1))
        half = 0 if self.config.gate is None else len(lines) // 2
        out = os.open(self.config.receipts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            await self._send_all(acceptor, lines[:half], out)
            while self.config.gate is not None and not self.config.gate.exists():
                await asyncio.sleep(0.02)
            await self._send_all(acceptor, lines[half:], out)
        finally:
            os.close(out)

    async def _send_all(self, acceptor: Acceptor, lines: Sequence[tuple[int, bytes]], out: int) -> None:
        left = iter(lines)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.config.together):
                group.create_task(self._send(acceptor, left, out))

    async def _send(self, acceptor: Acceptor, lines: Any, out: int) -> None:
        for number, line in lines:
            taken = await acceptor.accept(Inbound(self.name, f"{self.config.file.name}:{number}", line))
            if isinstance(taken, Taken):
                os.write(out, orjson.dumps(taken.receipt.model_dump(mode="json")) + b"\n")


@hookimpl
def register_intakes() -> list[Factory[Intake[Any]]]:
    """Bring the sender."""
    return [Factory("sender", SenderSettings, Sender)]
