"""Finds a record's unknown fields: a reply may contain them, but unreadable."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from appealbus.core.readings.nodes import JsonNode, Node, children, is_empty, local_name
from appealbus.core.readings.trie import Run
from appealbus.core.replies.marks import is_refused
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.suggestion import tellable

_NOTHING: tuple[Any, ...] = (None, "", {})


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a record's field in a reply.

    Attributes:
        field: `rights[*].holder.iin`.
        steps: element names below the record.
        each: per step, whether all matches count.
        is_part: the field also comes from other places.
    """

    field: str
    steps: tuple[str, ...]
    each: tuple[bool, ...]
    is_open: bool = False
    is_part: bool = False


@lru_cache(maxsize=256)
def unchecked_fields(places: Sequence[Place], way: tuple[str, ...], schema: MessageSchema) -> frozenset[str]:
    """Return fields at places that the schema leaves open; `way` leads from below the root to the record."""
    return frozenset(each.field for each in places if schema.is_open and _is_unchecked((*way, *each.steps), schema))


def _is_unchecked(steps: tuple[str, ...], schema: MessageSchema) -> bool:
    model = schema.model
    at = model.elements(schema.root.rpartition("}")[2])
    for name in steps:
        shape = model.shape(at)
        child = shape.children.get(name)
        if child is None:
            return shape.wild and not name.startswith("@") and not model.elements(name)
        at = child.place
    return False


def unknown_fields(places: Sequence[Place], node: Node, run: Run) -> set[str]:
    """Return the unknown fields, outermost only.

    A field is unknown if its place is unreadable. So is an empty field that its schema requires, or that has an
    unknown element beside it. A list is also unknown if an unknown element has the parts of its items. Without a
    schema, newly appearing elements count as unknown, unless the field occurred beside them before.
    """
    own = run.steps(node)
    found: set[str] = set()
    new, run.new = run.new, []
    run.notes.gaps += [
        (each.getparent(), each) for each, path in new if run.notes.usual and run.notes.usual.is_new(path)
    ]
    gaps = run.notes.gaps[run.seen :]  # of several records the first looks at all: they share their notes
    run.seen += len(gaps)
    beside: dict[Any, list[Any]] = {}
    for above, what in gaps:
        if not isinstance(what, str) and run.notes.is_meaningless(run.path(what)):
            continue
        beside.setdefault(above, []).append(what)
        if not isinstance(what, str):
            run.odd.add(local_name(what))
    for above, all_of_it in beside.items():
        at = run.steps(above)
        if "" in all_of_it or ("@" in all_of_it and not len(above) and not (above.text or "").strip()):
            run.lost.add(run.path(above))  # a value that became an attribute leaves its element empty
        if at == own[:-1] and any(not isinstance(what, str) and run.steps(what) == own for what in all_of_it):
            run.lost.add(run.path(node))
        if at[: len(own)] == own:
            told = {*_beside(places, at[len(own) :], above, all_of_it, run)}
            found |= told
            run.notes.causes |= {run.path(what) for what in all_of_it if told and not isinstance(what, str)}
    for name in run.odd & {step for each in places for step in each.steps}:
        found.update(_elsewhere(places, node, name))
    found -= _told_elsewhere(places, node, found)
    lost = [_steps(path) for path in run.lost]
    for each in places if lost else ():
        place = _told((*own, *each.steps))
        if any(at[: len(place)] == place if each.is_open else place[: len(at)] == at for at in lost):
            found.add(each.field)
    _learn(places, own, new, found, run)
    return {each for each in found if not any(each.startswith((f"{one}.", f"{one}[")) for one in found)}


def _learn(
    places: Sequence[Place], own: tuple[str, ...], new: Sequence[tuple[Any, str]], found: set[str], run: Run
) -> None:
    """Learn which fields occur beside undeclared elements."""
    known: dict[Any, set[str]] = {}
    for each, path in new:
        above = each.getparent()
        if above not in known:
            steps = run.steps(above)
            at = steps[len(own) :]
            lost = {place.steps[len(at)] for place in places if place.field in found and len(place.steps) > len(at)}
            known[above] = (
                (_parts(places, at) & _names(above, filled=True)) - lost if steps[: len(own)] == own else set()
            )
        run.notes.beside.setdefault(path, set()).update(known[above])


