"""Fields of a record that a reply may tell of and nobody could read: they are neither told nor told absent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from appealbus.core.readings.nodes import Node, local_name
from appealbus.core.readings.trie import Run
from appealbus.core.replies.marks import is_refused


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field of a record stands in a reply.

    Attributes:
        field: `rights[*].holder.iin`.
        steps: names of elements, from the record's own on.
        each: for every step, whether all of that name are meant.

    """

    field: str
    steps: tuple[str, ...]
    each: tuple[bool, ...]


def unknown_fields(places: Iterable[Place], node: Node, run: Run) -> set[str]:
    """Return the fields that are unknown, of several within each other the outermost.

    A field is unknown if what stands at its place could not be read; or if nothing does, though its schema wants
    something there, or has something beside it that it does not know. A list is, too, if what it does not know has the
    same parts as the items of the list, or none and stands beside one: else it would be shorter in silence.

    Args:
        places: of all fields.
        node: the record's element.
        run: the reading that has just ended.

    """
    known = list(places)
    own = _steps(run.path(node))
    found: set[str] = set()
    for path in (*run.notes.unreadable, *run.lost):
        at = tuple(step for step in _steps(path) if not step.startswith("@"))
        if at[: len(own)] == own:
            found.update(each.field for each in known if each.steps == at[len(own) :])
    for above, what in run.notes.gaps:
        at = _steps(run.path(above))
        if at[: len(own)] == own and (above is node or at != own):
            found.update(_beside(known, at[len(own) :], above, what))
        if not isinstance(what, str):
            found.update(_elsewhere(known, node, local_name(what)))
    return {each for each in found if not any(each.startswith((f"{one}.", f"{one}[")) for one in found)}


def _beside(places: list[Place], at: tuple[str, ...], above: Any, what: Any) -> Iterator[str]:
    """Yield the fields that may stand for what an element has too much or too little."""
    there = _names(above)
    below = [each for each in places if len(each.steps) > len(at) and each.steps[: len(at)] == at]
    if isinstance(what, str):
        yield from (each.field for each in below if each.steps[len(at)] == what and what not in there)
        return
    yield from (each.field for each in below if each.steps[len(at)] not in there)
    inside = {local_name(child) for child in what.iterchildren("*")}
    alike = {name: inside & _parts(places, (*at, name)) for name in {each.steps[len(at)] for each in below}}
    beside = {local_name(each) for each in (what.getprevious(), what.getnext()) if each is not None}
    most = max((len(alike[name]) for name in alike.keys() - there), default=0)
    for each in below:
        name = each.steps[len(at)]
        of_texts = not inside and name in beside and len(each.steps) == len(at) + 1
        if each.each[len(at)] and (of_texts or name in inside or len(alike[name]) > most):
            yield each.field


def _elsewhere(places: list[Place], node: Any, name: str) -> Iterator[str]:
    """Yield the fields that lack an element, or may lack one, of the name that stands where it should not."""
    for place in places:
        for at, step in enumerate(place.steps):
            if step == name and (
                place.each[at] or any(name not in _names(each) for each in _at(node, place.steps[:at]))
            ):
                yield place.field


def _at(node: Any, steps: tuple[str, ...]) -> list[Any]:
    found = [node]
    for name in steps:
        found = [child for each in found for child in each.iterchildren("*") if local_name(child) == name]
    return found


def _names(above: Any) -> set[str]:
    return {local_name(child) for child in above.iterchildren("*") if not is_refused(child)}


def _parts(places: list[Place], at: tuple[str, ...]) -> set[str]:
    """Return the names of what is declared right inside an element."""
    return {each.steps[len(at)] for each in places if len(each.steps) > len(at) and each.steps[: len(at)] == at}


def _steps(path: str) -> tuple[str, ...]:
    return () if path == "." else tuple(path.split("/"))
