"""The plugin host: finds plugins, calls their hooks, and isolates broken ones."""

import inspect
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, get_args, get_origin

import structlog

from appealbus.core.config.types import NoSettings, Settings
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.interfaces.lookup import models_of
from appealbus.core.interfaces.pages import Pages
from appealbus.core.interfaces.past import PastAssessor, PastFinder
from appealbus.core.interfaces.service import Service
from appealbus.core.loading.careless import shadows, slip, unusable
from appealbus.core.loading.discovery import BrokenPlugin, FoundPlugin, Manager, check_api, find, reason_of
from appealbus.core.loading.due_dates import Counting
from appealbus.core.loading.extension_points import KINDS
from appealbus.core.loading.hookspecs import NAMESPACE, Hooks
from appealbus.core.planning.plan import Node
from appealbus.core.plugin_calls.boundary import inside, is_defect
from appealbus.schemas.appeal import Receipt
from appealbus.schemas.dossier import Dossier, LookupOutcome
from appealbus.schemas.record import Record
from appealbus.schemas.suggestion import did_you_mean

log = structlog.get_logger(__name__)

_FORMER = "former name of a lookup"


@dataclass(slots=True)
class Plugin:
    """A plugin as `appealbus plugins` lists it."""

    name: str
    version: str
    origin: str
    """`installed`, or the file or module in the configuration."""
    state: str = "active"
    """`active`, `broken` or `disabled`."""
    reason: str = ""
    hooks: list[str] = field(default_factory=list)
    brought: dict[str, list[Any]] = field(default_factory=dict)
    """Registered factories and instances, by the plural of their kind."""
    warnings: list[str] = field(default_factory=list)
    """What works but should be written differently."""
    twin: str = ""
    """The installed plugin whose module `bus.plugins` names again."""


