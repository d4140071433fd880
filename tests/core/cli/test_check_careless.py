"""`appealbus check` tells the author of a careless plugin in a sentence what to write, and where."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.services.commands import PROGRAM

PLUGIN = '''
from typing import Annotated, Literal

from appealbus.core import Assessor, Delivery, Factory, From, Health, Lookup, NoSettings, Query, Service, Wire
from appealbus.core import found, hookimpl
from appealbus.core.readings import Reading
from appealbus.schemas.record import Record


class Licence(Record):
    type: Literal["mine.Licence"] = "mine.Licence"
    number: str | None = None


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


LICENCE = Reading(Licence, number="Number")


class LicenceByIin(Lookup[LicenceQuery, Licence]):
    """Which licence somebody holds."""

    name = "licences.licence"
    purpose = "a test"

    async def ask(self, query, source):
        return found(Licence())


class Mine(Wire):
    async def call(self, request, call): ...

    async def health(self):
        return Health(True, "here")


class Page(Service):
    name = "page"

    async def run(self, bus): ...


class Out(Delivery[NoSettings]):
    async def deliver(self, batch):
        return []


class Judge(Assessor):
    name = "mine.judge"
    reads = ("licences.licence/number",)

    def assess(self, dossier):
        return ()


@hookimpl
def register_assessors():
    return [Judge()]


@hookimpl
def register_lookups():
    return [LicenceByIin()]


@hookimpl
def register_services():
    return [Page()]


@hookimpl
def register_connectors():
    return [Factory("mine", NoSettings, lambda source, settings: Mine())]


@hookimpl
def register_deliveries():
    return [Factory("out", NoSettings, Out)]
'''

TOML = """
[bus]
plugins = ["./other.py", "./licences.py"]
legal_basis = "a test"
[sources.licences]
connector = "mine"
[deliveries.out]
kind = "out"
"""

HEALTH = '    async def health(self):\n        return Health(True, "here")\n'
PLAIN = "is awaited; write async def"
SLIPS = [
    ("    async def ask", "    def ask", f"LicenceByIin.ask {PLAIN} ask"),
    ("    async def run", "    def run", f"Page.run {PLAIN} run"),
    ("    async def call", "    def call", f"Mine.call {PLAIN} call"),
    ("    async def deliver", "    def deliver", f"Out.deliver {PLAIN} deliver"),
    ('    purpose = "a test"\n', "", "LicenceByIin has no purpose; write why the state may look"),
    (
        'number="Number")',
        'number="Number", zone="Asia/Almaty")',
        "zone is no tzinfo; write zone=ZoneInfo('Asia/Almaty')",
    ),
    (
        "def ask(self, query, source)",
        "def ask(self, query)",
        "LicenceByIin.ask takes other arguments; write ask(self, query",
    ),
    ("    def assess", "    async def assess", "Judge.assess is called and not awaited; write it without async"),
    ('("licences.licence/number",)', '"licences.licence/number"', "Judge.reads is no list of paths; write reads = ("),
    (HEALTH, "", "Mine has no health; write it in that class"),
]
"""What stands in the plugin, what a careless author writes there, and what is told."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bus with a careful plugin, and one that nobody can import."""
    (tmp_path / "licences.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "other.py").write_text("import no_such_module_here", encoding="utf-8")
    (tmp_path / "appealbus.toml").write_text(TOML, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("good", "careless", "told"), SLIPS, ids=[told for _, _, told in SLIPS])
def test_what_a_careless_plugin_lacks_is_told_once(program, folder: Path, good: str, careless: str, told: str):
    """It is one sentence with file, line and remedy; and another broken plugin is told of beside it."""
    assert good in PLUGIN
    (folder / "licences.py").write_text(PLUGIN.replace(good, careless), encoding="utf-8")
    done = program("check")
    assert done.returncode in (1, 2)
    (line,) = (each for each in done.stderr.splitlines() if told in each)
    lines = PLUGIN.replace(good, careless).splitlines()
    _, _, number = line.rpartition(f"{folder / 'licences.py'}:")
    at = lines[int(number.split(")")[0].split(":")[0]) - 1]
    assert any(word in at for word in (careless.strip() or "class", re.split("[. ]", told)[0]))
    assert len(line) < 400
    assert "no_such_module_here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_careful_plugin_is_not_told_of(program, folder: Path):
    """What only hands the call on is careful where it says that it returns something to await."""
    handing = "    def call(self, request, call) -> 'Awaitable[Reply]': ..."
    (folder / "licences.py").write_text(
        PLUGIN.replace("    async def call(self, request, call): ...", handing), encoding="utf-8"
    )
    assert "licences.py" not in program("check").stderr


def test_a_field_that_hides_what_models_have_is_told(program, folder: Path):
    """As a warning with its line, and not in the words of pydantic."""
    shadowed = PLUGIN.replace("    number: str", "    schema: str = ''\n    number: str")
    (folder / "licences.py").write_text(shadowed, encoding="utf-8")
    done = program("check", "--json")
    line = shadowed[: shadowed.index("class Licence(")].count("\n") + 1
    assert json.loads(done.stdout)["warnings"] == [
        f"{folder / 'licences.py'}:{line}: the field schema of Licence hides what every model has by that name; "
        "call it schema_"
    ]
    assert "shadows" not in done.stderr


@pytest.mark.proof
@pytest.mark.parametrize("name", ["licensing", "licensed"])
def test_what_is_installed_and_named_besides_is_told(program, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """Under its own name or another one, in a short sentence with the line of the configuration."""
    package = folder / "site"
    (package / "licensed-1.dist-info").mkdir(parents=True)
    (package / "licensed.py").write_text(PLUGIN, encoding="utf-8")
    (package / "licensed-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: licensed\nVersion: 1\n")
    (package / "licensed-1.dist-info/entry_points.txt").write_text(f"[appealbus]\n{name} = licensed\n")
    monkeypatch.setenv("PYTHONPATH", str(package))
    (folder / "appealbus.toml").write_text(TOML.replace('"./licences.py"', '"licensed"'), encoding="utf-8")
    asked = [PROGRAM, "check", "--json"]  # in a process of its own, which looks for what is installed
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    (told,) = (each for each in json.loads(done.stdout)["problems"] if "bus.plugins" in each)
    assert f"appealbus.toml:3: bus.plugins: it is installed, and loaded as {name!r} already; take it out here" in told
    assert len(told) < 300
