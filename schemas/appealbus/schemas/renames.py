"""Fields that a sender calls by names of its own, moved to where the form has them before a message is read."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lxml import etree

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Correction
from appealbus.schemas.notes import Notes
from appealbus.schemas.safexml import local_name
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Shape, fields_of, taken_for

RENAMED = "field.renamed"
"""The code of what a message has under a name of its sender's, and is read all the same."""
_PATH = re.compile(r"[^\s.\[\]/*]+(\[\*\])?(\.[^\s.\[\]/*]+(\[\*\])?)*")
_FORM = ModelOf(Appeal)
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_APPLICANTS = ("person", "organisation")


class Rename(NamedTuple):
    """What a sender writes at one path, and the form has at another: `parcels[*].cadastre`; empty: nowhere."""

    path: str
    to: str

    @property
    def told(self) -> str:
        """What a warning says of it."""
        return f"{self.path} is read as {self.to}, as the settings of its channel say"

    def problem(self) -> str:
        """Say why this cannot be; empty where it can."""
        path, to = _steps(self.path), _steps(self.to)
        if not all(_PATH.fullmatch(text) for text in self) or "*" in (path[-1], to[-1]):
            return "write paths such as applicant.inn or parcels[*].cadastre"
        if not _known(to, _FORM) or to[0] not in Correction.model_fields or to[-1] == "type":
            return f"the form has no field {self.to} that can be given by another name"
        if _known(path, _FORM):
            return f"the form has a field {self.path} itself"
        if _common(path) != to[: len(_common(path))] or "*" in to[len(_common(path)) :]:
            return "both paths must lead into the same list"
        return ""


def is_unknown(path: str) -> bool:
    """Whether this is a path to a field, and to none of the form's own."""
    return bool(_PATH.fullmatch(path)) and not path.endswith("]") and not _known(_steps(path), _FORM)


def rename(given: dict[str, Any] | etree._Element, renames: Sequence[Rename], notes: Notes) -> None:
    """Move what stands at the paths, in JSON or XML, where the form's own field is absent; note each once."""
    for rename in renames:
        path, to = _steps(rename.path), _steps(rename.to)
        common = len(_common(path))
        move = _move_in_xml if isinstance(given, etree._Element) else _move
        nodes = list(_nodes(given, path[:common]))
        if sum(move(node, path[common:], to[common:] if rename.to else [""]) for node in nodes):
            notes.warn(rename.to.partition("[")[0], RENAMED, rename.told)


def _steps(path: str) -> list[str]:
    return path.replace("[*]", ".*").split(".")


def _common(path: list[str]) -> list[str]:
    """Return the part of a path that leads to an entry of a list."""
    return path[: len(path) - path[::-1].index("*")] if "*" in path else []


def _known(path: Sequence[str], shape: Shape) -> bool:
    """Whether the form has a field there."""
    if not path:
        return True
    match shape:
        case ListOf():
            return path[0] == "*" and _known(path[1:], shape.item)
        case ModelOf():
            return any(field.name == path[0] and _known(path[1:], field.shape) for field in fields_of(shape.model))
        case OneOf():
            return any(_known(path, ModelOf(model)) for _, model in shape.models)
    return False


def _nodes(node: Any, path: Sequence[str]) -> Iterator[Any]:
    """Go through what has fields at a path."""
    below: Sequence[Any] = ()
    if not path:
        if isinstance(node, dict | etree._Element):
            yield node
    elif isinstance(node, etree._Element):
        below = [item for item in node if local_name(item) == "item"] if path[0] == "*" else [child_of(node, path[0])]
    elif isinstance(node, list):
        below = node if path[0] == "*" else ()
    elif isinstance(node, dict):
        below = [node.get(path[0])]
    for child in below:
        yield from _nodes(child, path[1:])


def _move(node: dict[str, Any], path: Sequence[str], to: Sequence[str]) -> bool:
    old, new = node, node
    for step in path[:-1]:
        old = old.get(step) or {}
        if not isinstance(old, dict):
            return False
    for step in to[:-1]:
        new = new.get(step) or {}
        if not isinstance(new, dict):
            return False
    if to == [""]:
        return old.pop(path[-1], None) is not None
    if old.get(path[-1]) in _NOTHING or new.get(to[-1]) not in _NOTHING:
        return False
    new = node
    for step in to[:-1]:
        new[step] = new.get(step) or {}
        new = new[step]
    new[to[-1]] = old.pop(path[-1])
    return True


def _move_in_xml(node: etree._Element, path: Sequence[str], to: Sequence[str]) -> bool:
    old: etree._Element | None = node
    for step in path:
        old = None if old is None else child_of(old, step)
    if to == [""] and old is not None and (above := old.getparent()) is not None:
        above.remove(old)
        return True
    new: etree._Element | None = node
    for step in to:
        new = None if new is None else child_of(new, step)
    if old is None or _is_nothing(old) or not (new is None or _is_nothing(new)):
        return False
    if new is not None and (above := new.getparent()) is not None:
        above.remove(new)
    namespace = str(node.tag).rpartition("}")[0] + "}"
    into = node
    for at, step in enumerate(to[:-1], 1):
        child = child_of(into, step)
        into = etree.SubElement(into, namespace + step) if child is None else child
        if step == "applicant" and not len(into):
            into = etree.SubElement(into, namespace + taken_for([to[at]]))
        elif len(into) == 1 and local_name(into[0]) in _APPLICANTS:
            into = into[0]
    old.tag = namespace + to[-1]
    if old.getparent() is not into:
        into.append(old)
    return True


def child_of(element: etree._Element, name: str) -> etree._Element | None:
    """Return an element in another, or in the person or the organisation that is all there is in it."""
    inner = element[0] if len(element) == 1 and local_name(element[0]) in _APPLICANTS else ()
    return next((part for part in (*element, *inner) if local_name(part) == name), None)


def _is_nothing(element: etree._Element) -> bool:
    return not len(element) and not (element.text or "").strip()
