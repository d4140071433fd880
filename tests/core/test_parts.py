"""What the configuration amounts to: names that nobody knows are told, with the nearest there is."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError, Factory, From, NoSettings, Settings, Waiting, Wire, WorkQueue
from appealbus.core.config.loading import load
from appealbus.core.config.models import Configuration, PartSettings
from appealbus.core.loading.extension_points import KINDS, PartKind
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.loading.parts import Parts, build
from appealbus.core.testing import scripted_connector
from tests.core.kit import ScriptedWire, lookup

SCRIPTED = scripted_connector(ScriptedWire())


def built(folder: Path, text: str, connector: Factory[Wire] = SCRIPTED, work: Factory[Any] | None = None) -> Parts:
    """Build the parts of a configuration beside a plugin `test` with one lookup of the source `s`."""
    file = folder / "appealbus.toml"
    file.write_text(text)
    host = Host(lambda name, model: model())
    brought: dict[str, list[Any]] = {
        "connectors": [connector],
        "lookups": [lookup("s.thing", x=From("repeats[*]"))],
        "work_queues": [work or Factory("picky", PickySettings, Picky)],
        "clocks": [Factory("sundial", NoSettings, Sundial)],
    }
    host.plugins.append(Plugin("test", "1", "test", brought=brought))
    return build(load(file, {}), host)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[work]\nkind = "amqp"\n',
            "appealbus.toml:2: work.kind: no plugin brings 'amqp'; write one of picky",
        ),
    ],
)
def test_a_name_that_nobody_knows_is_an_error_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """File, line, key, what is wrong, and what to write."""
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[bus]\ndisabled = ["tset"]\n',
            "appealbus.toml:2: bus.disabled: there is no plugin 'tset'; did you mean test?",
        ),
        ("[plugins.tset]\nx = 1\n", "appealbus.toml:1: plugins.tset: there is no plugin 'tset'; did you mean test?"),
        (
            '[sources.s]\nconnector = "scriptd"\n',
            "appealbus.toml:2: sources.s.connector: no plugin brings 'scriptd'; write one of scripted",
        ),
        (
            '[completeness.default]\nrequired = ["s.thing"]\n',
            "completeness.default.required: s.thing cannot be asked: its source 's' is not configured: write",
        ),
    ],
)
def test_a_lookup_or_plugin_that_is_not_there_stops_nobody(tmp_path: Path, text: str, told: str) -> None:
    """It is told with its line, for `check` and for whoever reads the log; the rest works."""
    parts = built(tmp_path, text)
    assert [told in problem for problem in parts.problems] == [True]


def test_a_part_that_finds_its_table_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    """The part knows what is wrong, the bus knows where."""
    text = '[bus]\nname = "x"\n\n[work]\nkind = "picky"\ncolour = "red"\n'
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, text)
    assert str(caught.value).endswith("appealbus.toml:4: work: nobody likes red")
    assert built(tmp_path, text.replace("red", "blue")).work is not None
    assert built(tmp_path, "").work is None


class PickySettings(Settings):
    """The table `[work]`."""

    colour: str


class Picky(WorkQueue[PickySettings]):
    """Refuses red."""

    def __init__(self, name: str, settings: PickySettings) -> None:
        super().__init__(name, settings)
        if settings.colour == "red":
            raise ConfigError("nobody likes red")

    def offer(self, waiting: Waiting) -> None:
        raise NotImplementedError

    async def run(self, take: Callable[[], Awaitable[None]]) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("error", [SystemExit(2), ValueError("a secret")], ids=["exit", "error"])
def test_a_part_whose_plugin_raises_is_told_with_its_place(tmp_path: Path, error: BaseException) -> None:
    """Which table, what was raised and where; never its text."""

    def wire(source: str, settings: NoSettings) -> Wire:
        raise error

    with pytest.raises(ConfigError) as caught:
        built(tmp_path, '[sources.s]\nconnector = "scripted"\n', Factory("scripted", NoSettings, wire))
    told = f"appealbus.toml:1: sources.s: its plugin raised {type(error).__name__} at {__file__}:"
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_factory_that_makes_something_else_is_told(tmp_path: Path) -> None:
    """A factory of wires makes wires."""
    text = '[sources.s]\nconnector = "scripted"\n'
    wrong: Any = Factory("scripted", NoSettings, lambda source, settings: 3)
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, text, wrong)
    told = "appealbus.toml:1: sources.s: its plugin made an instance of int, which is no Wire"
    assert str(caught.value).endswith(told)


class Forgetful(Picky):
    """Leaves out what its base class does."""

    def __init__(self, name: str, settings: PickySettings) -> None:
        pass


class Exits(PickySettings):
    """A model whose own check ends the program."""

    def model_post_init(self, context: Any) -> None:
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (Factory("picky", PickySettings, Forgetful), "its plugin made Forgetful under another name; call super()"),
        (
            Factory("picky", PickySettings, lambda name, settings: Picky("x", settings)),
            "its plugin made Picky under another name",
        ),
        (Factory("picky", Exits, Picky), "its plugin raised SystemExit at "),
    ],
)
def test_a_clumsy_factory_is_told_with_its_place(tmp_path: Path, factory: Factory[Any], told: str) -> None:
    """Neither a part that forgets its name nor a model that raises ends the program."""
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, '[work]\nkind = "picky"\ncolour = "blue"\n', work=factory)
    assert f"appealbus.toml:1: work: {told}" in str(caught.value)


class Sundial:
    """A part of a kind that there is not yet, and its interface."""

    def __init__(self, name: str, settings: NoSettings) -> None:
        self.name = name


class MoreTables(Configuration):
    """A configuration with a table for it."""

    clocks: dict[str, PartSettings] = {}


def test_a_kind_with_a_table_is_made_by_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row and the table are all: parts are made, mistakes have their line, defects a name."""
    row = PartKind("clocks", "clock", "clock", Sundial, "clocks")
    monkeypatch.setattr("appealbus.core.loading.parts.KINDS", (*KINDS, row))
    monkeypatch.setattr("appealbus.core.config.loading.Configuration", MoreTables)
    text = '[clocks.garden]\nkind = "sundial"\n'
    parts = built(tmp_path, text)
    (made,) = parts.made
    assert isinstance(made.part, Sundial)
    assert (made.kind, made.name, made.factory, made.part.name) == (row, "garden", "sundial", "garden")
    assert list(parts.names()) == ["clock.garden"]
    with pytest.raises(ConfigError, match=r"toml:2: clocks.garden.kind: no plugin brings 'moon'; write one of sundial"):
        built(tmp_path, text.replace("sundial", "moon"))
    with pytest.raises(ConfigError, match=r"toml:3: clocks.garden.x: .*"):
        built(tmp_path, f"{text}x = 1\n")


