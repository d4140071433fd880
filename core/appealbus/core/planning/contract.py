"""Completeness contracts: what is asked for each kind of appeal, and what a complete dossier needs.

What a contract requires does not depend on what happened to load. Where the configuration names it, that holds. Where
it does not, it is whatever could be asked in this journal at any time: the journal remembers.
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
"""The code of a gap: the contract wants the lookup, and it cannot be asked here."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A lookup that a contract wants and that cannot be asked here."""

    reason: str
    plugin: str = ""
    version: str = ""
    inputs: tuple[InputPaths, ...] = ()


@dataclass(frozen=True)
class CompletenessContract:
    """What one kind of appeal asks for.

    Attributes:
        plan: the lookups that are asked.
        required: those without which a dossier is not complete.
        named: groups of them, of each of which one at least must have something to be asked about.
        wait: seconds that the first delivery waits.
        missing: those that it wants and that cannot be asked here.
        present: by the former name of a lookup the name under which this process knows it.
        retired: those that are gone for good and would be asked if they came back.

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
        """The sources that its lookups ask, by lookup."""
        return {node.lookup.name: node.lookup.source for node in self.plan}

    @cached_property
    def planned(self) -> list[PlannedLookup]:
        """What it wants, as a version names it."""
        asked = [
            PlannedLookup(lookup=node.lookup.name, plugin=node.plugin, plugin_version=node.plugin_version)
            for node in self.plan
        ]
        return asked + [
            PlannedLookup(lookup=name, plugin=each.plugin, plugin_version=each.version, not_loaded=each.reason)
            for name, each in self.missing.items()
        ]

    @cached_property
    def digest(self) -> bytes:
        """What tells this plan from another in the log: SHA-256 of what a version says of it."""
        said = b"".join(each.model_dump_json(exclude_none=True).encode() + b"\n" for each in self.planned)
        return sha256(said).digest()


@dataclass(frozen=True)
class Standing:
    """What has become of lookups and plugins at a start.

    Attributes:
        nodes: lookups that can be asked.
        inactive: lookups that are there and cannot be asked, each with the reason.
        plugins: how the plugins stand: `active`, `broken` or `disabled`.

    """

    nodes: Sequence[Node]
    inactive: Mapping[str, str]
    plugins: Mapping[str, str]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The lookups that can be asked."""
        return {node.lookup.name: node for node in self.nodes}

    @property
    def known(self) -> list[KnownLookup]:
        """What the journal is to remember: what can be asked, and which plugins are there."""
        plugins = [KnownLookup(name, "", "") for name, state in self.plugins.items() if state == "active"]
        return plugins + [known_from(node) for node in self.nodes]

    def why_missing(self, name: str, plugin: str) -> str:
        """Say why a lookup cannot be asked here, and what to do."""
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
    """Return what is to be remembered of a lookup."""
    inputs = tuple(InputPaths(each.union, tuple(path.text for path in each.paths)) for each in node.bindings)
    return KnownLookup(node.plugin, node.lookup.name, node.plugin_version, inputs, tuple(node.lookup.formerly))


def active(
    nodes: Iterable[Node], sources: Collection[str], unbound: Collection[str] = ()
) -> tuple[list[Node], dict[str, str], list[str]]:
    """Split lookups into those that can be asked and those that cannot, each with the reason; say what is a defect.

    A lookup is inactive if its source is not configured, if it takes an input from one that is inactive or not there,
    and if its paths lead nowhere: the others go on. A source is `unbound` if it is configured, and nobody brings its
    connector.
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
    """Return by each former name of a lookup its present one. A name that is in use is nobody's former one."""
    return {old: name for name, node in here.items() for old in node.lookup.formerly if old not in here}