def _beside(places: Sequence[Place], at: tuple[str, ...], above: Any, all_of_it: list[Any], run: Run) -> Iterator[str]:
    """Yield fields that a missing or unexpected element may stand for."""
    below = [each for each in places if len(each.steps) > len(at) and each.steps[: len(at)] == at]
    if not below:
        return
    there = _names(above, filled=not run.notes.compared)
    missing = {what for what in all_of_it if isinstance(what, str)}
    new = [what for what in all_of_it if not isinstance(what, str)]
    usual: Mapping[str, frozenset[str]] = {}
    if run.notes.usual is not None and not run.notes.compared:
        usual = run.notes.usual.beside
    came = [usual.get(run.path(what), frozenset()) for what in new]
    for each in below:
        name = each.steps[len(at)]
        if name not in there and (
            any(name not in names for names in came) or name in missing or ("@" in missing and name.startswith("@"))
        ):
            yield each.field
    lists = {each.steps[len(at)] for each in below if each.each[len(at)]}
    parts = {name: _parts(places, (*at, name)) for name in {each.steps[len(at)] for each in below}} if lists else {}
    meant: set[str] = set()
    for what, names in zip(new, came, strict=True) if lists else ():
        inside = {local_name(child) for child in children(what)}
        most = max((len(inside & parts[name]) for name in parts.keys() - there), default=0)
        for name in lists - meant - names:
            is_part = name in inside or local_name(what) in parts[name] or len(inside & parts[name]) > most
            if is_part or not (inside or parts[name] or name not in _near(what)):
                meant.add(name)
    yield from (each.field for each in below if each.each[len(at)] and each.steps[len(at)] in meant)


def _near(what: Any) -> set[str]:
    if isinstance(what, JsonNode):
        return set()  # what repeats stands under one key
    return {local_name(each) for each in (what.getprevious(), what.getnext()) if each is not None}


def _elsewhere(places: Sequence[Place], node: Any, name: str) -> Iterator[str]:
    """Yield fields that may lack a misplaced element."""
    for place in places:
        for at, step in enumerate(place.steps):
            if step == name and (
                place.each[at] or any(name not in _names(each) for each in _at(node, place.steps[:at]))
            ):
                yield place.field


def _told_elsewhere(places: Sequence[Place], node: Any, found: set[str]) -> set[str]:
    """Return fields with alternative places that were found at one of them, without lists and combined fields."""
    several = {name for name, count in Counter(each.field for each in places).items() if count > 1} & found
    return {
        each.field
        for each in places
        if each.field in several and not each.is_part and not any(each.each)
        if any(not (is_refused(one) or is_empty(one)) for one in _at(node, each.steps))
    }


def _at(node: Any, steps: tuple[str, ...]) -> list[Any]:
    found = [node]
    for name in steps:
        found = [child for each in found for child in children(each) if local_name(child) == name]
    return found


def _names(above: Any, *, filled: bool = False) -> set[str]:
    """Return child names; of objects, and with `filled`, only those with content."""
    if isinstance(above, JsonNode):  # without a node for each: there may be many
        inside = above.value.items() if isinstance(above.value, Mapping) else ()
        return {
            str(name).replace("}", "*")
            for name, value in inside
            if any(each not in _NOTHING for each in (value if isinstance(value, list) else (value,)))
        }
    names = {local_name(child) for child in children(above) if not (is_refused(child) or (filled and is_empty(child)))}
    return names | {f"@{str(key).rpartition('}')[2]}" for key in above.attrib}


def _parts(places: Sequence[Place], at: tuple[str, ...]) -> set[str]:
    return {each.steps[len(at)] for each in places if len(each.steps) > len(at) and each.steps[: len(at)] == at}


def _steps(path: str) -> tuple[str, ...]:
    return _told(step.partition("[")[0] for step in path.split("/") if step != ".")


def _told(steps: Iterable[str]) -> tuple[str, ...]:
    return tuple(step if step.startswith("@") else tellable(step) for step in steps)
