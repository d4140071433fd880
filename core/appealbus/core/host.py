"""The plugin host: finds plugins, asks each what it brings, and keeps a broken one from stopping the rest."""

import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import structlog

from appealbus.core.config.base import NoSettings, Settings
from appealbus.core.config.permissions import writable_by_others
from appealbus.core.doors import inside, is_defect
from appealbus.core.errors import AppealBusError, ConfigError
from appealbus.core.hookspecs import NAMESPACE, Hooks
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.wire import Connector
from appealbus.core.interfaces.work import WorkQueue
from appealbus.core.planning.plan import Node
from appealbus.core.version import __version__
from appealbus.schemas.record import Record

log = structlog.get_logger(__name__)


class BrokenPlugin(AppealBusError):
    """Why a plugin cannot be used, in words for its author."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one plugin registers."""

    connectors: list[Connector[Any]] = field(default_factory=list)
    lookups: list[Lookup[Any, Record]] = field(default_factory=list)
    intakes: list[type[Intake[Any]]] = field(default_factory=list)
    deliveries: list[type[Delivery[Any]]] = field(default_factory=list)
    work_queues: list[type[WorkQueue[Any]]] = field(default_factory=list)
    assessors: list[Assessor] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)


@dataclass(slots=True)
class Plugin:
    """A plugin as `appealbus plugins` lists it."""

    name: str
    version: str
    origin: str
    """`installed`, or the file or module that the configuration names."""
    state: str = "active"
    """`active`, `broken` or `disabled`."""
    reason: str = ""
    hooks: list[str] = field(default_factory=list)
    brought: Brought = field(default_factory=Brought)


