"""Which commands load plugins, and what is told of a configuration that is wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appealbus.core.domain.known import KnownLookup
from appealbus.core.journal import workers
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.journal import Journal

PLUGIN = """
from pathlib import Path
from appealbus.core import hookimpl

Path("loaded").touch()

@hookimpl
def register_commands(app):
    @app.command()
    def hello():
        print("hello")
"""

WIRE = """
from appealbus.core import Factory, NoSettings, Wire, hookimpl

class Mine(Wire):
    async def start(self):
        raise SystemExit(5)
    async def call(self, request, call): ...
    async def health(self): ...

@hookimpl
def register_connectors():
    return [Factory("mine", NoSettings, lambda source, settings: Mine())]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin that leaves a file when it is loaded."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "appealbus.toml").write_text('[bus]\nplugins = ["./mine.py"]\n')
    return tmp_path / "loaded"


@pytest.mark.parametrize(
    "command",
    [
        ("dossier", "X"),
        ("why", "X"),
        ("status",),
        ("appeals",),
        ("quarantine", "list"),
        ("sources",),
        ("run", "--help"),
    ],
)
def test_what_needs_no_plugin_loads_none(program, plugin, journal: Journal, command):
    """A plugin that is broken, slow or hostile is no reason not to look into the journal."""
    assert program(*command).returncode in (0, 3)
    assert not plugin.exists()


@pytest.mark.parametrize("order", ["hold", "retry"])
async def test_what_people_order_loads_none(program, plugin, journal: Journal, accepted: Accepted, order):
    """Whoever has to stop an appeal need not mend a plugin first; it is asked for its tables when these are made."""
    done = program(order, accepted.receipt.number, "--reason", "a test")
    assert "is held" in done.stdout or "being worked on right now" in done.stderr, done.stderr
    assert not plugin.exists()


def test_an_order_makes_a_journal_with_the_tables_of_plugins(program, plugin, tmp_path):
    """So does every command that makes one: nobody works a journal without them."""
    assert "no appeal" in program("hold", "X", "--reason", "a test").stderr
    assert plugin.exists()
    with closing(sqlite3.connect(tmp_path / "appealbus.db")) as database:
        assert database.execute("SELECT name FROM journal_part").fetchall()


def test_what_a_plugin_brings_is_there(program, plugin):
    """Its command, in the list of commands too."""
    assert program("hello").stdout == "hello\n"
    plugin.unlink()
    assert "hello" in program("--help").stdout
    assert plugin.exists()


def test_a_wrong_configuration_is_told_as_that(program, plugin, tmp_path):
    """Where a command may be a plugin's, nobody can say that there is none; --help works all the same."""
    (tmp_path / "appealbus.toml").write_text("[bus]\nmisspelt = 1\n")
    done = program("hello")
    assert done.returncode == 2
    assert "appealbus.toml:2: bus.misspelt: unknown key" in done.stderr
    assert "No such command" not in done.stderr
    assert "dossier" in program("--help").stdout


def test_a_misspelt_command_is_told_as_that(program, plugin):
    """With the nearest one."""
    done = program("dosier")
    assert done.returncode == 2
    assert "No such command 'dosier'" in done.stderr


def test_a_secret_that_others_may_read_is_a_warning(program, tmp_path):
    """It works, and `check` says so."""
    secret = tmp_path / "pw"
    secret.write_text("x")
    secret.chmod(0o604)
    text = '[plugins.amqp.brokers.main]\nhosts = ["x"]\npassword = { file = "pw" }\n'
    (tmp_path / "appealbus.toml").write_text(text)
    open_to_all = all(folder.stat().st_mode & 0o001 for folder in secret.parents)
    done = program("check")
    assert done.returncode == 0, done.stderr
    assert ("may be read by others (mode 0604)" in done.stderr) is open_to_all


def test_check_tells_of_a_wire_that_raises(program, tmp_path):
    """With the source's name, whatever the exception, and without ending as that wants."""
    (tmp_path / "mine.py").write_text(WIRE)
    (tmp_path / "appealbus.toml").write_text('[bus]\nplugins = ["./mine.py"]\n[sources.s]\nconnector = "mine"\n')
    done = program("check")
    assert done.returncode == 1
    assert "source s over mine: its plugin raised SystemExit" in done.stderr


async def test_check_tells_what_could_be_asked_once_and_cannot_now(program, tmp_path, journal: Journal):
    """The configuration does not say that it is needed: the journal remembers it."""
    await journal.do(workers.Remember([KnownLookup("away", "away.thing", "1"), KnownLookup("gone", "gone.thing", "1")]))
    await journal.close()
    (tmp_path / "appealbus.toml").write_text('[bus]\nretired = ["gone.thing"]\n')
    done = program("check")
    assert done.returncode == 1
    assert "lookup away.thing could be asked once, and no dossier is complete without it" in done.stderr
    assert "its plugin away is not installed" in done.stderr
    assert "gone.thing" not in done.stderr


COMPARES = """
from appealbus.core import PastAssessor, hookimpl


class Crowd(PastAssessor):
    name = "crowd"
    reads = ()

    def recall(self, appeal, past):
        return ()

    def compare(self, appeal, past):
        raise NotImplementedError


@hookimpl
def register_assessors():
    return [Crowd()]
"""


def test_check_warns_of_a_past_that_nobody_finds(program, tmp_path):
    """An assessor that compares says nothing then, as if nobody had repeated."""
    (tmp_path / "mine.py").write_text(COMPARES)
    for disabled, warned in (('["repeats"]', True), ("[]", False)):
        (tmp_path / "appealbus.toml").write_text(f'[bus]\nplugins = ["./mine.py"]\ndisabled = {disabled}\n')
        assert ("no plugin finds earlier ones" in program("check").stderr) is warned
