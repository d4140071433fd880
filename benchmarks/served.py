"""A journal of synthetic appeals, worked with the simulated registers, and servers beside each other over it.

One is the program as it ships (`appealbus serve`), one the bare endpoint over the same documents.
"""

import contextlib
import os
import resource
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg
from harness import Contender

from appealbus.core import Inbound, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import load
from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import clients
from appealbus.core.journal import documents as journal_documents
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.logs import configure as configure_log
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.core.rights.credentials import new_token
from appealbus.simulator.appeals import example_lines
from appealbus.simulator.population import Population
from appealbus.simulator.server import Simulator
from appealbus.simulator.sources import snippet
from tests.services.processes import free_port, listens, until

HERE = Path(__file__).parent
CHANNEL = "bench"
MASKS = {"everything": "registry", "paths": "registry", "identifiers": "registry", "technical": "registry"}
"""Clients by the mask that each sees through, and the role that each has."""
POLICY = """
[masks.paths]
hides = ["appeal.applicant.phone", "appeal.applicant.email", "gbdfl.person/birth_date", "egkn.*", "signals"]
[masks.identifiers]
identifiers = ["iin", "bin", "cadastral_number"]
[clients.paths]
mask = "paths"
[clients.technical]
mask = "technical"
[clients.identifiers]
mask = "identifiers"
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Servers beside each other.

    Attributes:
        ours: `appealbus serve`, with its port.
        bare: the bare endpoint, with its port.
        tokens: of clients, by name.
        rows: the appeals of the journal.
        documents: their newest dossiers, as both servers have them.
        bus: works the journal.

    """

    ours: tuple[Contender, int]
    bare: tuple[Contender, int]
    tokens: dict[str, str]
    rows: list[AppealRow]
    documents: list[bytes]
    bus: Bus


def configure(folder: Path, journal: str, more: str = "") -> Path:
    """Write the configuration of a server into the folder; return its path."""
    (folder / "policy.toml").write_text(POLICY)
    file = folder / "appealbus.toml"
    file.write_text(f"""
[bus]
journal = "{journal}"
policy = "policy.toml"
[plugins.api]
listen = "127.0.0.1:{free_port()}"
requests_per_minute = 1000000
waiting_per_client = 2000
connections = 3000
[log]
level = "info"
format = "json"
{more}""")
    return file


def letters(count: int) -> list[bytes]:
    """Return so many appeals as channels send them, each with an id of its own."""
    lines = [orjson.loads(line) for line in example_lines(Population(), min(count, 100))]
    written = []
    for number in range(count):
        letter = lines[number % len(lines)] | {"message_id": f"m-{number}"}
        letter.pop("channel", None)
        letter.pop("number", None)
        written.append(orjson.dumps(letter))
    return written


async def with_clients(journal: Journal) -> dict[str, str]:
    """Add the clients to a journal; return their tokens."""
    tokens, now = {}, journal.now()
    for name, role in {**MASKS, CHANNEL: "channel"}.items():
        tokens[name], mark, digest = new_token()
        channel = CHANNEL if role == "channel" else ""
        client = Client(name, Role(role), channel, (), (), None, now, "person:bench")
        await journal.do(clients.NewClient(client, Credential(mark, "token", now, now + timedelta(days=1)), digest))
    return tokens


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[Contender]:
    """Run a server until the end of the block."""
    contender = Contender(command, folder, dict(os.environ), "")
    try:
        until(lambda: listens(port) or contender.process.poll() is not None, f"{command} listens")
        if contender.process.poll() is not None:
            sys.exit(f"{command} did not start:\n{contender.log.read_text()[-3000:]}")
        yield contender
    finally:
        contender.end()


@contextmanager
def serving(file: Path) -> Iterator[tuple[Contender, int]]:
    """Run `appealbus serve` with a configuration; yield it and its port."""
    port = int(load(file).document["plugins"]["api"]["listen"].rpartition(":")[2])
    program = Path(sys.executable).with_name("appealbus")
    with running([str(program), "--config", str(file), "serve"], file.parent, port) as contender:
        yield contender, port


@contextmanager
def bare(folder: Path, url: str, documents: dict[str, bytes]) -> Iterator[tuple[Contender, int]]:
    """Run the bare endpoint over these documents by their ids; yield it and its port."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as lite:
            lite.execute("PRAGMA journal_mode=WAL")
            lite.execute("CREATE TABLE kept (id TEXT PRIMARY KEY, document BLOB NOT NULL)")
            lite.executemany("INSERT INTO kept VALUES (?, ?)", list(documents.items()))
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id TEXT PRIMARY KEY, document BYTEA NOT NULL)")
            connection.cursor().executemany("INSERT INTO kept VALUES (%s, %s)", list(documents.items()))
    port = free_port()
    folder.mkdir()
    with running([sys.executable, str(HERE / "bare.py"), url, str(port)], folder, port) as contender:
        yield contender, port


@asynccontextmanager
async def site(folder: Path, journal_url: str, bare_url: str, appeals: int) -> AsyncIterator[Site]:
    """Make a journal with so many appeals, and run both servers over it."""
    configure_log(LogLevel.ERROR, LogFormat.JSON)
    sys.excepthook = sys.__excepthook__  # here nobody is personal, and errors shall be told
    async with Simulator() as simulator:
        file = configure(folder, journal_url, snippet(simulator.settings, simulator.url))
        loaded = load(file)
        async with await Journal.open(journal_url, key=loaded.settings.bus.key_file()) as journal:
            bus = Bus(loaded, build(loaded, load_plugins(loaded)), journal)
            await bus.start()
            try:
                for letter in letters(appeals):
                    assert isinstance(await bus.accept(Inbound(CHANNEL, CHANNEL, letter)), Taken)
                await bus.settle()
                rows = [row for row in await journal.ask(lists.appeals, limit=appeals) if row.version]
                documents = [await journal.ask(journal_documents.whole, row.number) or b"" for row in rows]
                tokens = await with_clients(journal)
                with ExitStack() as stack:
                    ours = stack.enter_context(serving(file))
                    kept = {row.public_id: each for row, each in zip(rows, documents, strict=True)}
                    other = stack.enter_context(bare(folder / "bare", bare_url, kept))
                    yield Site(ours, other, tokens, rows, documents, bus)
            finally:
                await bus.stop()


def allow_files(files: int) -> None:
    """Let this process and those that it starts have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(files, hard)), hard))
