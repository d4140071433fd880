"""Finds a record's unknown fields: a reply may contain them, but unreadable."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lxml import etree

from appealbus.core.readings.nodes import JsonNode, Node, attribute, children, is_empty, local_name, named
from appealbus.core.readings.paths import XML
from appealbus.core.readings.trie import Run
from appealbus.core.replies.xmlread import is_refused
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.suggestion import tellable

_NOTHING: tuple[Any, ...] = (None, "", {})


@dataclass(frozen=True, slots=True)
class FieldPlace:
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


def unchecked_fields(
    places: Sequence[FieldPlace], way: tuple[str, ...], schema: MessageSchema, root: etree._Element
) -> frozenset[str]:
    """Return the fields that stand where a schema leaves all open, and says of nothing there what it is.

    `way` has the names of elements from the root's children down to the record.
    """
    return frozenset(
        field
        for field, steps, spaces in _open_places(tuple(places), way, schema)
        if any(etree.QName(element).namespace not in spaces for element in _at(root, steps))
    )


@lru_cache(maxsize=256)
def _open_places(
    places: tuple[FieldPlace, ...], way: tuple[str, ...], schema: MessageSchema
) -> tuple[tuple[str, tuple[str, ...], frozenset[str | None]], ...]:
    """Return by field which elements on its way are open, and the namespaces in which these are checked anyway."""
    ways = ((place.field, way + place.steps, place.is_open) for place in places)
    return tuple((field, *one) for field, steps, is_open in ways for one in _open_steps(steps, schema, is_open=is_open))


def _open_steps(
    steps: tuple[str, ...], schema: MessageSchema, *, is_open: bool
) -> Iterator[tuple[tuple[str, ...], frozenset[str | None]]]:
    model, nowhere = schema.model, frozenset[str | None]()
    at = model.elements(schema.root.rpartition("}")[2])
    for depth, name in enumerate(steps):
        shape = model.shape(at)
        if name.startswith("@"):
            if shape.open_attributes and name[1:] not in shape.attributes:
                yield steps[:depth], nowhere
            return
        child = shape.children.get(name)
        if name == XML or not (child or shape.open):
            return
        at = child.place if child else () if shape.blind else model.elements(name)
        if shape.open:  # which the schema checks alone that it declares: of the same name others may be there
            yield steps[: depth + 1], (model.namespaces(at) or schema.spaces) if at else nowhere
        if not at:
            return
    if is_open and model.shape(at).open:
        yield steps, nowhere


def unknown_fields(places: Sequence[FieldPlace], node: Node, run: Run) -> set[str]:
    """Return the fields that are unknown, of several within each other the outermost.

    A field is unknown if its place is unreadable. So is an empty field that its schema requires, or that has an
    unknown element beside it. A list is also unknown if an unknown element has the parts of its items. Without a
    schema, newly appearing elements count as unknown, unless the field occurred beside them before. Where more came
    than is looked at, all absent fields are unknown, and every list.
    """
    own = run.steps(node)
    fields: set[str] = set()
    run.broken.update(what for _, what in run.notes.gaps[run.seen :])
    new, run.new = [pair for pair in run.new if pair[0] not in run.broken], []
    run.notes.gaps += [
        (element.getparent(), element) for element, path in new if run.notes.usual and run.notes.usual.is_new(path)
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
            near = {*_beside(places, at[len(own) :], above, all_of_it, run)}
            fields |= near
            run.notes.causes |= {run.path(what) for what in all_of_it if near and not isinstance(what, str)}
    for name in run.odd & {step for place in places for step in place.steps}:
        fields.update(_elsewhere(places, node, name))
    if run.crowded and run.notes.usual is not None and run.notes.usual.is_known:
        fields.update(place.field for place in places if any(place.each) or not _is_told(node, place.steps))
    fields -= _told_elsewhere(places, node, fields)
    lost = [_steps(path) for path in run.lost]
    for part in places if lost else ():
        place = _told((*own, *part.steps))
        if any(at[: len(place)] == place if part.is_open else place[: len(at)] == at for at in lost):
            fields.add(part.field)
    _learn(places, own, new, fields, run)
    return {field for field in fields if not any(field.startswith((f"{one}.", f"{one}[")) for one in fields)}


def _learn(
    places: Sequence[FieldPlace], own: tuple[str, ...], new: Sequence[tuple[Any, str]], fields: set[str], run: Run
) -> None:
    """Learn which fields occur beside undeclared elements."""
    known: dict[Any, set[str]] = {}
    for element, path in new:
        above = element.getparent()
        if above not in known:
            steps = run.steps(above)
            at = steps[len(own) :]
            lost = {place.steps[len(at)] for place in places if place.field in fields and len(place.steps) > len(at)}
            known[above] = (
                (_parts(places, at) & _names(above, filled=True)) - lost if steps[: len(own)] == own else set()
            )
        run.notes.beside.setdefault(path, set()).update(known[above])


def _beside(
    places: Sequence[FieldPlace], at: tuple[str, ...], above: Any, all_of_it: list[Any], run: Run
) -> Iterator[str]:
    """Yield fields that a missing or unexpected element may stand for."""
    below = [place for place in places if len(place.steps) > len(at) and place.steps[: len(at)] == at]
    if not below:
        return
    there = _names(above, filled=not run.notes.compared)
    missing = {what for what in all_of_it if isinstance(what, str)}
    new = [what for what in all_of_it if not isinstance(what, str)]
    usual: Mapping[str, frozenset[str]] = {}
    if run.notes.usual is not None:
        usual = run.notes.usual.beside
    came = [usual.get(run.path(what), frozenset()) for what in new]
    for place in below:
        name = place.steps[len(at)]
        if name not in there and (
            any(name not in names for names in came) or name in missing or ("@" in missing and name.startswith("@"))
        ):
            yield place.field
    lists = {place.steps[len(at)] for place in below if place.each[len(at)]}
    parts = {name: _parts(places, (*at, name)) for name in {place.steps[len(at)] for place in below}} if lists else {}
    meant: set[str] = set()
    for what, names in zip(new, came, strict=True) if lists else ():
        inside = {local_name(child) for child in children(what)}
        most = max((len(inside & parts[name]) for name in parts.keys() - there), default=0)
        for name in lists - meant - names:
            is_part = name in inside or local_name(what) in parts[name] or len(inside & parts[name]) > most
            if is_part or not (inside or parts[name] or name not in _near(what)):
                meant.add(name)
    yield from (place.field for place in below if place.each[len(at)] and place.steps[len(at)] in meant)


def _near(what: Any) -> set[str]:
    if isinstance(what, JsonNode):
        return set()  # what repeats stands under one key
    return {local_name(sibling) for sibling in (what.getprevious(), what.getnext()) if sibling is not None}


def _elsewhere(places: Sequence[FieldPlace], node: Any, name: str) -> Iterator[str]:
    """Yield fields that may lack a misplaced element."""
    for place in places:
        for at, step in enumerate(place.steps):
            if step == name and (
                place.each[at] or any(name not in _names(element) for element in _at(node, place.steps[:at]))
            ):
                yield place.field


def _told_elsewhere(places: Sequence[FieldPlace], node: Any, unknown: set[str]) -> set[str]:
    """Return fields with alternative places that were found at one of them, without lists and combined fields."""
    several = {name for name, count in Counter(place.field for place in places).items() if count > 1} & unknown
    return {
        place.field
        for place in places
        if place.field in several and not place.is_part and not any(place.each)
        if _is_told(node, place.steps)
    }


def _is_told(node: Any, steps: tuple[str, ...]) -> bool:
    if steps and steps[-1].startswith("@"):
        return any(attribute(one, steps[-1][1:]) for one in _at(node, steps[:-1]))
    return any(not (is_refused(one) or is_empty(one)) for one in _at(node, steps))


def _at(node: Any, steps: tuple[str, ...]) -> list[Any]:
    elements = [node]
    for name in steps:
        elements = [child for element in elements for child in named(element, name)]
    return elements


def _names(above: Any, *, filled: bool = False) -> set[str]:
    """Return child names; of objects, and with `filled`, only those with content."""
    if isinstance(above, JsonNode):  # without a node for each: there may be many
        inside = above.value.items() if isinstance(above.value, Mapping) else ()
        return {
            str(name).replace("}", "*")
            for name, value in inside
            if any(item not in _NOTHING for item in (value if isinstance(value, list) else (value,)))
        }
    names = {local_name(child) for child in children(above) if not (is_refused(child) or (filled and is_empty(child)))}
    return names | {f"@{str(key).rpartition('}')[2]}" for key in above.attrib}


def _parts(places: Sequence[FieldPlace], at: tuple[str, ...]) -> set[str]:
    return {place.steps[len(at)] for place in places if len(place.steps) > len(at) and place.steps[: len(at)] == at}


def _steps(path: str) -> tuple[str, ...]:
    return _told(step.partition("[")[0] for step in path.split("/") if step != ".")


def _told(steps: Iterable[str]) -> tuple[str, ...]:
    return tuple(step if step.startswith("@") else tellable(step) for step in steps)