class Host:
    """All plugins. Every part of the bus that is not the bus comes through here."""

    def __init__(self, settings_for: Callable[[str, type[Settings]], Settings]) -> None:
        """Start without plugins.

        Args:
            settings_for: validates the table `[plugins.NAME]` with the plugin's model; raises ConfigError.

        """
        self.plugins: list[Plugin] = []
        self._settings_for = settings_for
        self._manager = pluggy.PluginManager(NAMESPACE)
        self._manager.add_hookspecs(Hooks)
        self._taken: dict[tuple[str, str], str] = {}
        self._impls: dict[str, dict[str, Callable[..., Any]]] = {}
        self._settings: dict[str, Settings] = {}
        self._packages: dict[str, str] = {}
        self.defects: Counter[str] = Counter()
        """What plugins raised where they should not, so far: by the part, such as `lookup.gbdfl.person`."""

    def load(self, named: Iterable[str], disabled: Iterable[str]) -> None:
        """Load the installed plugins (entry points of the group `appealbus`) and the named ones."""
        off = set(disabled)
        installed = {point.name: point for point in sorted(entry_points(group=NAMESPACE), key=lambda p: p.name)}
        for point in installed.values():
            self._load_one(point.name, _version_of(point), "installed", point.load, off)
        for name in named:
            title = Path(name).stem if name.endswith(".py") else name.rpartition(".")[2]
            load = _file_loader(Path(name)) if name.endswith(".py") else _module_loader(name)
            self._load_one(title, "", name, load, off)

    def _load_one(self, name: str, version: str, origin: str, load: Callable[[], Any], disabled: set[str]) -> None:
        plugin = Plugin(name, version, origin)
        if self._manager.has_plugin(name):
            plugin.state, plugin.reason = "broken", f"a plugin named {name!r} is loaded already; rename one of them"
        self.plugins.append(plugin)
        if plugin.state == "broken":
            return
        if name in disabled:
            plugin.state, plugin.reason = "disabled", "named in bus.disabled"
            return
        try:
            module = load()
            plugin.version = version or str(getattr(module, "__version__", "0"))
            impls = self._register(name, module)
            plugin.hooks = sorted(impls)
            brought = self._ask_what_it_brings(name, impls)
            self._claim_names(name, brought)
            plugin.brought = brought
            self._packages[str(getattr(module, "__package__", "") or getattr(module, "__name__", name))] = name
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # a plugin may even call sys.exit at import
            plugin.state, plugin.reason = "broken", _reason(error)
            self._impls.pop(name, None)
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            log.warning("plugin.broken", plugin=name)

    def _register(self, name: str, module: Any) -> dict[str, Callable[..., Any]]:
        known = [hook for hook, _ in inspect.getmembers(Hooks, inspect.isfunction)]
        marked = [attr for attr in dir(module) if self._manager.parse_hookimpl_opts(module, attr) is not None]
        for attr in marked:
            if attr not in known:
                near = difflib.get_close_matches(attr, known, 1)
                raise BrokenPlugin(
                    f"there is no hook {attr!r}; "
                    + (f"did you mean {near[0]!r}?" if near else f"hooks: {', '.join(known)}")
                )
        if not marked:
            raise BrokenPlugin("it implements no hook; mark functions with @hookimpl from appealbus.core")
        self._manager.register(module, name)
        self._impls[name] = {attr: getattr(module, attr) for attr in marked}
        return self._impls[name]

    def _ask_what_it_brings(self, name: str, impls: dict[str, Callable[..., Any]]) -> Brought:
        model = impls["register_settings"]() if "register_settings" in impls else NoSettings
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise BrokenPlugin("register_settings must return a subclass of appealbus.core.Settings")
        self._settings[name] = self._settings_for(name, model)
        kinds: dict[str, tuple[type, bool]] = {
            "connectors": (Connector, False),
            "lookups": (Lookup, False),
            "intakes": (Intake, True),
            "deliveries": (Delivery, True),
            "work_queues": (WorkQueue, True),
            "assessors": (Assessor, False),
            "services": (Service, False),
        }
        brought = Brought()
        for kind, (base, wants_class) in kinds.items():
            impl = impls.get(f"register_{kind}")
            for item in self._call(name, impl) or () if impl else ():
                fits = inspect.isclass(item) and issubclass(item, base) if wants_class else isinstance(item, base)
                if not fits:
                    what = f"subclasses of {base.__name__}" if wants_class else f"instances of {base.__name__}"
                    raise BrokenPlugin(f"register_{kind} must return {what}")
                getattr(brought, kind).append(item)
        for lookup in brought.lookups:
            Node(lookup, name, "", "").check()
        return brought

    def _call(self, name: str, impl: Callable[..., Any], **given: Any) -> Any:
        """Call an implementation with those of the arguments that it names."""
        given["settings"] = self._settings[name]
        wanted = inspect.signature(impl).parameters
        return impl(**{key: value for key, value in given.items() if key in wanted})

    def _claim_names(self, plugin: str, brought: Brought) -> None:
        claims = [
            *(("connector", item.name) for item in brought.connectors),
            *(("lookup", item.name) for item in brought.lookups),
            *(("intake", item.kind) for item in brought.intakes),
            *(("delivery", item.kind) for item in brought.deliveries),
            *(("work queue", item.kind) for item in brought.work_queues),
            *(("assessor", item.name) for item in brought.assessors),
            *(("service", item.name) for item in brought.services),
        ]
        for kind, name in claims:
            owner = self._taken.get((kind, name), plugin)
            if owner != plugin:
                raise BrokenPlugin(f"the {kind} {name!r} is brought by the plugin {owner!r} already")
        self._taken.update(dict.fromkeys(claims, plugin))

    def _active(self) -> list[Plugin]:
        return [plugin for plugin in self.plugins if plugin.state == "active"]

    @property
    def connectors(self) -> dict[str, Connector[Any]]:
        """Wire formats by name."""
        return {item.name: item for plugin in self._active() for item in plugin.brought.connectors}

    @property
    def intakes(self) -> dict[str, type[Intake[Any]]]:
        """Adapters of channels by kind."""
        return {item.kind: item for plugin in self._active() for item in plugin.brought.intakes}

    @property
    def deliveries(self) -> dict[str, type[Delivery[Any]]]:
        """Ways out by kind."""
        return {item.kind: item for plugin in self._active() for item in plugin.brought.deliveries}

    @property
    def work_queues(self) -> dict[str, type[WorkQueue[Any]]]:
        """Ways to tell other workers of work, by kind."""
        return {item.kind: item for plugin in self._active() for item in plugin.brought.work_queues}

    @property
    def assessors(self) -> dict[str, Assessor]:
        """Rules by name."""
        return {item.name: item for plugin in self._active() for item in plugin.brought.assessors}

    @property
    def services(self) -> list[Service]:
        """Long-running parts."""
        return [item for plugin in self._active() for item in plugin.brought.services]

    def nodes(self, legal_basis: str) -> list[Node]:
        """Return all lookups, ready for a plan."""
        return [
            Node(lookup, plugin.name, plugin.version, lookup.legal_basis or legal_basis)
            for plugin in self._active()
            for lookup in plugin.brought.lookups
        ]

    def add_commands(self, app: Any) -> None:
        """Let plugins add to the command line."""
        self._each("register_commands", app=app)

    def notify(self, hook: str, **given: Any) -> None:
        """Tell every plugin that listens. One that raises is logged and goes on being told."""
        self._each(hook, **given)

    def plugin_of(self, module: str) -> str:
        """Return the plugin that a module belongs to; empty where it is none of theirs."""
        while module and module not in self._packages:
            module = module.rpartition(".")[0]
        return self._packages.get(module, "")

    def owner(self, part: object) -> str:
        """Return the plugin that brought a part: an intake, a wire, a service …"""
        return self.plugin_of(type(part).__module__)

    def stray(self, error: BaseException) -> None:
        """Tell and count what a task or a callback raised that a plugin has made by itself."""
        modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
        plugin = next(filter(None, map(self.plugin_of, reversed(modules))), "")
        self.defects[f"plugin.{plugin}"] += 1
        log.error("plugin.left_the_loop", plugin=plugin or None, exc_info=error)

    def listens(self, hook: str) -> bool:
        """Whether any plugin implements the hook."""
        return any(hook in impls for impls in self._impls.values())

    def _each(self, hook: str, **given: Any) -> None:
        for name, impls in self._impls.items():
            impl = impls.get(hook)
            if impl is not None:
                before = inside.get()
                inside.set(name)
                try:
                    self._call(name, impl, **given)
                except BaseException as error:
                    if not is_defect(error):
                        raise
                    self.defects[f"hook.{hook}"] += 1
                    log.exception("plugin.raised", plugin=name, hook=hook)
                finally:
                    inside.set(before)


def _version_of(point: EntryPoint) -> str:
    if point.dist is None or point.value.startswith("appealbus."):
        return __version__
    return point.dist.version


def _file_loader(path: Path) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        if not path.is_file():
            raise BrokenPlugin(f"there is no file {path}")
        if problem := writable_by_others(path):
            raise BrokenPlugin(problem)
        name = f"appealbus_inline_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise BrokenPlugin(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # pydantic resolves annotations through sys.modules
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return load


def _module_loader(name: str) -> Callable[[], ModuleType]:
    return lambda: importlib.import_module(name)


def _reason(error: BaseException) -> str:
    """Say what is wrong in one line, with the place in the plugin's own code where there is one."""
    if isinstance(error, BrokenPlugin | ConfigError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        frame for frame in frames if f"{NAMESPACE}/core/" not in frame.filename and "importlib" not in frame.filename
    ]
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({error.filename}:{error.lineno})"
    else:
        where = f" ({theirs[-1].filename}:{theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}: {error}{where}"
