"""What the configuration and the plugins amount to: built without side effects, so that `check` can prove it."""

import difflib
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from appealbus.core.config.base import Settings
from appealbus.core.config.loading import Loaded
from appealbus.core.config.problems import InvalidConfig
from appealbus.core.doors import is_defect
from appealbus.core.errors import ConfigError
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.host import Host
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.wire import Wire
from appealbus.core.interfaces.work import WorkQueue
from appealbus.core.planning.contract import CompletenessContract, active, contracts
from appealbus.core.planning.plan import Node
from appealbus.schemas.appeal import AppealKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bound:
    """A source with the wire that leads to it."""

    name: str
    connector: str
    wire: Wire
    guard: GuardSettings
    plugin: str = ""
    """The one that brings the wire."""


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of a bus, ready to start."""

    host: Host
    nodes: list[Node]
    inactive: dict[str, str]
    """Lookups that cannot be asked, each with the reason."""
    unused: dict[str, str]
    """Sources that no lookup asks, each with what may be wrong: a name, or a plugin that is broken."""
    contracts: Mapping[AppealKind | None, CompletenessContract]
    sources: dict[str, Bound]
    intakes: list[Intake[Any]]
    deliveries: dict[str, Delivery[Any]]
    work: WorkQueue[Any] | None = None

    def names(self) -> Iterator[str]:
        """Go through the parts that plugins bring, as defects are counted by them: `lookup.gbdfl.person` …"""
        yield from (f"lookup.{node.lookup.name}" for node in self.nodes)
        yield from (f"assessor.{name}" for name in self.host.assessors)
        yield from (f"source.{name}" for name in self.sources)
        yield from (f"intake.{intake.name}" for intake in self.intakes)
        yield from (f"delivery.{name}" for name in self.deliveries)
        yield from (f"service.{service.name}" for service in self.host.services)
        yield from () if self.work is None else ("work_queue",)


def load_plugins(loaded: Loaded) -> Host:
    """Load the plugins that are installed or named in the configuration."""

    def settings_for(name: str, model: type[Settings]) -> Settings:
        return loaded.validate(model, "plugins", name)

    host = Host(settings_for)
    host.load(loaded.settings.bus.plugins, loaded.settings.bus.disabled)
    return host


def build(loaded: Loaded, host: Host) -> Parts:
    """Bind everything to everything.

    Raises:
        ConfigError: with all that does not fit, a line each.

    """
    problems = _misspelt(loaded, host)
    sources: dict[str, Bound] = {}
    for name, table in loaded.settings.sources.items():
        try:
            connector = _pick(host.connectors, table.connector, loaded, ("sources", name, "connector"), host)
            settings = loaded.validate(connector.settings, "sources", name)
            wire = _made(loaded, partial(connector.wire, name, settings), "sources", name)
            sources[name] = Bound(name, table.connector, wire, table.guard, host.owner(wire))
        except ConfigError as error:
            problems += str(error).split("\n")
    intakes: list[Intake[Any]] = []
    deliveries: dict[str, Delivery[Any]] = {}
    for name, part in loaded.settings.intakes.items():
        try:
            intake = _pick(host.intakes, part.kind, loaded, ("intakes", name, "kind"), host)
            settings = loaded.validate(intake.settings, "intakes", name)
            intakes.append(_made(loaded, partial(intake, name, settings), "intakes", name))
        except ConfigError as error:
            problems += str(error).split("\n")
    for name, part in loaded.settings.deliveries.items():
        try:
            delivery = _pick(host.deliveries, part.kind, loaded, ("deliveries", name, "kind"), host)
            settings = loaded.validate(delivery.settings, "deliveries", name)
            deliveries[name] = _made(loaded, partial(delivery, name, settings), "deliveries", name)
        except ConfigError as error:
            problems += str(error).split("\n")
    work: WorkQueue[Any] | None = None
    if (chosen := loaded.settings.work) is not None:
        try:
            queue = _pick(host.work_queues, chosen.kind, loaded, ("work", "kind"), host)
            work = _made(loaded, partial(queue, loaded.validate(queue.settings, "work")), "work")
        except ConfigError as error:
            problems += str(error).split("\n")
    if problems:
        broken = [
            f"plugin {plugin.name} is broken: {plugin.reason}" for plugin in host.plugins if plugin.state == "broken"
        ]
        raise ConfigError(*broken, *problems)
    brought = host.nodes(loaded.settings.bus.legal_basis)
    nodes, inactive = active(brought, sources)
    asked = {node.lookup.source for node in brought}
    unused = {
        name: str(loaded.error(f"no lookup asks this source{_near(name, asked)}", "sources", name))
        for name in sources
        if name not in asked
    }
    return Parts(host, nodes, inactive, unused, contracts(loaded, nodes, inactive), sources, intakes, deliveries, work)


def _misspelt(loaded: Loaded, host: Host) -> list[str]:
    """Say which names of plugins in the configuration belong to no plugin."""
    known = {plugin.name for plugin in host.plugins}
    wrong = [(name, ("plugins", name)) for name in loaded.settings.plugins if name not in known]
    wrong += [(name, ("bus", "disabled")) for name in loaded.settings.bus.disabled if name not in known]
    return [str(loaded.error(f"there is no plugin {name!r}{_near(name, known)}", *path)) for name, path in wrong]


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"


def _made(loaded: Loaded, make: Callable[[], T], *path: str) -> T:
    """Make a part; what it finds wrong with its table, or raises over it, is told with the table's place."""
    try:
        return make()
    except InvalidConfig:
        raise
    except ConfigError as error:
        raise loaded.error(str(error), *path) from None
    except BaseException as error:
        if not is_defect(error):
            raise
        raise loaded.error(f"its plugin raised {type(error).__name__} at {_place(error)}", *path) from None


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _pick(known: Mapping[str, Any], name: str, loaded: Loaded, path: tuple[str, ...], host: Host) -> Any:
    if name in known:
        return known[name]
    broken = [plugin.name for plugin in host.plugins if plugin.state == "broken"]
    hint = f" (broken plugins: {', '.join(broken)})" if broken else ""
    text = f"no plugin brings {name!r}; write one of {', '.join(sorted(known)) or 'none'}{hint}"
    raise loaded.error(text, *path)
