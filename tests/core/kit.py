"""Small plugins for tests of the bus: a record, lookups made to order, and a wire that follows a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import create_model

from appealbus.core import (
    Assessor,
    Call,
    Delivery,
    Factory,
    Health,
    Inbound,
    JournalPart,
    Lookup,
    NoSettings,
    Outgoing,
    Query,
    Reply,
    Request,
    Source,
    Terms,
    Wire,
    WorkQueue,
    found,
)
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal import documents
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.loading.parts import build
from appealbus.core.planning.plan import Node
from appealbus.core.testing import scripted_connector
from appealbus.schemas import Appeal, Dossier, Outcome, Record
from tests.services.journals import sqlite_journal


class Thing(Record):
    """A record for tests: a name and the things it leads to."""

    type: Literal["test.Thing"] = "test.Thing"
    name: str
    next: list[str] = []


def lookup(
    name_: str,
    ask: Callable[[Any, Source], Awaitable[Outcome[Any]]] | None = None,
    record_: type[Record] = Thing,
    **fields: Any,
) -> Lookup[Any, Any]:
    """Make a lookup whose query has the given fields: name = From(...) or (type, From(...)[, default])."""
    columns: dict[str, Any] = {}
    for field, given in fields.items():
        kind, source, *default = given if isinstance(given, tuple) else (str, given)
        columns[field] = (Annotated[kind, source], default[0] if default else ...)
    query = create_model(f"{name_.title().replace('.', '')}Query", __base__=Query, **columns)

    class Made(Lookup[query, record_]):  # type: ignore[valid-type]
        name = name_
        purpose = "a test"

        async def ask(self, query: Any, source: Source) -> Outcome[Any]:
            if ask is not None:
                return await ask(query, source)
            await source.call(Request({"name": self.name, **query.model_dump()}))
            return found(Thing(name=self.name))

    return Made()


def node(made: Lookup[Any, Thing]) -> Node:
    """Put a lookup into a plan's node."""
    return Node(made, "test", "1", "a norm")


def appeal(**given: Any) -> Appeal:
    """Make an appeal with little in it."""
    return Appeal.model_validate({"message_id": "1", "kind": "complaint", "applicant": {"type": "person"}, **given})


class ScriptedWire(Wire):
    """A wire that answers as its script says, and remembers what it was asked."""

    def __init__(self, script: Callable[[Request, Call], Awaitable[Reply] | Reply] | None = None) -> None:
        self.script = script
        self.asked: list[tuple[Request, Call]] = []

    async def call(self, request: Request, call: Call) -> Reply:
        self.asked.append((request, call))
        if self.script is None:
            await asyncio.sleep(0)
            return reply()
        answer = self.script(request, call)
        return answer if isinstance(answer, Reply) else await answer

    async def health(self) -> Health:
        return Health(True, "scripted")


def reply() -> Reply:
    """Make an empty reply."""
    return Reply({}, "0" * 64, datetime.now(UTC), message_id="m-1")


class Receiver(Delivery[NoSettings]):
    """A receiver that keeps what it gets, and fails while `broken` is set."""

    got: ClassVar[dict[str, list[Outgoing]]] = {}
    broken: ClassVar[set[str]] = set()

    async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
        if self.name in self.broken:
            raise ConnectionError("the receiver is away")
        self.got.setdefault(self.name, []).extend(batch)
        return [None] * len(batch)


@asynccontextmanager
async def running_bus(
    folder: Path,
    *lookups: Lookup[Any, Any],
    wire: ScriptedWire | None = None,
    assessors: Sequence[Assessor] = (),
    work_queues: Sequence[Factory[WorkQueue[Any]]] = (),
    terms: Sequence[Terms] = (),
    journal_parts: Sequence[JournalPart] = (),
    **tables: Any,
) -> AsyncIterator[Bus]:
    """Run a bus over a real journal in the folder, with the lookups' source `s` bound to the scripted wire.

    By the channel `test` any change of its own appeals may come, unless the tables name a policy.
    """
    brought: dict[str, list[Any]] = {
        "connectors": [scripted_connector(wire or ScriptedWire())],
        "lookups": list(lookups),
        "deliveries": [Factory("receiver", NoSettings, Receiver)],
        "assessors": list(assessors),
        "work_queues": list(work_queues),
        "services": [],
        "terms": list(terms),
        "journal_parts": list(journal_parts),
    }
    sources = {made.source: {"connector": "scripted", "guard": {"attempts": 1}} for made in lookups}
    document: dict[str, Any] = {
        "bus": {"grace": 1},
        "sources": sources,
        "retry": {"first": "50ms", "max": "50ms"},
        **tables,
    }
    if "policy" not in document["bus"]:
        (folder / "any_change.toml").write_text('[channels.test]\nchanges = ["*"]\n', encoding="utf-8")
        document["bus"] = {**document["bus"], "policy": "any_change.toml"}
    if "journal" not in document["bus"]:
        document["bus"] = {"journal": sqlite_journal(folder / "journal.db"), **document["bus"]}
    loaded = from_document(document, folder)
    host = Host(lambda name, model: model())
    host.plugins.append(Plugin("test", "1", "test", brought=brought))
    own = loaded.settings.bus
    journal = await Journal.open(own.journal, key=own.key_file(), parts=host.journal_parts)
    journal.keeper.parts = host.keeping_parts
    try:
        await journal.hold_run_lock()
        bus = Bus(loaded, build(loaded, host), journal)
        await bus.start()
        try:
            yield bus
        finally:
            await bus.stop()
    finally:
        await journal.close()


def message(message_id: str = "m-1", **given: Any) -> Inbound:
    """Make a message with an appeal in it."""
    body = {"message_id": message_id, "kind": "complaint", "applicant": {"type": "person"}, **given}
    return Inbound("test", f"test:{message_id}", orjson.dumps(body))


async def dossier(bus: Bus, number: str, version: int | None = None) -> Dossier:
    """Read a dossier from the bus's journal."""
    raw = await bus.journal.ask(documents.whole, number, version)
    assert raw is not None
    return Dossier.model_validate_json(raw)
