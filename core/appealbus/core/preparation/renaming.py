"""Applies a channel's renames to an appeal that was already accepted."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from lxml import etree

from appealbus.schemas.appeal import Appeal, Written
from appealbus.schemas.base import Model
from appealbus.schemas.change import Correction
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import UNKNOWN, Notes, Unreadable
from appealbus.schemas.reading import OWN, SMALL
from appealbus.schemas.renames import Rename, child_of
from appealbus.schemas.safexml import UnsafeXml, local_name, parse
from appealbus.schemas.xml import to_xml
from appealbus.schemas.xmlreading import message_from_xml

_ELEMENT = re.compile(r"^<", re.MULTILINE)
_MOST = 16 * 1024 * 1024
"""Bytes; the canonical form exceeds the message by its field names."""


@dataclass(frozen=True, slots=True)
class Mapped:
    correction: Correction
    renames: tuple[Rename, ...]
    left: Appeal
    """The reread part, with its own unknown fields."""


def mapped(form: Appeal, renames: Sequence[Rename]) -> Mapped | None:
    """Apply renames to an appeal; None if none matches. Unreadable if the kept original cannot be read again."""
    sent = _as_sent(form)
    before, after = _read(sent, ()), _read(sent, renames)
    values = {
        name: value
        for name in Correction.model_fields
        if (value := _otherwise(getattr(before, name), getattr(after, name))) is not None
    }
    # One by one: what is found under one name may have others in it.
    used = tuple(rename for rename in renames if any(rename.told == one.message for one in after.warnings))
    return Mapped(Correction(**values), used, after) if values else None


def without(form: Appeal, paths: Iterable[str]) -> Appeal:
    """Return an appeal without unknown fields at these paths, since they are now known.

    Large appeals are left alone, as are fields beside XML attributes or mixed text.
    """
    fields = {warning.field for warning in form.warnings if warning.code in UNKNOWN}
    unknown = [entry.text for entry in form.as_written if entry.field in fields]
    if len(form.text) + sum(map(len, unknown)) > SMALL or any(text[:1] not in "{[<" for text in unknown):
        return form
    try:
        read = _read(_as_sent(form), [Rename(path, "") for path in paths])
    except Unreadable:
        return form
    warnings = [warning for warning in form.warnings if warning.code not in UNKNOWN]
    written = [entry for entry in form.as_written if entry.field not in fields]
    return form.model_copy(
        update={
            "warnings": [*warnings, *(warning for warning in read.warnings if warning.code in UNKNOWN)],
            "as_written": [*written, *(entry for entry in read.as_written if entry.field in fields)],
        }
    )


def _otherwise(before: Any, after: Any) -> Any:
    """Return the changed parts of a field; None if equal."""
    if before == after:
        return None
    if not isinstance(after, Model) or type(before) is not type(after):
        return after
    return type(after)(**{name: value for name, value in after if value != getattr(before, name)})


def _read(sent: bytes, renames: Sequence[Rename]) -> Appeal:
    if sent.startswith(b"{"):
        read = message_from_json(sent, renames=renames)
    else:
        read = message_from_xml(sent, _MOST, renames=renames)
    if not isinstance(read, Appeal):
        raise Unreadable("appeal.invalid", "it is none")
    return read


def _as_sent(form: Appeal) -> bytes:
    """Rebuild a message from an appeal and its set-aside data."""
    try:
        return _written_anew(form)
    except (orjson.JSONEncodeError, UnsafeXml):  # what is set aside may be nested as deeply as can be read
        raise Unreadable("message.too_complex", "what was set aside of it is too complex") from None


def _written_anew(form: Appeal) -> bytes:
    fields = {warning.field for warning in form.warnings if warning.code in UNKNOWN}
    if any(entry.text[:1] not in "{[" for entry in form.as_written if entry.field in fields):
        return _in_xml(form)
    given = form.model_dump(mode="json", exclude=set(OWN), exclude_defaults=True)
    if form.applicant is not None:
        given["applicant"]["type"] = form.applicant.type
    for entry in form.as_written:
        try:
            value = orjson.loads(entry.text)
        except ValueError:
            value = entry.text
        _put(given, _steps(entry), value if isinstance(value, dict | list) else entry.text)
    return orjson.dumps(given)


def _put(given: Any, steps: Sequence[str], value: Any) -> None:
    for at, step in enumerate(steps):
        if isinstance(given, list):
            if int(step) >= len(given):
                return
            if at == len(steps) - 1 and not isinstance(value, dict):
                given[int(step)] = value
                return
            given = given[int(step)]
        elif at < len(steps) - 1 or (isinstance(value, dict) and isinstance(given.get(step), dict)):
            given = given.setdefault(step, {})
        elif isinstance(value, list) or step not in given:
            given[step] = value
            return
        if not isinstance(given, dict | list):
            return
    if isinstance(value, dict) and isinstance(given, dict):
        given.update({name: item for name, item in value.items() if name not in given})


def _in_xml(form: Appeal) -> bytes:
    bare = form.model_copy(update={"warnings": [], "as_written": []})
    root = parse(to_xml(bare), limit=_MOST)
    for name, info in Appeal.model_fields.items():
        if getattr(bare, name) == info.get_default(call_default_factory=True):
            for element in [element for element in root if local_name(element) == name]:
                root.remove(element)
    for entry in form.as_written:
        begins = _ELEMENT.search(entry.text)  # behind attributes and texts, which no name leads to
        try:
            parts = parse(f"<x>{entry.text[begins.start() :] if begins else ''}</x>".encode(), limit=_MOST)
        except UnsafeXml:
            continue
        node: etree._Element | None = root
        for step in _steps(entry):
            if node is not None:
                items = [part for part in node if local_name(part) == "item"]
                node = next(iter(items[int(step) :]), None) if step.isdigit() else child_of(node, step)
        if node is None:
            continue
        if len(node) == 1 and local_name(node) == "applicant":
            node = node[0]
        whole = len(parts) == 1 and local_name(parts[0]) == local_name(node)
        node[:] = list(parts[0]) if whole else [*node, *parts]
    return etree.tostring(root, encoding="UTF-8")


def _steps(written: Written) -> list[str]:
    return [] if written.field == Notes().root else re.findall(r"[^.\[\]]+", written.field)
