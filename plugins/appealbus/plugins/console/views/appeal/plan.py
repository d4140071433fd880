"""The plan of an appeal as a graph of lookups and their inputs, with outcomes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appealbus.core.management.appeals import KnownLookup
from appealbus.schemas.outcome import OutcomeKind

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _LETTER = 150, 46, 50, 14, 8


@dataclass(frozen=True, slots=True)
class Node:
    """A lookup of the plan at the position `x`, `y` of the drawing."""

    lookup: str
    outcomes: Sequence[Mapping[str, Any]]
    kind: OutcomeKind | None
    """The worst outcome; None while it is running."""
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Plan:
    nodes: Sequence[Node] = ()
    edges: Sequence[tuple[int, int, int, int]] = ()
    width: int = 0
    height: int = 0
    box: tuple[int, int] = (_WIDTH, _HEIGHT)


def plan_of(document: Mapping[str, Any], known: Iterable[KnownLookup]) -> Plan:
    by_lookup: dict[str, list[Mapping[str, Any]]] = {each["lookup"]: [] for each in document.get("plan", ())}
    now = {(each["lookup"], each.get("key")): each for each in document.get("gaps", ())}
    for each in document.get("outcomes", ()):  # what is missing stands as the gaps tell it, which know later attempts
        gap = now.get((each["lookup"], each.get("key")), {})
        later = {name: gap[name] for name in ("outcome", "code", "next_attempt_at") if name in gap}
        by_lookup.setdefault(each["lookup"], []).append(_read({**each, **later}))
    needs = {each.lookup: _heads(each) & by_lookup.keys() for each in known if each.lookup in by_lookup}
    depths: dict[str, int] = {}
    for name in by_lookup:
        _depth(name, needs, depths, ())
    columns: dict[int, list[str]] = {}
    for name in sorted(by_lookup):
        columns.setdefault(depths[name], []).append(name)
    width = max([_WIDTH, *(len(name) * _LETTER + 20 for name in by_lookup)])
    nodes: dict[str, Node] = {}
    for depth, names in columns.items():
        for at, name in enumerate(names):
            x, y = depth * (width + _ACROSS) + 1, at * (_HEIGHT + _DOWN) + 1
            nodes[name] = Node(name, by_lookup[name], _worst(by_lookup[name]), x, y)
    middle = _HEIGHT // 2
    edges = [
        (nodes[of].x + width, nodes[of].y + middle, nodes[name].x, nodes[name].y + middle)
        for name in nodes
        for of in sorted(needs.get(name, ()))
    ]
    return Plan(
        list(nodes.values()),
        edges,
        max((node.x + width + 1 for node in nodes.values()), default=0),
        max((node.y + _HEIGHT + 1 for node in nodes.values()), default=0),
        (width, _HEIGHT),
    )


def _heads(known: KnownLookup) -> set[str]:
    return {path.partition("/")[0].partition("[")[0] for each in known.inputs for path in each.paths if "/" in path}


def _depth(name: str, needs: Mapping[str, set[str]], depths: dict[str, int], above: tuple[str, ...]) -> int:
    if name not in depths:
        # Plans have no circles; of what a later release tells, nobody knows.
        below = [_depth(each, needs, depths, (*above, name)) for each in needs.get(name, ()) if each not in above]
        depths[name] = max(below, default=-1) + 1
    return depths[name]


def _worst(outcomes: Sequence[Mapping[str, Any]]) -> OutcomeKind | None:
    kinds = [outcome["kind"] for outcome in outcomes]
    order = (
        [kind for kind in kinds if not kind.final] + [kind for kind in kinds if kind is not OutcomeKind.FOUND] + kinds
    )
    return order[0] if order else None


def _read(each: Mapping[str, Any]) -> Mapping[str, Any]:
    moments = {
        name: datetime.fromisoformat(at)
        for name in ("asked_at", "ended_at", "next_attempt_at")
        if (at := each.get(name))
    }
    hidden: dict[str, Any] = {"asked_at": None, "ended_at": None, "next_attempt_at": None, "code": ""}
    return {**hidden, **each, **moments, "kind": OutcomeKind.stored(each["outcome"])}
