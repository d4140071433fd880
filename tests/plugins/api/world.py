"""A whole world behind the API, in a thread of its own: registers, a bus that works, appeals with changes, a server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from appealbus.connectors.files.reading import read_appeals
from appealbus.core import Inbound, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.domain.client import Role
from appealbus.core.journal import documents
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.rights.policy import read_policy
from appealbus.demo.setting import document
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import SimulatorSettings
from tests.plugins.api.serving import served
from tests.services.journals import sqlite_journal
from tests.services.threads import in_a_thread

POLICY = """
[masks.desk]
hides = ["appeal.applicant.*", "appeal.text", "gbdfl.*", "egkn.*"]
identifiers = ["iin", "bin", "cadastral_number"]
[clients.desk]
mask = "desk"
"""
_EXAMPLES = Path(__file__).parents[3] / "examples" / "appeals.jsonl"
_APPEALS = 6


@dataclass(frozen=True)
class World:
    """A server with clients by name, and what one of them, `desk`, may never see."""

    url: str
    tokens: dict[str, str]
    hidden: frozenset[bytes]


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Have a world as long as the block lasts."""

    async def have(made: list[World], ready: threading.Event, over: asyncio.Event) -> None:
        async with asyncio.timeout(600), Simulator(SimulatorSettings(seed=7, size=60)) as simulator:
            await _work(folder, simulator, made, ready, over)

    with in_a_thread(have) as made:
        yield made


async def _work(
    folder: Path, simulator: Simulator, made: list[World], ready: threading.Event, over: asyncio.Event
) -> None:
    url = sqlite_journal(folder / "demo.db")
    (folder / "policy.toml").write_text(POLICY)
    given = document(folder, simulator.url, simulator.settings)
    given["bus"] |= {"journal": url, "grace": "1s", "policy": "policy.toml", "changes_from": ["register"]}
    del given["sources"]["address"], given["deliveries"]
    loaded = from_document(given, folder)
    journal = await Journal.open(url, key=loaded.settings.bus.key_file())
    bus = Bus(loaded, build(loaded, load_plugins(loaded)), journal)
    await bus.start()
    try:
        taken = [await bus.accept(each) for each in list(read_appeals(_EXAMPLES))[:_APPEALS]]
        await bus.settle()
        for at, each in enumerate(taken):
            assert isinstance(each, Taken)
            change = {"type": "change", "message_id": f"c-{at}", "kind": "corrected", "number": each.receipt.number}
            change["corrected"] = {"text": "Исправленный текст обращения"}
            await bus.accept(Inbound("files", f"c-{at}", orjson.dumps(change)))
        await bus.settle()
        hidden = frozenset(await _personal(journal))
        limits: dict[str, Any] = {"requests_per_minute": 1_000_000, "failed_attempts": 1_000_000}
        async with served(url, folder, policy=read_policy(loaded), bus=given["bus"], **limits) as server:
            server.api.draining.set()  # those who wait are answered at once
            tokens = {"portal": await server.token(Role.CHANNEL, "portal", channel="portal")}
            for role, name in ((Role.REGISTRY, "register"), (Role.REGISTRY, "desk"), (Role.REVIEWER, "reviewer")):
                tokens[name] = await server.token(role, name)
            made.append(World(server.url, tokens, hidden))
            ready.set()
            await over.wait()
    finally:
        await bus.stop()
        await journal.close()


async def _personal(journal: Journal) -> set[bytes]:
    """Return the values that stand in dossiers where `desk` sees nothing."""
    found: set[bytes] = set()
    for row in await journal.ask(lists.appeals):
        raw = await journal.ask(documents.whole, row.number)
        assert raw is not None
        dossier = orjson.loads(raw)
        applicant = dossier["appeal"]["applicant"]
        told = [applicant.get(name) for name in ("iin", "surname", "phone", "address", "email")]
        for fact in dossier["facts"]:
            record = fact.get("outcome", {}).get("record") or {}
            told += [record.get(name) for name in ("iin", "surname", "birth_date", "cadastral_number")]
        found |= {each.encode() for each in told if isinstance(each, str) and len(each) > 4}
    return found
