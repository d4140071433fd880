"""A console over a journal that a bus has worked, in a thread of its own, and people who are signed in to it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from appealbus.connectors.files.reading import read_appeals
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.loading import Loaded, load
from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.journal import clients
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.rights.credentials import new_token
from appealbus.core.rights.policy import read_policy
from appealbus.demo.setting import document, toml
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.mounting import mount_pages
from appealbus.plugins.api.server import run
from appealbus.plugins.api.settings import ApiSettings
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Misbehaviour, SimulatorSettings
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE
from tests.services.threads import in_a_thread

T = TypeVar("T")
POLICY = """
[channels.test]
changes = ["*"]
[masks.desk]
hides = ["appeal.applicant.iin", "gbdfl.person/birth_date"]
identifiers = ["iin"]
[clients.desk]
mask = "desk"
[clients.chief]
mask = "everything"
"""
"""`desk` sees everything but the number of a person; `chief` everything, whatever the role."""
_EXAMPLES = Path(__file__).parents[3] / "examples" / "appeals.jsonl"
APPEALS = 8
PARKED = 3
"""The last of them, which wait for the register of parcels, as far as they name any."""


@dataclass
class World:
    """A server with its journal, which runs in another thread."""

    url: str
    journal: Journal
    loop: asyncio.AbstractEventLoop
    api: Api
    _browsers: list[httpx.Client] = field(default_factory=list)

    def do(self, work: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """Have something done with the journal, in its thread."""
        return asyncio.run_coroutine_threadsafe(work(self.journal), self.loop).result(20)

    def link(self, role: Role | str, name: str = "", *, lasts: timedelta = timedelta(minutes=10), **given: Any) -> str:
        """Make a link of a person, who is added as needed; return its secret."""
        role, name = Role(role), name or str(role)
        token, mark, digest = new_token()

        async def work(journal: Journal) -> None:
            now = journal.now()
            credential = Credential(mark, "link", now, now + lasts)
            if name in {client.name for client, _ in await journal.ask(clients.all_clients)}:
                await journal.do(clients.NewCredential(name, credential, digest, None))
                return
            usual: dict[str, Any] = {"channel": "", "places": (), "kinds": (), "per_minute": None}
            client = Client(name, role, **{**usual, **given}, created_at=now, created_by="person:test")
            await journal.do(clients.NewClient(client, credential, digest))

        self.do(work)
        return token

    def browser(self) -> httpx.Client:
        """Return what asks as a browser of nobody does."""
        headers = {"Origin": self.url, "Accept-Language": "en"}
        # Without TLS it needs no authorities, which take as long to read as a page.
        made = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, follow_redirects=True, verify=False)
        self._browsers.append(made)
        return made

    def close(self) -> None:
        """Close all browsers."""
        for each in self._browsers:
            each.close()

    def signed_in(self, role: Role | str, name: str = "", **given: Any) -> httpx.Client:
        """Return a browser of somebody who has signed in."""
        client = self.browser()
        answer = client.post("/console/enter", data={"link": self.link(role, name, **given)})
        assert answer.status_code == 200, answer.text
        return client


@contextmanager
def world(
    folder: Path, url: str | None = None, port: int = 0, *, replies: bool = True, **settings: Any
) -> Iterator[World]:
    """Have a world as long as the block lasts, with these settings of `[plugins.console]`; replies are kept, or not."""
    listener = socket.create_server(("127.0.0.1", port))

    async def have(made: list[World], ready: threading.Event, over: asyncio.Event) -> None:
        async with asyncio.timeout(600), Simulator(SimulatorSettings()) as simulator:
            given = document(folder, simulator.url, simulator.settings)
            given["bus"] |= {"journal": url or sqlite_journal(folder / "demo.db"), "grace": "1s"}
            given |= {"plugins": {"console": settings}, "retry": {"first": "1h", "max": "1h"}}
            given["completeness"] = {"default": {"wait": "5s"}}
            del given["sources"]["address"]
            for each in given["sources"].values():
                each["keep_replies"] = "1h" if replies else "0s"
                each["guard"] = {"timeout": "10s", "attempts": 2, "backoff": "20ms", "breaker_failures": 50}
                each["guard"] |= {"quota_day": 10_000}
            (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
            given["bus"] |= {"policy": "policy.toml"}
            (folder / "appealbus.toml").write_text("\n".join(toml(given)), encoding="utf-8")
            await _serve(load(folder / "appealbus.toml"), simulator, listener, made, (ready, over))

    with in_a_thread(have) as made:
        try:
            yield made
        finally:
            made.close()


async def _serve(
    loaded: Loaded,
    simulator: Simulator,
    listener: socket.socket,
    made: list[World],
    events: tuple[threading.Event, asyncio.Event],
) -> None:
    host, settings = load_plugins(loaded), loaded.settings.bus
    journal = await Journal.open(settings.journal, key=settings.key_file(), parts=host.journal_parts)
    bus = Bus(loaded, build(loaded, host), journal)
    await bus.start()
    for at, each in enumerate(list(read_appeals(_EXAMPLES))[:APPEALS]):
        if at == APPEALS - PARKED:
            await bus.settle()
            simulator.misbehave("egkn", Misbehaviour(http_502=1.0))
        await bus.accept(each)
    await bus.settle()
    await bus.stop()
    reception = Reception(journal, loaded.settings.bus, host.counting.due_on, read_policy(loaded))
    api = Api(ApiSettings(), loaded, read_policy(loaded), journal, reception, host)
    await mount_pages(api)
    try:
        ready, over = events
        with listener:
            serving = asyncio.create_task(run(api, None, listener, over))
            made.append(
                World(f"http://127.0.0.1:{listener.getsockname()[1]}", journal, asyncio.get_running_loop(), api)
            )
            ready.set()
            await serving
    finally:
        await reception.aclose()
        await journal.close()