class Host:
    """All plugins. The bus reaches parts of plugins only through here."""

    def __init__(self, settings_for: Callable[[str, type[Settings]], Settings]) -> None:
        """Start without plugins. `settings_for` validates `[plugins.NAME]`, and may raise ConfigError."""
        self.plugins: list[Plugin] = []
        self._settings_for = settings_for
        self._manager = Manager(NAMESPACE)
        self._manager.add_hookspecs(Hooks)
        self._hooks = [hook for hook, _ in inspect.getmembers(Hooks, inspect.isfunction)]
        self._taken: dict[tuple[str, str], str] = {}
        self._impls: dict[str, dict[str, Callable[..., Any]]] = {}
        # By plugin: what each of its hooks may take beside its own arguments, `settings` and `shared`.
        self._given: dict[str, dict[str, Any]] = {}
        self._packages: dict[str, str] = {}
        # By the plural of a kind: of how many plugins it is, and what they brought.
        self._brought: dict[str, tuple[int, dict[str, Any]]] = {}
        self._listeners: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
        self.defects: Counter[str] = Counter()
        """Number of unexpected errors of plugins, by part, such as `lookup.gbdfl.person`."""
        self.counting = Counting(lambda: self.brought("terms"), self.owner, self.defects)

    def load(self, named: Iterable[str], disabled: Iterable[str]) -> None:
        """Load the installed plugins (entry points of the group `appealbus`) and the named ones."""
        off = set(disabled)
        for discovered in find(named):
            self._load_one(discovered, off)
        self._brought.clear()
        self._listeners.clear()

    def _load_one(self, found: FoundPlugin, disabled: set[str]) -> None:
        name, plugin = found.name, Plugin(found.name, found.version, found.origin)
        self.plugins.append(plugin)
        if (twin := self._manager.get_plugin(name)) is not None:
            plugin.state, plugin.reason = "broken", f"a plugin named {name!r} is loaded already; rename one of them"
            plugin.twin = name if twin is sys.modules.get(found.origin) else ""
            return
        if name in disabled:
            plugin.state, plugin.reason = "disabled", "named in bus.disabled"
            return
        try:
            with shadows(plugin.warnings):
                module = found.load()
            check_api(module)
            plugin.twin = self._manager.get_name(module) or ""
            if plugin.twin:
                raise BrokenPlugin(f"it is loaded as {plugin.twin!r} already")
            plugin.version = found.version or str(getattr(module, "__version__", "0"))
            impls = self._register(name, module)
            plugin.hooks = sorted(impls)
            brought = self._ask_what_it_brings(name, impls)
            self._claim_names(name, brought)
            plugin.brought = brought
            self._packages[str(getattr(module, "__package__", "") or getattr(module, "__name__", name))] = name
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # a plugin may even call sys.exit at import
            plugin.state, plugin.reason = "broken", reason_of(error)
            self._impls.pop(name, None)
            self._given.pop(name, None)
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            log.warning("plugin.broken", plugin=name)

    def _register(self, name: str, module: Any) -> dict[str, Callable[..., Any]]:
        options = {attr: self._manager.parse_hookimpl_opts(module, attr) for attr in dir(module)}
        marked = {attr: chosen for attr, chosen in options.items() if chosen is not None}
        for attr, chosen in marked.items():
            # The host calls each plugin by itself, so pluggy's ways to order and wrap calls would do nothing.
            if meaningless := [option for option, value in chosen.items() if value]:
                raise BrokenPlugin(f"{attr}: @hookimpl takes no {meaningless[0]!r} here; write @hookimpl alone")
            if attr not in self._hooks:
                raise BrokenPlugin(f"there is no hook {attr!r}; {did_you_mean(attr, self._hooks)}")
            if wrong := unusable(attr, getattr(module, attr), getattr(Hooks, attr)):
                raise BrokenPlugin(wrong)
        if not marked:
            raise BrokenPlugin("it implements no hook; mark functions with @hookimpl from appealbus.core")
        self._manager.register(module, name)
        self._impls[name] = {attr: getattr(module, attr) for attr in marked}
        return self._impls[name]

    def _ask_what_it_brings(self, name: str, impls: dict[str, Callable[..., Any]]) -> dict[str, list[Any]]:
        model = impls["register_settings"]() if "register_settings" in impls else NoSettings
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise BrokenPlugin("register_settings must return a subclass of appealbus.core.Settings")
        given = self._given[name] = {"settings": self._settings_for(name, model), "shared": None}
        if "register_shared" in impls:
            given["shared"] = self._call(name, impls["register_shared"])
        brought: dict[str, list[Any]] = {}
        for kind in KINDS:
            impl = impls.get(kind.hook)
            returned = (self._call(name, impl) or ()) if impl else ()
            if not isinstance(returned, Iterable):
                raise BrokenPlugin(f"{kind.hook} must return a list of instances of {kind.registered.__name__}")
            brought[kind.plural] = list(returned)
            if not all(isinstance(item, kind.registered) for item in brought[kind.plural]):
                raise BrokenPlugin(f"{kind.hook} must return instances of {kind.registered.__name__}")
            if wrong := next(filter(None, (slip(item, kind.registered) for item in brought[kind.plural])), ""):
                raise BrokenPlugin(wrong)
        for lookup in brought["lookups"]:
            node = Node(lookup, name, "", "")
            node.check_names()
            node.check()
        for terms in brought["terms"]:
            if isinstance(terms.rests_on, str) or not all(isinstance(path, str) for path in terms.rests_on):
                raise BrokenPlugin(f"rests_on of the terms {terms.name!r} must be a list of paths")
        return brought

    def _call(self, name: str, impl: Callable[..., Any], **given: Any) -> Any:
        """Call an implementation with the arguments that it declares."""
        given |= self._given[name]
        wanted = inspect.signature(impl).parameters
        return impl(**{key: value for key, value in given.items() if key in wanted})

    def _claim_names(self, plugin: str, brought: dict[str, list[Any]]) -> None:
        claims: dict[tuple[str, str], str] = {}
        for kind in KINDS:
            for item in brought[kind.plural]:
                name = getattr(item, "name", None)
                if not (isinstance(name, str) and name):
                    raise BrokenPlugin(f"the {kind.title} {type(item).__name__} has no name; give it one, a text")
                if (kind.title, name) in claims:
                    raise BrokenPlugin(f"it brings the {kind.title} {name!r} twice; rename one of them")
                if owner := self._taken.get((kind.title, name)):
                    raise BrokenPlugin(f"the {kind.title} {name!r} is brought by the plugin {owner!r} already")
                claims[kind.title, name] = plugin
                for former in getattr(item, "formerly", ()):
                    if (_FORMER, former) in claims or (_FORMER, former) in self._taken:
                        raise BrokenPlugin(
                            f"two lookups were called {former!r} before; take it from the formerly of one"
                        )
                    claims[_FORMER, former] = plugin
        self._taken.update(claims)

    def _active(self) -> list[Plugin]:
        return [plugin for plugin in self.plugins if plugin.state == "active"]

    def brought(self, plural: str) -> dict[str, Any]:
        """Return the registered factories or instances of a kind by name."""
        # Asked for with each appeal: it is put together anew only where another plugin has come.
        known = self._brought.get(plural)
        if known is None or known[0] != len(self.plugins):
            parts = {item.name: item for plugin in self._active() for item in plugin.brought.get(plural, ())}
            known = self._brought[plural] = len(self.plugins), parts
        return known[1]

    def shared(self, plugin: str) -> Any:
        return self._given.get(plugin, {}).get("shared")

    def settings_of(self, plugin: str) -> Settings | None:
        """Return the settings passed to a plugin; None if it is not loaded."""
        settings = self._given.get(plugin, {}).get("settings")
        return settings if isinstance(settings, Settings) else None

    @property
    def pages(self) -> list[tuple[str, Pages]]:
        """All pages, each with its plugin."""
        return [(plugin.name, pages) for plugin in self._active() for pages in plugin.brought.get("pages", ())]

    @property
    def assessors(self) -> dict[str, Assessor]:
        return self.brought("assessors")

    @property
    def compares(self) -> bool:
        """Whether an assessor compares appeals."""
        return any(isinstance(assessor, PastAssessor) for assessor in self.assessors.values())

    @property
    def journal_parts(self) -> list[JournalPart]:
        return list(self.brought("journal_parts").values())

    @property
    def keeping_parts(self) -> list[JournalPart]:
        """Those parts of the journal that keep rows of appeals."""
        return [part for part in self.journal_parts if self.compares or not isinstance(part, PastFinder)]

    @property
    def past_finder(self) -> PastFinder | None:
        return next((part for part in self.journal_parts if isinstance(part, PastFinder)), None)

    @property
    def services(self) -> list[Service]:
        return [item for plugin in self._active() for item in plugin.brought.get("services", ())]

    @property
    def records(self) -> dict[str, type[Record] | None]:
        """Record types by current and former name of each lookup; None if its class does not declare one."""
        records: dict[str, type[Record] | None] = {}
        for lookup in self.brought("lookups").values():
            models = models_of(type(lookup))
            records |= dict.fromkeys((lookup.name, *lookup.formerly), None if models is None else models[1])
        return records

    def record_clashes(self) -> list[str]:
        """Report record types defined by two plugins with different models: a stored record is read by one."""
        first: dict[str, tuple[str, type[Record]]] = {}
        clashes: dict[str, None] = {}
        for plugin in self._active():
            for models in map(models_of, map(type, plugin.brought.get("lookups", ()))):
                if models is None:
                    continue
                record = models[1]
                for name in _types_of(record):
                    owner, model = first.setdefault(name, (plugin.name, record))
                    if owner == plugin.name or _is_same(model, record, set()):
                        continue
                    text = f"the plugins {owner} and {plugin.name} have different models of the record type {name}: "
                    clashes[text + "records of one are read by the model of the other; rename the type in one"] = None
        return list(clashes)

    @property
    def lookup_names(self) -> list[frozenset[str]]:
        """All names of each lookup: its own, and its former ones not used by another."""
        here = self.brought("lookups").values()
        used = {lookup.name for lookup in here}
        return [frozenset({lookup.name, *lookup.formerly} - (used - {lookup.name})) for lookup in here]

    def nodes(self, legal_basis: str) -> list[Node]:
        """Return all lookups, ready for a plan."""
        return [
            Node(lookup, plugin.name, plugin.version, lookup.legal_basis or legal_basis)
            for plugin in self._active()
            for lookup in plugin.brought.get("lookups", ())
        ]

    def add_commands(self, app: Any) -> None:
        self._each(Hooks.register_commands, app=app)

    # What happens, told to every plugin that listens. One that raises is logged and goes on being told.

    def appeal_accepted(self, receipt: Receipt) -> None:
        self._each(Hooks.appeal_accepted, receipt=receipt)

    def lookup_ended(self, number: str, outcome: LookupOutcome) -> None:
        self._each(Hooks.lookup_ended, number=number, outcome=outcome)

    def dossier_ready(self, dossier: Dossier) -> None:
        self._each(Hooks.dossier_ready, dossier=dossier)

    def source_changed(self, source: str, state: str) -> None:
        self._each(Hooks.source_changed, source=source, state=state)

    def plugin_of(self, module: str) -> str:
        """Return the plugin of a module; empty if there is none."""
        while module and module not in self._packages:
            module = module.rpartition(".")[0]
        return self._packages.get(module, "")

    def owner(self, part: object) -> str:
        """Return the plugin of a part: an intake, a wire, a service …"""
        return self.plugin_of(type(part).__module__)

    def stray(self, error: BaseException) -> None:
        """Log and count an error of a task or a callback created by a plugin."""
        modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
        plugin = next(filter(None, map(self.plugin_of, reversed(modules))), "")
        self.defects[f"plugin.{plugin}"] += 1
        log.error("plugin.left_the_loop", plugin=plugin or None, exc_info=error)

    def listens(self, hook: Callable[..., None]) -> bool:
        """Whether any plugin implements the hook, one of `Hooks`."""
        return bool(self._listening(hook))

    def _listening(self, hook: Callable[..., None]) -> list[tuple[str, Callable[..., Any]]]:
        """Return the plugins that implement the hook, with the implementation; cached once all are loaded."""
        known = self._listeners.get(hook.__name__)
        if known is None:
            known = [(name, impls[hook.__name__]) for name, impls in self._impls.items() if hook.__name__ in impls]
            self._listeners[hook.__name__] = known
        return known

    def _each(self, hook: Callable[..., None], **given: Any) -> None:
        for name, impl in self._listening(hook):
            before = inside.get()
            inside.set(name)
            try:
                self._call(name, impl, **given)
            except BaseException as error:
                if not is_defect(error):
                    raise
                self.defects[f"hook.{hook.__name__}"] += 1
                log.exception("plugin.raised", plugin=name, hook=hook.__name__)
            finally:
                inside.set(before)


