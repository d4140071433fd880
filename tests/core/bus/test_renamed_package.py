"""A third party renames its package, its plugin, its lookup and its record type, as docs/plugins.md says."""

import importlib.metadata
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from appealbus.core import Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import load
from appealbus.core.journal.appeals import leases
from appealbus.core.journal.journal import Journal
from appealbus.core.loading import discovery
from appealbus.core.loading.parts import build, load_plugins
from appealbus.schemas import Record
from tests.core.kit import dossier, message
from tests.services.journals import sqlite_journal

EXAMPLE = Path(__file__).parents[3] / "examples" / "appealbus_vehicles" / "src" / "appealbus_vehicles"
IIN = "750301100019"
RENAMED = {
    "appealbus_vehicles": "appealbus_cars",
    '    name = "vehicles.owned"\n': '    name = "cars.owned"\n    formerly = ("vehicles.owned",)\n',
    '    type: Literal["vehicles.Vehicles"] = "vehicles.Vehicles"\n': (
        '    type: Literal["cars.Vehicles"] = "cars.Vehicles"\n    formerly = ("vehicles.Vehicles",)\n'
    ),
    '"vehicles.owned", Vehicles)': '"cars.owned", Vehicles)',
}
PERSONS = '''
"""Stands for the register of persons, and for the wire to that of vehicles."""

from typing import Annotated

from appealbus.core import From, Lookup, Query, found, hookimpl
from appealbus.core.testing import ScriptedWire
from appealbus.core.testing.scripted import scripted_connector
from appealbus.schemas import Iin, Person

WIRE = ScriptedWire(lambda request: ANSWER)
ANSWER = ""


class PersonQuery(Query):
    iin: Annotated[Iin, From("applicant.iin")]


class PersonByIin(Lookup[PersonQuery, Person]):
    name = "gbdfl.person"
    purpose = "a test"

    async def ask(self, query, source):
        code = {field: {"code": "1"} for field in ("gender", "citizenship", "life_status")}
        return found(Person.model_validate({"iin": query.iin, "birth_date": "1875-03-01", **code}))


@hookimpl
def register_lookups():
    return [PersonByIin()]


@hookimpl
def register_connectors():
    return [scripted_connector(WIRE)]
'''


def answer(arrested: str) -> str:
    vehicle = f"<vehicle><plate>000 ABC 07</plate><arrested>{arrested}</arrested></vehicle>"
    return f'<v:Answer xmlns:v="urn:example:vehicles"><code>0</code><owner>{IIN}</owner>{vehicle}</v:Answer>'


def install(site: Path, package: str, plugin: str, version: str, changed: dict[str, str]) -> None:
    """Lay a distribution out as pip does."""
    for file in EXAMPLE.rglob("*"):
        if file.suffix in {".py", ".xsd"}:
            text = file.read_text("utf-8")
            for old, new in changed.items():
                text = text.replace(old, new)
            target = site / package / file.relative_to(EXAMPLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
    about = site / f"{package}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(f"[appealbus]\n{plugin} = {package}\n")


Start = Callable[[str], AbstractAsyncContextManager[Bus]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the program's own parts with one of the two sources configured."""
    monkeypatch.setattr(discovery, "entry_points", importlib.metadata.entry_points)  # and not as tests remember it
    (tmp_path / "persons.py").write_text(PERSONS, "utf-8")
    journal_url = sqlite_journal(tmp_path / "journal.db")

    @asynccontextmanager
    async def started(source: str) -> AsyncIterator[Bus]:
        file = tmp_path / "appealbus.toml"
        file.write_text(
            f'[bus]\njournal = "{journal_url}"\nplugins = ["./persons.py"]\n'
            'disabled = ["gbdfl", "monitor"]\ngrace = 1\n'
            '[completeness.default]\nrequired = ["vehicles.owned"]\n'
            f'[sources.gbdfl]\nconnector = "scripted"\n[sources.{source}]\nconnector = "scripted"\n'
        )
        loaded = load(file, {})
        async with await Journal.open(journal_url) as journal:
            bus = Bus(loaded, build(loaded, load_plugins(loaded)), journal)
            await bus.start()
            try:
                yield bus
            finally:
                await bus.stop()

    return started


async def test_a_renamed_package_goes_on_where_the_old_one_was(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the old one found is the new one's: not asked again, not told twice, and read by its assessor."""
    old, new = tmp_path / "old", tmp_path / "new"
    install(old, "appealbus_vehicles", "vehicles", "1.2.0", {})
    install(new, "appealbus_cars", "cars", "2.0.0", RENAMED)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(old)
        async with start("vehicles") as bus:
            scripted = bus.parts.sources["vehicles"].wire
            assert bus.parts.problems == []
            set_answer(bus, answer("false"))
            taken = await bus.accept(message(applicant={"type": "person", "iin": IIN}))
            assert isinstance(taken, Taken)
            await bus.settle()
            number = taken.receipt.number
            first = await dossier(bus, number)
            assert first.completeness == "complete"
            assert [fact.record.type for fact in first.facts if fact.lookup == "vehicles.owned"] == [
                "vehicles.Vehicles"
            ]
            assert len(scripted.asked) == 1  # type: ignore[attr-defined]
    monkeypatch.syspath_prepend(new)
    monkeypatch.delitem(Record.known, "vehicles.Vehicles")  # as in a process that has never imported the old package
    async with start("cars") as bus:
        scripted = bus.parts.sources["cars"].wire
        assert bus.parts.problems == []
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        unchanged = await dossier(bus, number)
        assert (unchanged.version, scripted.asked) == (1, [])  # type: ignore[attr-defined]
        assert type(unchanged.facts[-1].record).__module__ == "appealbus_cars.record"
        set_answer(bus, answer("true"))
        await bus.journal.do(leases.Retry(number, everything=True, refresh=True))
        bus._dispatcher.more()
        await bus.settle()
        second = await dossier(bus, number)
    assert (second.version, second.completeness, second.gaps) == (2, "complete", [])
    told = {fact.lookup: (fact.record.type, fact.not_asked_now) for fact in second.facts}
    assert told == {"gbdfl.person": ("Person", None), "cars.owned": ("cars.Vehicles", None)}
    assert "vehicles.arrest" in [signal.code for signal in second.signals]
    assert ("cars.owned", "cars", "2.0.0", None) in [
        (each.lookup, each.plugin, each.plugin_version, each.not_loaded) for each in second.plan
    ]


def set_answer(bus: Bus, text: str) -> None:
    """Have the wire answer so from now on."""
    plugin = next(each for each in bus.parts.host.plugins if each.name == "persons")
    (factory,) = plugin.brought["connectors"]
    wire = factory.make("any", None)
    wire._next = lambda request: text if request.body is not None else ""


def test_the_documented_steps_are_those_that_were_taken() -> None:
    """The page shows the two lines that a renamed class needs."""
    page = (EXAMPLE.parents[3] / "docs" / "plugins.md").read_text("utf-8")
    (section,) = re.findall(r"^## Renaming.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    for line in ('formerly = ("vehicles.owned",)', 'formerly = ("vehicles.Vehicles",)', "appealbus check"):
        assert line in section