class Contracts:
    """Makes the contract of every kind of appeal, from the configuration and from what the journal remembers."""

    def __init__(self, loaded: Loaded, standing: Standing) -> None:
        self._loaded = loaded
        self._standing = standing

    @property
    def standing(self) -> Standing:
        """What has become of lookups and plugins at this start."""
        return self._standing

    def problems(self) -> list[str]:
        """Say which lookups the configuration names that cannot be asked: a line each, with its place."""
        by_name, present = self._standing.by_name, self._present(())
        problems = []
        for table, wanted in self._loaded.settings.completeness.items():
            for key in ("required", "where_given", "optional"):
                for name in (name for each in getattr(wanted, key) or () for name in each.split(" or ")):
                    if present.get(name, name) not in by_name:
                        why = self._standing.inactive.get(name) or (
                            f"no plugin brings it; there are: {', '.join(sorted(by_name)) or 'none'}"
                        )
                        told = self._loaded.error(f"{name} cannot be asked: {why}", "completeness", table, key)
                        problems.append(str(told))
        return problems

    def known_to(self, remembered: Sequence[KnownLookup] = ()) -> dict[AppealKind | None, CompletenessContract]:
        """Return the contract of every kind of appeal; under None that of appeals whose kind nobody knows."""
        present = self._present(remembered)
        return {
            kind: self._contract(self._loaded.settings.contract(kind), remembered, present)
            for kind in (*AppealKind, None)
        }

    def _present(self, remembered: Iterable[KnownLookup]) -> dict[str, str]:
        """Return by each name that a lookup has elsewhere the one that it has here, be that the newer or the older.

        Where it is not here at all it has its newest one.
        """
        here = self._standing.by_name
        present = present_names(here)
        for each in remembered:
            if each.lookup in here or each.lookup in present:
                continue
            older = next((old for old in each.formerly if old in here), None)
            if older is not None:  # another worker has a newer version of its plugin
                present[each.lookup] = older
            else:
                present.update({old: each.lookup for old in each.formerly if old not in here and old not in present})
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
        known = {each.lookup: each for each in remembered if each.lookup}
        for name in _with_inputs(required | optional, here, known, present) - here.keys():
            if name not in missing:
                missing[name] = self._lost(name, known.get(name), present)
        # What a required lookup takes its inputs from is required too: until it has ended, more may be missing.
        required = _with_inputs(required, here, known, present)
        plan = Plan([node for node in self._standing.nodes if node.lookup.name in asked])
        missing = dict(sorted(missing.items()))
        return CompletenessContract(plan, frozenset(required), wanted.wait, missing, present, retired, named)

    def _missed(self, remembered: Iterable[KnownLookup], present: Mapping[str, str]) -> dict[str, Missing]:
        """Return what could once be asked and cannot now, and plugins of which nobody knows what they would bring."""
        here, retired = self._standing.by_name, set(self._loaded.settings.bus.retired)
        plugins = {each.plugin for each in remembered}
        missing = {
            each.lookup: self._lost(each.lookup, each, present)
            for each in remembered
            if each.lookup and each.lookup not in here and each.lookup not in present and each.lookup not in retired
        }
        for name, state in self._standing.plugins.items():
            if state == "broken" and name not in plugins and name not in retired:
                told = f"the plugin {name} is broken, and what it would ask was never known here"
                missing[name] = Missing(f"{told}; `appealbus plugins` says why")
        return missing

    def _lost(self, name: str, known: KnownLookup | None, present: Mapping[str, str]) -> Missing:
        if known is None:
            return Missing(self._standing.why_missing(name, ""))
        reason = self._standing.why_missing(name, known.plugin)
        inputs = (
            InputPaths(each.union, tuple(renamed_path(path, present) for path in each.paths)) for each in known.inputs
        )
        return Missing(reason, known.plugin, known.version, tuple(inputs))


def _with_inputs(
    names: Iterable[str], here: Mapping[str, Node], known: Mapping[str, KnownLookup], present: Mapping[str, str]
) -> set[str]:
    """Return the lookups with all that they take inputs from, those too that are not here."""
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
            heads = (path.partition("/") for each in known[name].inputs for path in each.paths)
            stack += [present.get(head, head) for head, slash, _ in heads if slash]
    return seen
