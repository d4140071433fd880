"""The plugin host: what it takes, what it refuses, and that a broken plugin stops nobody."""

import inspect
import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from appealbus.core.config.types import NoSettings, Settings
from appealbus.core.loading.extension_points import KINDS, PartKind
from appealbus.core.loading.hookspecs import Hooks, hookspec
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.version import API_VERSION

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


CLUMSY = [
    ("appealbus_api = '1'", "dossier_ready(dossier): pass", "appealbus_api is '1'; write a whole number, such as 1"),
    ("appealbus_api = True", "dossier_ready(dossier): pass", "appealbus_api is True; write"),
    ("appealbus_api = None", "dossier_ready(dossier): pass", "appealbus_api is None; write"),
    ("", "dossier_ready(dosier): pass", "dossier_ready: there is no argument 'dosier'; it may take dossier"),
    ("", "dossier_ready(*, dosier): pass", "dossier_ready: there is no argument 'dosier'"),
    ("", "dossier_ready(dossier, /): pass", "arguments come by their names; take the / out"),
    ("", "dossier_ready(dossier): yield", "dossier_ready is called once, and would not reach its yield; write return"),
    ("", "register_shared(settings): yield 1", "register_shared is called once"),
    ("", "register_shared(settings): raise ValueError('x')", "ValueError: x .*a.py:6"),
    ("", "register_intakes(): return Factory('x', NoSettings, print)", "register_intakes must return a list of"),
    ("", "register_intakes(): return [Factory('x', NoSettings, print)] * 2", "it brings the intake 'x' twice; rename"),
    ("", "register_intakes(): return [Factory(None, NoSettings, print)]", "the name must be a text"),
    ("", "register_intakes(): return [Factory('x', NoSettings, None)]", "make must be a class or a function"),
    ("", "register_services(): return [Nameless()]", "the service Nameless has no name; give it one, a text"),
    ("", "register_services(): raise Unspeakable", "Unspeakable: its text raised SystemExit"),
    ("", "register_services(): raise Mine('one\\ntwo')", r"Mine: one\\ntwo \(.*a.py:6\)"),
]
"""What stands above a hook, the hook, and the reason why the plugin is broken."""

