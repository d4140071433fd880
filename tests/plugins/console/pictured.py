"""A console over the letters, agencies and receivers of the demonstration: what its pictures show.

The world is the same each time, on the same day, but for seconds and for how long things took. So what is compared of
a page are its heads, its buttons and the like, without numbers.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lxml import html

from appealbus.connectors.amqp.agency import wire as amqp_wire
from appealbus.connectors.soap import wire as soap_wire
from appealbus.core import clocks
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.cli.context import Cli
from appealbus.core.journal import clock as journal_clock
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.policy import read_policy
from appealbus.demo import live, oversight, traffic
from appealbus.demo.live import running, worked
from appealbus.demo.setting import ARCHIVE, MISBEHAVIOUR, live_document, toml
from appealbus.demo.traffic import Traffic
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.mounting import mount_pages
from appealbus.plugins.api.server import run
from appealbus.plugins.api.settings import ApiSettings
from appealbus.schemas.appeal import Appeal, PersonApplicant
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Misbehaviour, SimulatorSettings
from tests.plugins.console.world import World
from tests.services.journals import sqlite_journal
from tests.services.threads import in_a_thread

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
SHOWN = FOLDER / "shown.json"
"""What each picture shows, in words."""
_BEGINS = datetime(2026, 11, 26, 5, 40, tzinfo=UTC)
_WEEKLY, _FIRST = 3, 40
"""Letters of a week of the past, and of today: fewer than the demonstration has, since tests wait for them."""
_LARGEST = 12 * 1024
"""Bytes of a dossier that the archive takes: of a hundred letters there are few large ones."""
_PATIENCE = 300.0
"""Seconds for all letters to be worked."""


@dataclass(frozen=True)
class Picture:
    """A page that has its picture.

    Attributes:
        view: the folder of its view.
        path: under `/console`; `{appeal}` is an appeal that waits, `{again}` one that repeats others, `{soon}` a day.
        role: who looks.
        name: of the file, where a view has several.
        purpose: what they say that they look for, where they are asked.

    """

    view: str
    path: str
    role: str = "ops"
    name: str = ""
    purpose: str = ""

    @property
    def file(self) -> Path:
        """Where it lies."""
        return FOLDER / f"{self.name or self.view}.png"


_PURPOSE = "готовлю ответ заявителю"
PICTURES = (
    Picture("now", "/now"),
    Picture("appeals", "/appeals?state=parked"),
    Picture("appeal", "/appeals/{appeal}"),
    Picture("appeal", "/appeals/{appeal}/term", "reviewer", "term", _PURPOSE),
    Picture("appeal", "/appeals/{again}/repeats", "reviewer", "repeats", _PURPOSE),
    Picture("operations", "/operations/preview?do=retry&state=parked"),
    Picture("terms", "/terms", "reviewer"),
    Picture("report", "/report", "reviewer"),
    Picture("surges", "/surges/1", "reviewer"),
    Picture("sources", "/sources"),
    Picture("sources", "/sources/egkn/impact?until={soon}", name="impact"),
    Picture("deliveries", "/deliveries"),
    Picture("quarantine", "/quarantine"),
    Picture("workers", "/workers"),
    Picture("account", "/account", "auditor"),
    Picture("configuration", "/configuration"),
)
PEOPLE = {"ops": "aigul", "reviewer": "dana", "auditor": "serik"}


@contextmanager
def pictured(folder: Path) -> Iterator[World]:
    """Have that world as long as the block lasts, with its files in a folder."""
    listener = socket.create_server(("127.0.0.1", 0))
    port, filled = listener.getsockname()[1], threading.Event()

    async def fill(simulator: Simulator, letters: Traffic, journal: Journal) -> None:
        for service, rules in MISBEHAVIOUR.items():
            simulator.misbehave(service, rules)
        simulator.misbehave("egkn", Misbehaviour(http_502=1.0))
        await letters.begin()
        await worked(journal)
        await letters.hold_some()
        filled.set()

    async def have(made: list[World], ready: threading.Event, over: asyncio.Event) -> None:
        sqlite_journal(folder / "demo.db")
        async with Simulator(SimulatorSettings()) as simulator:
            given = live_document(folder, simulator.url, simulator.settings, port)
            given["retry"] = {"first": "1h", "max": "1h"}  # so there is an end to the work
            given["plugins"]["amqp"]["brokers"][ARCHIVE]["largest_message"] = _LARGEST
            (folder / "appealbus.toml").write_text("\n".join(toml(given)), encoding="utf-8")
            cli = Cli(folder / "appealbus.toml")
            async with AsyncExitStack() as stack:
                journal = await stack.enter_async_context(cli.journal(write=True))
                await oversight.past(journal)
                letters = await stack.enter_async_context(running(cli, simulator, journal))
                served = journal.acting(journal.actor)
                policy, due_on = read_policy(cli.loaded), cli.host.counting.due_on
                reception = Reception(served, cli.loaded.settings.bus, due_on, policy)
                settings = cli.loaded.validate(ApiSettings, "plugins", "api")
                api = Api(settings, cli.loaded, policy, served, reception, cli.host)
                await mount_pages(api)
                with listener:
                    serving = asyncio.create_task(run(api, None, listener, over))
                    made.append(World(f"http://127.0.0.1:{port}", served, asyncio.get_running_loop(), api))
                    ready.set()
                    await fill(simulator, letters, journal)
                    await serving
                await reception.aclose()

    with (
        _that_day(),
        patch.object(oversight, "_A_WEEK", _WEEKLY),
        patch.object(traffic, "FIRST", _FIRST),
        patch.object(live, "FIRST", _FIRST),
        in_a_thread(have) as made,
    ):
        try:
            assert filled.wait(_PATIENCE), "the letters are not worked in time"
            yield made
        finally:
            made.close()


@contextmanager
def _that_day() -> Iterator[None]:
    """Let it be that day for all that stamps what a page tells; a library for clocks that jump makes all slow."""
    since = datetime.now(UTC) - _BEGINS

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) - since

    with ExitStack() as stack:
        for module in (clocks, journal_clock, soap_wire, amqp_wire):
            stack.enter_context(patch.object(module, "datetime", Then))
        yield


def paths(console: World) -> Callable[[Picture], str]:
    """Return what fills in the path of a picture."""

    async def chosen(journal: Journal) -> dict[str, str]:
        """Find an appeal that lacks a parcel and has all else, and one that repeats another: there one sees most."""
        rows = await journal.ask(lists.appeals, 0, 1000)
        cases = await journal.ask(journal_cases.cases, [row.appeal_id for row in rows])
        soon = journal.now() + timedelta(days=9)
        return {
            "appeal": next(
                rows[at].public_id
                for at, case in enumerate(cases)
                if "egkn" in rows[at].waits_for and _is_whole(case.appeal)
            ),
            "again": next(
                rows[at].public_id for at, case in enumerate(cases) if case.appeal.text.endswith(traffic.ADDED)
            ),
            "soon": f"{soon:%Y-%m-%dT09:00}",
        }

    given = console.do(chosen)
    return lambda picture: f"/console{picture.path.format(**given)}"


def _is_whole(appeal: Appeal) -> bool:
    """Whether one who has a number writes about one parcel, today."""
    person = appeal.applicant
    return (
        appeal.channel == "portal"
        and len(appeal.parcels) == 1
        and isinstance(person, PersonApplicant)
        and person.iin is not None
    )


def shown(text: str) -> dict[str, list[str]]:
    """Return what a page shows, in words: heads, columns, buttons and what opens, menu; each once, without numbers."""
    page = html.fromstring(text)
    wanted = {
        "menu": "//header//nav//a",
        "heads": "//main//h1 | //main//h2 | //main//h3",
        "columns": "//main//thead//th",
        "forms": "//main//button | //main//summary | //main//label | //main//legend",
    }
    return {name: sorted({_plain(each) for each in page.xpath(path)}) for name, path in wanted.items()}


def _plain(element: html.HtmlElement) -> str:
    return re.sub(r"\d[\d   .,-]*", "#", " ".join(element.text_content().split()))
