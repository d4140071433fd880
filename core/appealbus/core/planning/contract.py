"""Completeness contracts: what is asked for each kind of appeal, and what a complete dossier needs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from appealbus.core.config.loading import Loaded
from appealbus.core.errors import ConfigError
from appealbus.core.planning.plan import Node, Plan, PlanError
from appealbus.schemas.appeal import AppealKind


@dataclass(frozen=True, slots=True)
class CompletenessContract:
    """What one kind of appeal asks for.

    Attributes:
        plan: the lookups that are asked.
        required: those without which a dossier is not complete.
        wait: seconds that the first delivery waits.

    """

    plan: Plan
    required: frozenset[str]
    wait: float


def active(nodes: Iterable[Node], sources: Collection[str]) -> tuple[list[Node], dict[str, str]]:
    """Split lookups into those that can be asked and those that cannot, each with the reason.

    A lookup is inactive if its source is not configured, or if it takes an input from an inactive one.
    """
    live = {node.lookup.name: node for node in nodes}
    inactive = {
        name: f"its source {node.lookup.source!r} is not configured: write [sources.{node.lookup.source}]"
        for name, node in live.items()
        if node.lookup.source not in sources
    }
    changed = True
    while changed:
        changed = False
        for name, node in live.items():
            dead = next((up for up in node.upstream if up in inactive), None)
            if name not in inactive and dead is not None:
                inactive[name] = f"it takes an input from {dead}, which is inactive"
                changed = True
    return [node for name, node in live.items() if name not in inactive], inactive


def contracts(
    loaded: Loaded, nodes: Sequence[Node], inactive: Mapping[str, str]
) -> dict[AppealKind | None, CompletenessContract]:
    """Return the contract of every kind of appeal; under None that of appeals whose kind nobody knows.

    Raises:
        ConfigError: for a lookup that is required but unknown or inactive, and for a plan that does not fit.

    """
    settings = loaded.settings
    by_name = {node.lookup.name: node for node in nodes}
    try:
        Plan(nodes)
    except PlanError as error:
        raise ConfigError(str(error)) from None
    built: dict[AppealKind | None, CompletenessContract] = {}
    for kind in (*AppealKind, None):
        wanted = settings.contract(kind)
        table = kind.value if kind and kind in settings.completeness else "default"
        for key, names in (("required", wanted.required or ()), ("optional", wanted.optional)):
            for name in names:
                if name not in by_name:
                    why = (
                        inactive.get(name) or f"no plugin brings it; there are: {', '.join(sorted(by_name)) or 'none'}"
                    )
                    raise loaded.error(f"{name} cannot be asked: {why}", "completeness", table, key)
        required = by_name.keys() - set(wanted.optional) if wanted.required is None else set(wanted.required)
        asked = _closure(required | set(wanted.optional), by_name)
        plan = Plan([node for node in nodes if node.lookup.name in asked])
        # What a required lookup takes its inputs from is required too: until it has ended, more may be missing.
        built[kind] = CompletenessContract(plan, frozenset(_closure(required, by_name)), wanted.wait)
    return built


def _closure(names: Iterable[str], by_name: Mapping[str, Node]) -> set[str]:
    """Return the lookups with all that they take inputs from."""
    seen: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(by_name[name].upstream)
    return seen