CLUMSY_PLUGIN = """
from appealbus.core import AppealBusError, Factory, NoSettings, Service, hookimpl

{above}
@hookimpl
def {hook}

class Nameless(Service):
    async def run(self, bus): pass

class Mine(AppealBusError): pass

class Unspeakable(Exception):
    def __str__(self): raise SystemExit
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        *((CLUMSY_PLUGIN.format(above=above, hook=hook), reason) for above, hook, reason in CLUMSY),
        (
            CLUMSY_PLUGIN.replace("def", "async def", 1).format(above="", hook="dossier_ready(dossier): pass"),
            "without async",
        ),
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
        (
            """
            from appealbus.core import Intake, hookimpl
            @hookimpl
            def register_intakes(): return [Intake]
            """,
            "register_intakes must return instances of Factory",
        ),
        (
            """
            from appealbus.core import Factory, Intake, NoSettings, hookimpl
            @hookimpl
            def register_intakes(): return [Factory("letters", Intake, NoSettings)]
            """,
            r"TypeError: Factory\('letters', settings, make\): settings must be a subclass of Settings \(.*a.py:4\)",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl(wrapper=True)
            def register_lookups(): yield
            """,
            "register_lookups: @hookimpl takes no 'wrapper' here; write @hookimpl alone",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl(tryfirst=True)
            def dossier_ready(dossier): pass
            """,
            "dossier_ready: @hookimpl takes no 'tryfirst' here",
        ),
        (
            """
            from appealbus.core import hookimpl
            @hookimpl(specname="dossier_ready")
            def tell(dossier): pass
            """,
            "tell: @hookimpl takes no 'specname' here",
        ),
        (
            """
            from appealbus.core import hookimpl
            appealbus_api = 2
            @hookimpl
            def register_lookups(): return []
            """,
            "it is written for plugin API 2, and appealbus [0-9.]+ has 1; install a version of it for API 1",
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


def test_two_plugins_with_one_record_type_are_told(tmp_path: Path) -> None:
    """Both run, and whoever has the same model under it has no quarrel."""
    second = GOOD.replace('"good.place"', '"other.place"')
    host = load(tmp_path, GOOD, second)
    assert [plugin.state for plugin in inline(host).values()] == ["active", "active"]
    assert host.record_clashes() == []
    # Of another length, or what was compiled a moment ago would be taken for it.
    host = load(tmp_path, GOOD, second.replace("title: str", "title: float"))
    assert [plugin.state for plugin in inline(host).values()] == ["active", "active"]
    (told,) = host.record_clashes()
    assert told.startswith("the plugins a and b have different models of the record type good.Place: ")


CHECKED = (
    GOOD.replace("title: str", "title: Annotated[str, AfterValidator(checked)]")
    .replace("    class Place(", "    def checked(title):\n        return title[:9]\n\n    class Place(", 1)
    .replace("    from typing", "    from pydantic import AfterValidator, field_validator\n    from typing", 1)
)
TITLE = (
    "    Title = Annotated[str | None, AfterValidator(checked), Field(max_length=9, default_factory=lambda: 'a')]\n\n"
)
NAMED = CHECKED.replace("Annotated[str, AfterValidator(checked)]", "Title").replace(
    "    class Place(", f"{TITLE}    class Place(", 1
)
NAMED = NAMED.replace("import AfterValidator,", "import AfterValidator, Field,")
METHOD = "title: str\n\n        @field_validator('title')\n        def checked(cls, value):\n            return value"


@pytest.mark.parametrize(
    ("first", "changes"),
    [
        (CHECKED, ("title[:9]", "title[:90]")),
        (CHECKED.replace("title: Annotated[str, AfterValidator(checked)]", METHOD), ("return value", "return 'x'")),
        (GOOD.replace(' = "good.Place"', ""), ("title: str", "title: float")),
        (GOOD, ("Place(Record)", "Place(Record, frozen=False, str_max_length=9)")),
        (NAMED, ("max_length=9,", "max_length=90,")),
        (NAMED, ("title[:9]", "title[:90]")),
        (NAMED, ("lambda: 'a'", "lambda: 'ab'")),
    ],
    ids=[
        *("validator beside it", "validator within", "type without default", "configuration"),
        *("field of a type", "validator of a type", "default of a type"),
    ],
)
def test_models_that_differ_in_what_no_schema_shows_are_told(
    tmp_path: Path, first: str, changes: tuple[str, str]
) -> None:
    """Copies are no clash, and neither is one model that another plugin has imported."""
    second = first.replace('"good.place"', '"other.place"')
    assert load(tmp_path, first, second).record_clashes() == []
    (told,) = load(tmp_path, first, second.replace(*changes)).record_clashes()
    assert "a and b have different models of the record type good.Place" in told


def test_one_model_that_two_plugins_use_is_no_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One imports it from the other."""
    (tmp_path / "theirs.py").write_text(dedent(GOOD))
    monkeypatch.syspath_prepend(tmp_path)
    theirs = """
        from appealbus.core import From, Lookup, Query, hookimpl
        import theirs

        class {0}Query(Query):
            kato: str = From("place.kato")

        class {0}(theirs.PlaceByKato):
            name = "{0}.place"

        @hookimpl
        def register_lookups():
            return [{0}()]
    """
    host = load(tmp_path, theirs.format("one"), theirs.format("two"))
    assert [plugin.state for plugin in inline(host).values()] == ["active", "active"]
    assert host.record_clashes() == []


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
        host.source_changed("gbdfl", "open")
    for name in ("a", "b"):
        assert sys.modules[f"appealbus_inline_{name}"].heard == [("gbdfl", "open")] * 2


