"""The plugin host: what it takes, what it refuses, and that a broken plugin stops nobody."""

import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from appealbus.core.config.base import NoSettings, Settings
from appealbus.core.host import Host, Plugin

GOOD = """
    from typing import Annotated, Literal
    from appealbus.core import From, Lookup, Query, Request, Settings, Source, found, hookimpl
    from appealbus.schemas import Outcome, Record

    class Place(Record):
        type: Literal["good.Place"] = "good.Place"
        title: str

    class PlaceQuery(Query):
        kato: Annotated[str, From("place.kato")]

    class PlaceByKato(Lookup[PlaceQuery, Place]):
        name = "good.place"
        purpose = "name the place"

        async def ask(self, query: PlaceQuery, source: Source) -> Outcome[Place]:
            await source.call(Request({"kato": query.kato}))
            return found(Place(title="x"))

    @hookimpl
    def register_lookups():
        return [PlaceByKato()]
"""


def load(folder: Path, *sources: str) -> Host:
    """Load inline plugins a.py, b.py … in this order, without the installed ones."""
    paths = []
    for name, source in zip("abcdef", sources, strict=False):
        path = folder / f"{name}.py"
        path.write_text(dedent(source))
        paths.append(str(path))
    host = Host(lambda name, model: model())
    host.load(paths, disabled={"none"})
    return host


def inline(host: Host) -> dict[str, Plugin]:
    return {plugin.name: plugin for plugin in host.plugins if plugin.origin != "installed"}


def test_an_inline_plugin_brings_its_lookup(tmp_path: Path) -> None:
    """One file named in the configuration is a whole plugin."""
    host = load(tmp_path, GOOD)
    plugin = inline(host)["a"]
    assert (plugin.state, plugin.reason, plugin.hooks) == ("active", "", ["register_lookups"])
    assert "good.place" in [node.lookup.name for node in host.nodes("a norm")]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here' (.*a.py:1)"),
        ("def f(:", r"SyntaxError: .*\(.*a.py:1\)"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("x = 1", "it implements no hook; mark functions with @hookimpl"),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl
            def register_lookup(): return []
            """,
            "there is no hook 'register_lookup'; did you mean register_lookups?",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl
            def register_lookups(setings): return []
            """,
            "setings",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl
            def register_lookups(): return ["a lookup"]
            """,
            "register_lookups must return instances of Lookup",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl
            def register_assessors(): raise RuntimeError("boom")
            """,
            r"RuntimeError: boom \(.*a.py:4\)",
        ),
        (GOOD.replace("place.kato", "place.kata"), "good.place: field 'kato': .*did you mean kato"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_run(tmp_path: Path, source: str, reason: str) -> None:
    """Whatever a plugin does at load, it alone is broken, and its author reads why."""
    host = load(tmp_path, source, GOOD if "good.place" not in source else "x = 1")
    broken = inline(host)["a"]
    assert broken.state == "broken"
    assert re.search(reason, broken.reason), broken.reason
    if "good.place" not in source:
        assert inline(host)["b"].state == "active"


def test_two_plugins_cannot_bring_the_same_lookup(tmp_path: Path) -> None:
    """The second one is broken and says who has the name."""
    host = load(tmp_path, GOOD, GOOD)
    assert inline(host)["b"].reason == "the lookup 'good.place' is brought by the plugin 'a' already"
    assert sum(node.lookup.name == "good.place" for node in host.nodes("")) == 1


def test_a_raising_listener_stops_nobody(tmp_path: Path) -> None:
    """A notification reaches every plugin, whichever raises."""
    listener = """
        from appealbus.core import hookimpl
        heard = []
        @hookimpl
        def source_changed(source, state):
            heard.append((source, state))
            {}
    """
    host = load(tmp_path, listener.format("raise ValueError"), listener.format("pass"))
    for _ in range(2):
        host.notify("source_changed", source="gbdfl", state="open")
    for name in ("a", "b"):
        assert sys.modules[f"appealbus_inline_{name}"].heard == [("gbdfl", "open")] * 2


def test_a_plugin_gets_its_own_settings(tmp_path: Path) -> None:
    """The table of the plugin, validated by the plugin's model, is handed to its hooks."""
    source = """
        from appealbus.core import Settings, hookimpl
        class Mine(Settings):
            colour: str = "red"
        seen = []
        @hookimpl
        def register_settings(): return Mine
        @hookimpl
        def register_services(settings):
            seen.append(settings.colour)
            return []
    """
    path = tmp_path / "coloured.py"
    path.write_text(dedent(source))

    def settings_for(name: str, model: type[Settings]) -> Settings:
        return NoSettings() if model is NoSettings else model(**({"colour": "blue"} if name == "coloured" else {}))

    host = Host(settings_for)
    host.load([str(path)], disabled=[])
    assert sys.modules["appealbus_inline_coloured"].seen == ["blue"]


def test_a_disabled_plugin_is_not_even_imported(tmp_path: Path) -> None:
    """Its file may be as broken as it likes."""
    path = tmp_path / "off.py"
    path.write_text("raise SystemExit")
    host = Host(lambda name, model: model())
    host.load([str(path)], disabled=["off"])
    assert inline(host)["off"].state == "disabled"


def test_the_built_in_plugins_come_through_the_same_door() -> None:
    """All that ships is an installed entry point, active, with a version."""
    host = Host(lambda name, model: model())
    host.load([], [])
    shipped = {plugin.name: plugin for plugin in host.plugins}
    assert {"wires", "files", "amqp", "gbdfl", "gbdul", "egkn", "address"} <= set(shipped)
    assert {"identity", "land_rights", "simulator", "demo"} <= set(shipped)
    assert {plugin.state for plugin in shipped.values()} == {"active"}, {p.name: p.reason for p in host.plugins}
