"""A folder with a configuration, appeals, a journal and a file of dossiers: what a user of the program has."""

import asyncio
import json
from collections.abc import Callable, Collection, Coroutine, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import access, documents
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Appeal, Dossier
from appealbus.simulator.appeals import write
from appealbus.simulator.population import Population
from tests.services.forms import LONG
from tests.system.program import PATIENCE, Program, appealbus

T = TypeVar("T")
Page = Callable[[int, int], Coroutine[Any, Any, list[T]]]
SENDER = str(Path(__file__).with_name("sender.py"))
HURRY = [] if LONG else [str(Path(__file__).with_name("hurry.py"))]
"""Plugins with which nobody waits for long until the leases of who is gone have ended."""
_PAGE = 1000
SERVICES = {"gbdfl": "GBDFLUniversal_token", "gbdul": "GbdulInfoByBin_v2", "egkn": "EgknParcelInfo"}


class Agencies:
    """The simulator, in a process of its own."""

    def __init__(self, program: Program, services: Collection[str] = SERVICES) -> None:
        """Wait until it listens, with all these services."""
        self.program = program
        self._services = services
        program.until(lambda: "Ctrl-C ends it" in program.out, "it listens")
        self.url = program.out.partition("listen on ")[2].split()[0]
        self._base = self.url.removesuffix("/bip-sync/")

    def misbehave(self, **rules: dict[str, Any]) -> None:
        """Let the services named behave so, and all others well."""
        body = json.dumps({name: rules.get(name, {}) for name in self._services}).encode()
        with urlopen(f"{self._base}/control", body, PATIENCE) as reply:
            assert reply.status == 200

    def asked(self) -> list[str]:
        """Return the correlation id of every call that has come, oldest first."""
        return [name for name, _ in self.calls()]

    def answers(self, service: str) -> dict[str, int]:
        """Return how often a service has answered in each way: `found`, or how it misbehaved."""
        with urlopen(f"{self._base}/stats", timeout=PATIENCE) as reply:
            counts: dict[str, int] = json.load(reply)["services"][service]
        return counts

    def calls(self) -> list[tuple[str, datetime]]:
        """Return the same, and when each came."""
        with urlopen(f"{self._base}/stats?ids=1", timeout=PATIENCE) as reply:
            rows = json.load(reply)["asked"]
        return [(row["correlation_id"], datetime.fromisoformat(row["at"])) for row in rows]


