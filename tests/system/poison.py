"""A plugin for the tests: a source inside the process, and appeals and messages that kill whoever works them.

`POISON` says what happens over an appeal whose text is `poison`: `kill` before its question leaves, `reply` once it is
answered, `block` holds up the loop for ever, `cancel` cancels all tasks, `descriptors` closes all files, `tasks` begins
more tasks than the watchdog lets pass, which never end, `limit` lets no file grow, `fork` has a copy of the process go
on beside it, `delivery` as the receiver `deadly` is handed its dossier.
`HURRY` shortens the pauses of suspects, leases, and how long a loop may block: `BLOCKED` seconds, or three; `SLOW` is
how many seconds the source takes.
"""

import asyncio
import json
import os
import resource
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from appealbus.core import (
    Call,
    Delivery,
    Factory,
    From,
    Handed,
    Health,
    Inbound,
    Lookup,
    NoSettings,
    Outcome,
    Outgoing,
    Query,
    Reply,
    Request,
    Source,
    Wire,
    found,
    hookimpl,
)
from appealbus.core.bus import bus, watchdog
from appealbus.core.bus.duties import leader
from appealbus.core.bus.intake import decoding, reception
from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.guards import worker_share
from appealbus.core.journal.appeals import suspects
from appealbus.core.loading.host import Host
from appealbus.schemas import Record

_BLOCKED = float(os.environ.get("BLOCKED", "3"))


def _impatient(host: Host, lease: float) -> Watchdog:
    return Watchdog(host, min(lease, _BLOCKED))


if os.environ.get("HURRY"):
    suspects.PAUSES = (0.5, 1.0)
    reception.PAUSES = (0.0, 0.5, 1.0)
    worker_share.LEASE = 3.0
    leader.LEASE, leader._RENEW = 4.0, 1.0
    watchdog._MOST, watchdog._LATE = 7_000, 0.0
    bus.Watchdog = _impatient  # type: ignore[assignment,misc]

_decode = decoding.decode


def _read(message: Inbound, *how: Any) -> Any:
    if b"kills who reads it" in message.raw:
        os.kill(os.getpid(), signal.SIGKILL)
    return _decode(message, *how)


decoding.decode = _read


_LEAKED: list[asyncio.Future[None]] = []


async def _never() -> None:
    while True:
        await asyncio.sleep(0.5)


class Note(Record):
    """What the source answers."""

    type: Literal["test.Note"] = "test.Note"


class ByText(Query):
    """The whole letter."""

    text: Annotated[str, From("text")]


class Inside(Wire):
    """Notes each question that has left in a file, and answers in a moment."""

    async def call(self, request: Request, call: Call) -> Reply:
        """Answer."""
        with Path("asked.txt").open("a") as asked:  # noqa: ASYNC230 - a line of a test
            asked.write(f"{request.body['lookup']} {call.number}\n")
        await asyncio.sleep(float(os.environ.get("SLOW", "0.05")))
        return Reply({}, "0" * 64, datetime.now(UTC))

    async def health(self) -> Health:
        """Say that it is there."""
        return Health(True, "inside")


class Innocent(Lookup[ByText, Note]):
    """Asks, and hurts nobody."""

    name = "inside.innocent"
    purpose = "a test"

    async def ask(self, query: ByText, source: Source) -> Outcome[Note]:
        """Ask."""
        await source.call(Request({"lookup": self.name}))
        return found(Note())


class Killer(Lookup[ByText, Note]):
    """Asks, and ends the process over one letter."""

    name = "inside.killer"
    purpose = "a test"

    async def ask(self, query: ByText, source: Source) -> Outcome[Note]:
        """Ask or kill."""
        how = os.environ.get("POISON") if query.text == "poison" else None
        if how == "kill":
            await asyncio.sleep(0.02)  # the other question of this appeal has left by now
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "block":
            time.sleep(10**6)  # noqa: ASYNC251
        if how == "cancel":
            for task in asyncio.all_tasks():
                task.cancel()
        if how == "descriptors":
            os.closerange(3, 4096)
        if how == "tasks":
            _LEAKED.extend(asyncio.ensure_future(_never()) for _ in range(3 * watchdog._MOST))
            await asyncio.sleep(10)  # on a quick machine all would be over before anybody looks
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        if how == "fork":
            os.fork()
        await source.call(Request({"lookup": self.name}))
        if how == "reply":
            os.kill(os.getpid(), signal.SIGKILL)
        return found(Note())


class Deadly(Delivery[NoSettings]):
    """Takes every dossier, and ends the process over one."""

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Take or kill."""
        if os.environ.get("POISON") == "delivery" and any(_is_poison(each) for each in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        with Path("taken.txt").open("a") as taken:  # noqa: ASYNC230 - a line of a test
            taken.writelines(f"{each.number}\n" for each in batch)
        return [None] * len(batch)


def _is_poison(outgoing: Outgoing) -> bool:
    return bool(json.loads(outgoing.dossier)["appeal"]["text"] == "poison")


@hookimpl
def register_deliveries() -> list[Factory[Delivery[Any]]]:
    """Bring the receiver."""
    return [Factory("deadly", NoSettings, Deadly)]


@hookimpl
def register_connectors() -> list[Factory[Wire]]:
    """Bring the wire."""
    return [Factory("inside", NoSettings, lambda source, settings: Inside())]


@hookimpl
def register_lookups() -> list[Lookup[Any, Any]]:
    """Bring the questions."""
    return [Innocent(), Killer()]