def test_parts_are_counted_by_what_they_are(tmp_path: Path) -> None:
    """Monitoring begins with all of them at nought; a lookup that cannot be asked is none."""
    text = '[work]\nkind = "picky"\ncolour = "blue"\n'
    assert set(built(tmp_path, text).names()) == {"work_queue"}
    sources = '[sources.s]\nconnector = "scripted"\n'
    assert set(built(tmp_path, text + sources).names()) == {"work_queue", "source.s", "lookup.s.thing"}


def test_a_source_that_no_lookup_asks_is_told(tmp_path: Path) -> None:
    """It stops nobody, since a broken plugin may be the reason; `check` shows it."""
    parts = built(tmp_path, '[sources.s]\nconnector = "scripted"\n\n[sources.ss]\nconnector = "scripted"\n')
    assert parts.unused.keys() == {"ss"}
    assert parts.unused["ss"].endswith("appealbus.toml:4: sources.ss: no lookup asks this source; did you mean s?")
    assert [node.lookup.name for node in parts.nodes] == ["s.thing"]


def test_why_a_plugin_is_broken_is_told_before_what_lacks_it(tmp_path: Path) -> None:
    """Or a mistake in the plugin's own table would only show as a kind that nobody brings."""
    file = tmp_path / "appealbus.toml"
    file.write_text('[work]\nkind = "queue"\n')
    host = Host(lambda name, model: model())
    host.plugins.append(Plugin("queues", "1", "test", state="broken", reason="its table is wrong"))
    with pytest.raises(ConfigError) as caught:
        build(load(file, {}), host)
    first, second = str(caught.value).splitlines()
    assert first == "plugin queues is broken: its table is wrong"
    assert second.endswith("write one of none (broken plugins: queues)")