def test_a_plugin_may_say_which_api_it_is_written_for(tmp_path: Path) -> None:
    """The one there is now is as good as none."""
    host = load(tmp_path, f"appealbus_api = {API_VERSION}\n{dedent(GOOD)}")
    assert inline(host)["a"].state == "active"


def test_each_notification_has_a_method_with_the_same_arguments() -> None:
    """So that a misspelt one is an error of types, and none is forgotten."""
    hooks = dict(inspect.getmembers(Hooks, inspect.isfunction))
    notifications = {name: hook for name, hook in hooks.items() if not name.startswith("register_")}
    assert len(notifications) == 4
    for name, hook in notifications.items():
        assert inspect.signature(getattr(Host, name)) == inspect.signature(hook)


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


def test_what_the_hooks_of_a_plugin_share_is_made_once(tmp_path: Path) -> None:
    """Each hook that wants it gets the same object, and whoever knows the plugin can ask the host for it."""
    source = """
        from appealbus.core import hookimpl
        seen = []
        @hookimpl
        def register_shared(settings): return [settings]
        @hookimpl
        def register_intakes(shared): seen.append(shared); return []
        @hookimpl
        def register_services(settings, shared): seen.append(shared); return []
    """
    host = load(tmp_path, source)
    first, second = sys.modules["appealbus_inline_a"].seen
    assert first is second is host.shared("a")
    assert host.shared("nobody") is None


def test_a_kind_of_parts_is_a_row_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its hook and its interface the row is all that there is to a new kind: taken, checked and named."""

    class Clock:
        """The interface of a new kind."""

        name = "sundial"

    class MoreHooks(Hooks):
        @hookspec
        def register_clocks(self, settings: Settings) -> list[Clock]:
            """Return clocks."""
            raise NotImplementedError

    monkeypatch.setattr("appealbus.core.loading.host.Hooks", MoreHooks)
    monkeypatch.setattr("appealbus.core.loading.host.KINDS", (*KINDS, PartKind("clocks", "clock", "clock", Clock)))
    monkeypatch.setattr("appealbus.core.Clock", Clock, raising=False)
    source = """
        from appealbus.core import Clock, hookimpl
        @hookimpl
        def register_clocks(): return [{}]
    """
    host = load(tmp_path, source.format("Clock()"), source.format("Clock()"), source.format("Clock"))
    assert isinstance(host.brought("clocks")["sundial"], Clock)
    plugins = inline(host)
    assert plugins["b"].reason == "the clock 'sundial' is brought by the plugin 'a' already"
    assert plugins["c"].reason == "register_clocks must return instances of Clock"


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


@pytest.mark.parametrize(
    ("formerly", "reason"),
    [
        ('"old.place"', 'good.place: formerly is a tuple of names: write formerly = ("old.name",)'),
        ("(1,)", "good.place: formerly is a tuple of names"),
        ("None", "good.place: formerly is a tuple of names"),
    ],
)
def test_former_names_are_said_as_they_should(tmp_path: Path, formerly: str, reason: str) -> None:
    """A text alone would be a name for each of its letters."""
    host = load(tmp_path, GOOD.replace('purpose = "name', f'formerly = {formerly}\n        purpose = "name'))
    plugin = inline(host)["a"]
    assert plugin.state == "broken"
    assert reason in plugin.reason


def test_a_former_name_is_that_of_one_lookup(tmp_path: Path) -> None:
    """Nobody could say whose the answers under it are; the second plugin is broken."""
    said = 'formerly = ("old.place",)\n        purpose = "name'
    first = GOOD.replace('purpose = "name', said)
    host = load(tmp_path, first, first.replace("good.place", "other.place"))
    assert [plugin.state for plugin in inline(host).values()] == ["active", "broken"]
    assert inline(host)["b"].reason == "two lookups were called 'old.place' before; take it from the formerly of one"
