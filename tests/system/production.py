"""An installation in its production form: appeals and dossiers by RabbitMQ, the journal wherever it is to be."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from appealbus.core.journal import figures
from appealbus.core.journal.appeals import leases
from appealbus.core.journal.journal import Journal
from tests.services.forms import LONG
from tests.services.rabbitmq import Vhost
from tests.system.installation import Agencies, Installation
from tests.system.program import Program, appealbus

T = TypeVar("T")
UP = 120.0
"""Seconds until several workers are up on a loaded machine."""


class Production(Installation):
    """One of them. Its workers reach broker and database by these addresses, which may be a proxy's."""

    def __init__(self, folder: Path, agencies: Agencies, vhost: Vhost, journal: str) -> None:
        """Write the configuration, and have the program make its exchanges and queues."""
        self.vhost = vhost
        self.journal = journal
        self.broker_port = vhost.port
        self.bus_journal = journal
        (folder / "password").write_text("guest")
        (folder / "password").chmod(0o600)
        super().__init__(folder, agencies)
        appealbus(folder, "topology", "apply")

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write `appealbus.toml`, with these tables over it."""
        broker = {
            "hosts": [f"127.0.0.1:{self.broker_port}"],
            "virtual_host": self.vhost.name,
            "password": {"file": "password"},
            "heartbeat": 3,
            "connect_timeout": "5s",
            "reconnect_max": "2s",
            "management": f"http://127.0.0.1:{self.vhost.rabbit.management}",
        }
        usual: dict[str, dict[str, Any]] = {
            "bus": {"journal": self.bus_journal},
            "plugins": {"amqp": {"brokers": {"main": broker}}},
            "intakes": {"post": {"kind": "amqp"}},
            "deliveries": {"registry": {"kind": "amqp", "confirm_within": "5s"}},
            "work": {"kind": "amqp"},
        }
        merged = {name: {**usual.get(name, {}), **tables.get(name, {})} for name in {**usual, **tables}}
        super().configure(**merged)

    def read(self, use: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """Read the journal, past any proxy."""

        async def work() -> T:
            async with await Journal.open(self.journal, read_only=True) as journal:
                return await use(journal)

        return asyncio.run(work())

    def busy(self) -> dict[str, int]:
        """Return how much is left to do now, by what it is; empty when all is settled."""
        counts = self.read(lambda journal: journal.ask(figures.counts))
        left = {
            "ready": counts.ready,
            "in_work": counts.in_work,
            "parked": counts.parked,
            "suspect": counts.suspect,
            **counts.outbox,
        }
        return {what: count for what, count in left.items() if count}

    def retry_all(self) -> None:
        """Have all parked appeals worked on now."""

        numbers = [row.number for row in self.rows()]

        async def work() -> None:
            async with await Journal.open(self.journal, key=self.folder / "appealbus.key") as journal:
                await asyncio.gather(*(journal.do(leases.Retry(number)) for number in numbers))

        asyncio.run(work())


class Workers:
    """The program with several workers."""

    def __init__(
        self, here: Production, count: int, *arguments: str, env: Mapping[str, str] | None = None, anew: bool = LONG
    ) -> None:
        """Start it and wait until all are up; in the long form as users do, by its name."""
        self.count = count
        self.program: Program = here.start("run", "--workers", str(count), *arguments, env=env, anew=anew)
        self._wait()

    def _wait(self) -> None:
        try:
            self.program.until(lambda: len(self.events("bus.started")) >= self.count, f"{self.count} workers run", UP)
        except AssertionError:
            self.program.kill()  # or it would start workers again for ever, beside all other tests
            raise

    def up(self) -> None:
        """Wait until one of them works, as the others do while one is started again."""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of an event; a line that is being written is left out."""
        lines = [line for line in self.program.err.split("\n")[:-1] if f'"{name}"' in line]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def pids(self) -> dict[int, int]:
        """Return the process of each worker, as last started."""
        return {event["worker"]: event["pid"] for event in self.events("worker.started")}

    def kill(self, worker: int) -> None:
        """End a worker as a power cut does; one that is dead already stays so."""
        try:
            os.kill(self.pids()[worker], signal.SIGKILL)
        except ProcessLookupError:
            return
