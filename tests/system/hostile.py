"""A plugin that does what a plugin must not do, each to the appeals that ask for it: it exists to stress the host."""

import asyncio
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from appealbus.core import (
    Assessor,
    Call,
    Factory,
    From,
    Health,
    Lookup,
    NoSettings,
    Outcome,
    Query,
    Reply,
    Request,
    Service,
    Source,
    Wire,
    found,
    hookimpl,
)
from appealbus.schemas import Record


class Word(Record):
    """What was asked, once more."""

    type: Literal["hostile.Word"] = "hostile.Word"
    word: str


class Words(Query):
    """What the appeal wants done."""

    word: Annotated[str, From("repeats[*]")]


class Obeys(Lookup[Words, Word]):
    """Does as the appeal says."""

    name = "hostile.obeys"
    purpose = "a test"

    async def ask(self, query: Words, source: Source) -> Outcome[Word]:
        await source.call(Request({}))
        match query.word:
            case "exit":
                sys.exit(2)
            case "interrupt":
                raise KeyboardInterrupt
            case "cancel":
                raise asyncio.CancelledError
            case "own":
                raise _Own
            case "block":
                await asyncio.to_thread(threading.Event().wait)
            case "deaf":
                await _deaf()
            case "thread":
                threading.Thread(target=threading.Event().wait).start()
            case "stop":
                asyncio.get_running_loop().stop()
            case "stray":
                asyncio.get_running_loop().call_soon(sys.exit, 2)
        return found(Word(word=query.word))


class _Own(BaseException):
    pass


async def _deaf() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


class Hold(Wire):
    """Answers at once."""

    async def call(self, request: Request, call: Call) -> Reply:
        return Reply({}, "0" * 64, datetime.now(UTC))

    async def health(self) -> Health:
        return Health(True, "always there")

    async def close(self) -> None:
        sys.exit(2)


class Quits(Assessor):
    """Never assesses."""

    name = "quits"

    def assess(self, dossier: Any) -> list[Any]:
        sys.exit(2)


class Exits(Service):
    """Ends, in its own run and in a task that it has made, and does not hear that it should."""

    name = "exits"

    async def run(self, bus: Any) -> None:
        self._task = asyncio.create_task(self._deaf())
        raise SystemExit(2)

    async def _deaf(self) -> None:
        asyncio.create_task(self._exit())  # noqa: RUF006
        await _deaf()

    async def _exit(self) -> None:
        sys.exit(2)


@hookimpl
def register_lookups() -> Sequence[Lookup[Any, Any]]:
    return [Obeys()]


@hookimpl
def register_connectors() -> list[Factory[Hold]]:
    return [Factory("hostile", NoSettings, lambda source, settings: Hold())]


@hookimpl
def register_assessors() -> list[Assessor]:
    return [Quits()]


@hookimpl
def register_services() -> list[Service]:
    return [Exits()]


@hookimpl
def dossier_ready() -> None:
    raise KeyboardInterrupt