def _types_of(model: type[Record]) -> list[str]:
    field = model.model_fields["type"]
    return [name for name in dict.fromkeys((field.default, *get_args(field.annotation))) if isinstance(name, str)]


def _is_same(one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
    """Whether two models are the same or copies, compared by their definition, not by the behaviour of functions."""
    if one is other or (id(one), id(other)) in seen:
        return True
    seen.add((id(one), id(other)))
    try:
        if not all(inspect.isclass(part) or inspect.isfunction(part) for part in (one, other)):
            parts = _parts(one), _parts(other)
            if type(one) is not type(other) or get_origin(one) != get_origin(other) or len(parts[0]) != len(parts[1]):
                return False
            if parts[0]:
                return all(map(_is_same, *parts, repeat(seen)))
            return bool(one == other or repr(one) == repr(other))
        texts = [inspect.getsource(part) for part in (one, other)]
        names = [vars(sys.modules[part.__module__]) for part in (one, other)]
    except Exception:  # it has no source, or raises in `==`
        return False
    words = re.findall(r"\w+", texts[0])
    same = texts[0] == texts[1] and "<locals>" not in one.__qualname__ + other.__qualname__
    return same and all(_is_same(names[0].get(word), names[1].get(word), seen) for word in words)


def _parts(value: Any) -> list[Any]:
    """Return the components of an alias, a field or a validator, which seldom equals its copy; empty for others."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list | tuple):
        return [*value]
    slots = () if hasattr(value, "__dict__") else getattr(value, "__slots__", ())
    return [*get_args(value)] or [getattr(value, name, None) for name in slots]
