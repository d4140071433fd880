"""The parts built from configuration and plugins, without side effects, so that `check` can test them."""

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from appealbus.core.config.loading import Loaded
from appealbus.core.config.models import SourceSettings
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.config.types import Settings
from appealbus.core.errors import ConfigError
from appealbus.core.guards.context import Bound
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.part import Part
from appealbus.core.interfaces.wire import Wire
from appealbus.core.interfaces.work import WorkQueue
from appealbus.core.loading.careless import lacking, slip
from appealbus.core.loading.extension_points import KINDS, PartKind
from appealbus.core.loading.host import Host
from appealbus.core.planning.contract import Available, Contracts, active
from appealbus.core.planning.plan import Node
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Made:
    """A part that a factory built for a configuration table."""

    kind: PartKind
    name: str
    """Name of the table."""
    factory: str
    """Name of the factory: the table's `kind` or `connector`."""
    part: Any


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of a bus, ready to start."""

    host: Host
    nodes: list[Node]
    inactive: dict[str, str]
    """Lookups that cannot be asked, with the reason."""
    unused: dict[str, str]
    """Sources without a lookup, with a possible cause: a wrong name, or a broken plugin."""
    problems: list[str]
    """Problems that prevent no start: the rest works, but dossiers lack what they concern."""
    contracts: Contracts
    sources: dict[str, Bound]
    intakes: list[Intake[Any]]
    deliveries: dict[str, Delivery[Any]]
    work: WorkQueue[Any] | None
    made: list[Made]
    """All configured parts, including those of the last four fields."""

    def names(self) -> Iterator[str]:
        """Yield the plugins' parts by the names used for defects: `lookup.gbdfl.person` …"""
        for kind in KINDS:
            if kind.table:
                yield from (kind.counted_as(part.name) for part in self.made if part.kind is kind)
            else:
                yield from map(kind.counted_as, self.host.brought(kind.plural).keys() - self.inactive.keys())


def load_plugins(loaded: Loaded) -> Host:
    def settings_for(name: str, model: type[Settings]) -> Settings:
        return loaded.validate(model, "plugins", name)

    host = Host(settings_for)
    host.load(loaded.settings.bus.plugins, loaded.settings.bus.disabled)
    for plugin in host.plugins:
        if plugin.twin:
            twice = f"it is installed, and loaded as {plugin.twin!r} already; take it out here"
            plugin.reason = str(loaded.error(twice, "bus", "plugins"))
    return host


def build(loaded: Loaded, host: Host) -> Parts:
    """Build and connect all parts. Raises ConfigError with all problems, a line each."""
    problems: list[str] = []
    unbound: dict[str, str] = {}
    made: list[Made] = []
    for kind in KINDS:
        for path, factory in kind.configured(loaded.settings):
            if kind.interface is Wire and factory not in host.brought(kind.plural):
                unbound[path[-1]] = str(
                    _not_brought(host.brought(kind.plural), factory, loaded, (*path, kind.key), host)
                )
                continue
            try:
                made.append(Made(kind, path[-1], factory, _make(loaded, host, kind, path, factory)))
            except ConfigError as error:
                problems += str(error).split("\n")
    if problems:
        broken = [
            f"plugin {plugin.name} is broken: {plugin.reason}" for plugin in host.plugins if plugin.state == "broken"
        ]
        raise ConfigError(*broken, *problems)
    parts = {kind.plural: {part.name: part for part in made if part.kind is kind} for kind in KINDS}
    sources = {
        name: _bound(connector, loaded.settings.sources[name], host.owner(connector.part))
        for name, connector in parts["connectors"].items()
    }
    brought = host.nodes(loaded.settings.bus.legal_basis)
    nodes, inactive, defects = active(brought, sources, unbound)
    plugins = {plugin.name: plugin.state for plugin in host.plugins}
    plugins |= {plugin.name: plugin.state for plugin in host.plugins if plugin.state == "active"}  # of two with a name
    terms = Contracts(loaded, Available(nodes, inactive, plugins))
    asked = {node.lookup.source for node in brought}
    unused = {
        name: str(
            loaded.error(f"no lookup asks this source; {did_you_mean(name, asked)}{_broken(host)}", "sources", name)
        )
        for name in sources
        if name not in asked
    }
    return Parts(
        host,
        nodes,
        inactive,
        unused,
        [*_misspelt(loaded, host), *unbound.values(), *defects, *terms.problems()],
        terms,
        sources,
        intakes=[intake.part for intake in parts["intakes"].values()],
        deliveries={name: delivery.part for name, delivery in parts["deliveries"].items()},
        work=next((queue.part for queue in parts["work_queues"].values()), None),
        made=made,
    )


def _bound(made: Made, settings: SourceSettings, plugin: str) -> Bound:
    more = settings.keep_replies, settings.meaningless
    return Bound(made.name, made.factory, made.part, settings.guard, plugin, *more)


def _misspelt(loaded: Loaded, host: Host) -> list[str]:
    """Report plugin names in the configuration that match no plugin."""
    known = {plugin.name for plugin in host.plugins}
    wrong = [(name, ("plugins", name)) for name in loaded.settings.plugins if name not in known]
    wrong += [(name, ("bus", "disabled")) for name in loaded.settings.bus.disabled if name not in known]
    return [
        str(loaded.error(f"there is no plugin {name!r}; {did_you_mean(name, known)}", *path)) for name, path in wrong
    ]


def _make(loaded: Loaded, host: Host, kind: PartKind, path: tuple[str, ...], factory: str) -> Any:
    """Build a part; errors of its table, or raised by it, are reported with the table's place."""
    known = host.brought(kind.plural)
    if factory not in known:
        raise _not_brought(known, factory, loaded, (*path, kind.key), host)
    chosen = known[factory]
    try:
        part = chosen.make(path[-1], loaded.validate(chosen.settings, *path))
    except InvalidConfig:
        raise
    except ConfigError as error:
        raise loaded.error(str(error), *path) from None
    except BaseException as error:
        if not is_defect(error):
            raise
        reason = lacking(error, chosen.make) or f"its plugin raised {type(error).__name__} at {_place(error)}"
        raise loaded.error(reason, *path) from None
    if not isinstance(part, kind.interface):
        wrong = f"its plugin made an instance of {type(part).__name__}, which is no {kind.interface.__name__}"
        raise loaded.error(wrong, *path)
    if isinstance(part, Part) and getattr(part, "name", None) != path[-1]:
        wrong = f"its plugin made {type(part).__name__} under another name; call super().__init__(name, settings) there"
        raise loaded.error(wrong, *path)
    if wrong := slip(part, kind.interface):
        raise loaded.error(wrong, *path)
    return part


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _not_brought(known: Iterable[str], name: str, loaded: Loaded, path: tuple[str, ...], host: Host) -> ConfigError:
    text = f"no plugin brings {name!r}; write one of {', '.join(sorted(known)) or 'none'}{_broken(host)}"
    return loaded.error(text, *path)


def _broken(host: Host) -> str:
    broken = [plugin.name for plugin in host.plugins if plugin.state == "broken"]
    return f" (broken plugins: {', '.join(broken)})" if broken else ""