class Installation:
    """One of them."""

    journal = ""

    def __init__(self, folder: Path, agencies: Agencies) -> None:
        """Write the configuration."""
        self.folder = folder
        self.journal = self.journal or f"sqlite:///{folder / 'journal.db'}"
        self.agencies = agencies
        self.delivered = folder / "dossiers.jsonl"
        self.receipts = folder / "receipts.jsonl"
        self.appeals = folder / "appeals.jsonl"
        self._asked_before = len(agencies.asked())
        self.configure()

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write `appealbus.toml`: what a person would write, with these tables over it."""
        document: dict[str, Any] = {
            "bus": {"journal": "sqlite:///journal.db", "grace": "5s", "concurrency": 20, "plugins": [SENDER]},
            "log": {"level": "debug", "format": "json"},
            "retry": {"first": "300ms", "factor": 1, "max": "300ms"},
            "completeness": {"default": {"wait": "5s"}},
            "sources": {name: self.source(name) for name in SERVICES},
            "deliveries": {"registry": {"kind": "files", "path": self.delivered.name}},
        }
        for name, table in tables.items():
            document[name] = {**document.get(name, {}), **table}
        text = "".join(f"{name} = {_toml(table)}\n" for name, table in document.items())
        (self.folder / "appealbus.toml").write_text(text)

    def source(self, name: str, **guard: Any) -> dict[str, Any]:
        """Return the table of a source, with these settings of its guard."""
        usual = {"timeout": "1s", "attempts": 2, "backoff": "20ms", "breaker_failures": 1000}
        table: dict[str, Any] = {"connector": "shep", "url": self.agencies.url, "sender_id": "appealbus"}
        if name == "gbdul":
            table["data_signature"] = {"sign": "none"}
        return {**table, "service_id": SERVICES[name], "guard": {**usual, **guard}}

    def with_sender(self, together: int = 5, gate: str = "", **tables: dict[str, Any]) -> None:
        """Configure a sender that puts the file of appeals in and notes its receipts.

        Args:
            together: messages that are on their way at once.
            gate: a file; until it is there, the second half is not sent.
            tables: as `configure` takes them.

        """
        sender = {"kind": "sender", "file": self.appeals.name, "receipts": self.receipts.name, "together": together}
        if gate:
            sender["gate"] = gate
        self.configure(**tables, intakes={"sender": sender})

    def write(self, appeals: Iterable[Appeal]) -> list[str]:
        """Write the file of appeals; return their message ids."""
        made = list(appeals)
        lines = [appeal.model_dump_json(exclude_unset=True) for appeal in made]
        self.appeals.write_text("\n".join(lines) + "\n")
        return list(dict.fromkeys(appeal.message_id for appeal in made))

    def start(self, *arguments: str, **given: Any) -> Program:
        """Start the program here."""
        return Program(self.folder, *arguments, **given)

    def settle(self, **tables: dict[str, Any]) -> None:
        """Run the bus until nothing is left to do, without its intakes, with these tables as `configure` takes them."""
        self.configure(**tables)
        appealbus(self.folder, "run", "--until-settled")

    def read(self, use: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """Read the journal, whoever else works on it."""

        async def work() -> T:
            async with await Journal.open(self.journal, read_only=True) as journal:
                return await use(journal)

        return asyncio.run(work())

    def rows(self) -> list[AppealRow]:
        """Return all appeals of the journal, in the order in which they came."""
        return self.read(lambda journal: _all(partial(journal.ask, lists.appeals), lambda row: row.appeal_id))

    def access(self) -> list[AccessRow]:
        """Return the whole access log."""

        def page(journal: Journal) -> Page[AccessRow]:
            return lambda after, limit: journal.ask(access.access_rows, after=after, limit=limit)

        return self.read(lambda journal: _all(page(journal), lambda row: row.id))

    def dossiers(self) -> dict[str, Dossier]:
        """Return the newest dossier of each appeal that has one, by message id."""

        async def use(journal: Journal) -> dict[str, Dossier]:
            rows = await _all(partial(journal.ask, lists.appeals), lambda row: row.appeal_id)
            raw = {row.message_id: await journal.ask(documents.whole, row.number) for row in rows}
            return {message: Dossier.model_validate_json(each) for message, each in raw.items() if each}

        return self.read(use)

    def asked(self) -> list[str]:
        """Return the correlation ids of the calls that have come since this installation was made."""
        return [name for name, _ in self.calls()]

    def calls(self) -> list[tuple[str, datetime]]:
        """Return them, and when each came."""
        return self.agencies.calls()[self._asked_before :]

    def acknowledged(self) -> list[dict[str, Any]]:
        """Return the receipts that the sender has got."""
        lines = self.receipts.read_text().splitlines() if self.receipts.exists() else []
        return [json.loads(line) for line in lines]


def letters(count: int, *, skip: int = 0, **changes: Any) -> list[Appeal]:
    """Write so many letters about the simulator's people, all different messages."""
    population = Population()
    made: dict[str, Appeal] = {}
    for number in range(skip, skip + 2 * count + 10):
        appeal = write(population, number).appeal
        made.setdefault(appeal.message_id, appeal.model_copy(update=changes) if changes else appeal)
    return list(made.values())[:count]


async def _all(page: Page[T], key: Callable[[T], int]) -> list[T]:
    found: list[T] = []
    while more := await page(key(found[-1]) if found else 0, _PAGE):
        found += more
    return found


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
