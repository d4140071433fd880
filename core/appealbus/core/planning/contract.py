"""Completeness contracts: the lookups for each kind of appeal, and those required for completeness.

Requirements do not depend on loaded plugins. Without a configured list, a contract requires every lookup that the
journal has ever known.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Final

from appealbus.core.config.loading import Loaded
from appealbus.core.config.models import CompletenessSettings
from appealbus.core.domain.known import InputPaths, KnownLookup
from appealbus.core.planning.plan import Node, Plan, PlanError, renamed_path
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import PlannedLookup

NOT_LOADED: Final = "lookup.not_loaded"
"""Code of a gap: the contract requires the lookup, but it is unavailable here."""


@dataclass(frozen=True, slots=True)
class Missing:
    reason: str
    plugin: str = ""
    version: str = ""
    inputs: tuple[InputPaths, ...] = ()


@dataclass(frozen=True)
class CompletenessContract:
    """The contract of one kind of appeal.

    Attributes:
        required: lookups without which a dossier is incomplete.
        named: groups of lookups; at least one of each must have something to ask.
        wait: seconds before the first delivery.
        missing: required lookups unavailable here.
        present: current names of lookups, by former name.
        retired: removed lookups that would be asked if they came back.
    """

    plan: Plan
    required: frozenset[str]
    wait: float
    missing: Mapping[str, Missing] = field(default_factory=dict)
    present: Mapping[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    named: frozenset[frozenset[str]] = frozenset()

    @cached_property
    def sources(self) -> dict[str, str]:
        return {node.lookup.name: node.lookup.source for node in self.plan}

    @cached_property
    def planned(self) -> list[PlannedLookup]:
        """The contract's lookups as recorded in a version."""
        asked = [
            PlannedLookup(lookup=node.lookup.name, plugin=node.plugin, plugin_version=node.plugin_version)
            for node in self.plan
        ]
        return asked + [
            PlannedLookup(lookup=name, plugin=lack.plugin, plugin_version=lack.version, not_loaded=lack.reason)
            for name, lack in self.missing.items()
        ]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 that identifies the plan in the log."""
        said = b"".join(lookup.model_dump_json(exclude_none=True).encode() + b"\n" for lookup in self.planned)
        return sha256(said).digest()


@dataclass(frozen=True)
class Available:
    """Lookups and plugins after start-up.

    Attributes:
        nodes: available lookups.
        inactive: unavailable lookups, with reasons.
        plugins: states: `active`, `broken` or `disabled`.
    """

    nodes: Sequence[Node]
    inactive: Mapping[str, str]
    plugins: Mapping[str, str]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.lookup.name: node for node in self.nodes}

    @property
    def known(self) -> list[KnownLookup]:
        """Data for the journal: available lookups and plugins."""
        plugins = [KnownLookup(name, "", "") for name, state in self.plugins.items() if state == "active"]
        return plugins + [known_from(node) for node in self.nodes]

    def why_missing(self, name: str, plugin: str) -> str:
        """Explain why a lookup is unavailable, and what to do."""
        if name in self.inactive:
            return self.inactive[name]
        state = self.plugins.get(plugin)
        if state == "broken":
            return f"its plugin {plugin} is broken; `appealbus plugins` says why"
        if state == "disabled":
            return f"its plugin {plugin} is disabled"
        if state == "active":
            return f"its plugin {plugin} brings it no longer"
        return f"its plugin {plugin} is not installed" if plugin else "no plugin brings it"


def known_from(node: Node) -> KnownLookup:
    inputs = tuple(InputPaths(binding.union, tuple(path.text for path in binding.paths)) for binding in node.bindings)
    return KnownLookup(node.plugin, node.lookup.name, node.plugin_version, inputs, tuple(node.lookup.formerly))


def active(
    nodes: Iterable[Node], sources: Collection[str], unbound: Collection[str] = ()
) -> tuple[list[Node], dict[str, str], list[str]]:
    """Split lookups into available and inactive ones, with reasons; also return defects.

    A lookup is inactive if its source is not configured, an upstream lookup is inactive or absent, or its paths are
    invalid. A source is `unbound` if configured without a connector.
    """
    live = {node.lookup.name: node for node in nodes}
    present = present_names(live)
    live = {name: replace(node, present=present) for name, node in live.items()} if present else live
    inactive = {
        name: f"no plugin brings the connector of its source {node.lookup.source!r}"
        if node.lookup.source in unbound
        else f"its source {node.lookup.source!r} is not configured: write [sources.{node.lookup.source}]"
        for name, node in live.items()
        if node.lookup.source not in sources
    }
    defects = []
    while True:
        _drop_dependent(live, inactive)
        rest = [node for name, node in live.items() if name not in inactive]
        try:
            Plan(rest)
        except PlanError as error:
            inactive[error.lookup] = str(error)
            defects.append(str(error))
        else:
            return rest, inactive, defects


def _drop_dependent(live: Mapping[str, Node], inactive: dict[str, str]) -> None:
    changed = True
    while changed:
        changed = False
        for name, node in live.items():
            dead = next((up for up in node.upstream if up in inactive), None)
            if name not in inactive and dead is not None:
                inactive[name] = f"it takes an input from {dead}, which is inactive"
                changed = True


def present_names(here: Mapping[str, Node]) -> dict[str, str]:
    """Map former names of lookups to current ones. Names in use are never former names."""
    return {old: name for name, node in here.items() for old in node.lookup.formerly if old not in here}


class Contracts:
    """Builds contracts from the configuration and the journal's memory."""

    def __init__(self, loaded: Loaded, standing: Available) -> None:
        self._loaded = loaded
        self._standing = standing

    @property
    def standing(self) -> Available:
        return self._standing

    def problems(self) -> list[str]:
        """Return a line, with its place, for each configured lookup that is unavailable."""
        by_name, present = self._standing.by_name, self._present(())
        problems = []
        for table, wanted in self._loaded.settings.completeness.items():
            for key in ("required", "where_given", "optional"):
                for name in (name for group in getattr(wanted, key) or () for name in group.split(" or ")):
                    if present.get(name, name) not in by_name:
                        why = self._standing.inactive.get(name) or (
                            f"no plugin brings it; there are: {', '.join(sorted(by_name)) or 'none'}"
                        )
                        problem = self._loaded.error(f"{name} cannot be asked: {why}", "completeness", table, key)
                        problems.append(str(problem))
        return problems

    def known_to(self, remembered: Sequence[KnownLookup] = ()) -> dict[AppealKind | None, CompletenessContract]:
        """Return contracts by kind of appeal; None is the key for unknown kinds."""
        present = self._present(remembered)
        return {
            kind: self._contract(self._loaded.settings.contract(kind), remembered, present)
            for kind in (*AppealKind, None)
        }

    def _present(self, remembered: Iterable[KnownLookup]) -> dict[str, str]:
        """Map every name of a lookup to its name here, newer or older; if absent here, to its newest name."""
        here = self._standing.by_name
        present = present_names(here)
        for row in remembered:
            if row.lookup in here or row.lookup in present:
                continue
            older = next((old for old in row.formerly if old in here), None)
            if older is not None:  # another worker has a newer version of its plugin
                present[row.lookup] = older
            else:
                present.update({old: row.lookup for old in row.formerly if old not in here and old not in present})
        return {old: present.get(name, name) for old, name in present.items()}

    def _contract(
        self, wanted: CompletenessSettings, remembered: Sequence[KnownLookup], present: Mapping[str, str]
    ) -> CompletenessContract:
        here = self._standing.by_name
        optional = {present.get(name, name) for name in wanted.optional}
        missing: dict[str, Missing] = {}
        retired: frozenset[str] = frozenset()
        if wanted.required is None:
            retired = frozenset(self._loaded.settings.bus.retired) - here.keys()
            missing = self._missed(remembered, present)
            required = (here.keys() | missing.keys()) - optional
        else:
            required = set()
        named = frozenset(frozenset(present.get(name, name) for name in group) for group in wanted.groups)
        required |= frozenset[str]().union(*named)
        required |= {present.get(name, name) for name in wanted.where_given}
        asked = _with_inputs((required | optional) & here.keys(), here, {}, {})
        known = {row.lookup: row for row in remembered if row.lookup}
        for name in _with_inputs(required | optional, here, known, present) - here.keys():
            if name not in missing:
                missing[name] = self._lost(name, known.get(name), present)
        # What a required lookup takes its inputs from is required too: until it has ended, more may be missing.
        required = _with_inputs(required, here, known, present)
        plan = Plan([node for node in self._standing.nodes if node.lookup.name in asked])
        missing = dict(sorted(missing.items()))
        return CompletenessContract(plan, frozenset(required), wanted.wait, missing, present, retired, named)

    def _missed(self, remembered: Iterable[KnownLookup], present: Mapping[str, str]) -> dict[str, Missing]:
        """Return lookups that were available once, and plugins with unknown lookups."""
        here, retired = self._standing.by_name, set(self._loaded.settings.bus.retired)
        plugins = {row.plugin for row in remembered}
        missing = {
            row.lookup: self._lost(row.lookup, row, present)
            for row in remembered
            if row.lookup and row.lookup not in here and row.lookup not in present and row.lookup not in retired
        }
        for name, state in self._standing.plugins.items():
            if state == "broken" and name not in plugins and name not in retired:
                reason = f"the plugin {name} is broken, and what it would ask was never known here"
                missing[name] = Missing(f"{reason}; `appealbus plugins` says why")
        return missing

    def _lost(self, name: str, known: KnownLookup | None, present: Mapping[str, str]) -> Missing:
        if known is None:
            return Missing(self._standing.why_missing(name, ""))
        reason = self._standing.why_missing(name, known.plugin)
        inputs = (
            InputPaths(item.union, tuple(renamed_path(path, present) for path in item.paths)) for item in known.inputs
        )
        return Missing(reason, known.plugin, known.version, tuple(inputs))


def _with_inputs(
    names: Iterable[str], here: Mapping[str, Node], known: Mapping[str, KnownLookup], present: Mapping[str, str]
) -> set[str]:
    """Return the lookups with all their upstream lookups, also unavailable ones."""
    seen: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in here:
            stack += here[name].upstream
        elif name in known:
            heads = (path.partition("/") for item in known[name].inputs for path in item.paths)
            stack += [present.get(head, head) for head, slash, _ in heads if slash]
    return seen
