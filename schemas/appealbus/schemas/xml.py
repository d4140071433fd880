"""Appeals, changes and dossiers as XML, and back, without loss.

A field is an element of its name. A list is an element with `item` elements, also when empty; an absent value is an
absent element, an empty text an empty one. The applicant is an element `person` or `organisation`; a record that ships
is an element named after its type, a third party's an element `other` that holds maps and lists. The elements of a
model may come in any order. `contract/` has the schemas.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar

from lxml import etree
from pydantic import ValidationError

from appealbus.schemas.appeal import Appeal, Receipt, Refusal
from appealbus.schemas.base import Model, printable
from appealbus.schemas.change import Change
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.jsonxml import XmlError, child, children, local, read_members, text_of, write_members
from appealbus.schemas.problems import named, problems
from appealbus.schemas.record import Record
from appealbus.schemas.safexml import parse
from appealbus.schemas.shapes import TYPED_RECORDS, AnyRecord, ListOf, ModelOf, OneOf, Scalar, Shape, fields_of

APPEAL_NS = "urn:appealbus:appeal:1"
CHANGE_NS = "urn:appealbus:change:1"
DOSSIER_NS = "urn:appealbus:dossier:1"
RECEIPT_NS = "urn:appealbus:receipt:1"
REFUSAL_NS = "urn:appealbus:refusal:1"
SURGE_NS = "urn:appealbus:surge:1"
"""In JSON alone; so is the next."""
POSSIBLE_SURGE_NS = "urn:appealbus:possible-surge:1"
_NAMESPACES = {Appeal: APPEAL_NS, Change: CHANGE_NS, Dossier: DOSSIER_NS, Receipt: RECEIPT_NS, Refusal: REFUSAL_NS}

M = TypeVar("M", bound=Model)

__all__ = [
    "APPEAL_NS",
    "CHANGE_NS",
    "DOSSIER_NS",
    "RECEIPT_NS",
    "REFUSAL_NS",
    "XmlError",
    "appeal_from_xml",
    "change_from_xml",
    "dossier_from_xml",
    "to_xml",
]


def to_xml(document: Appeal | Change | Dossier | Receipt | Refusal) -> bytes:
    """Return an appeal, a change, a dossier or what a sender is told as an XML document in UTF-8."""
    namespace, name = _NAMESPACES[type(document)], type(document).__name__.lower()
    root = etree.Element(f"{{{namespace}}}{name}", nsmap={None: namespace})
    _write_model(root, document, skip=_told_by_the_root(type(document)))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def appeal_from_xml(data: bytes, *, limit: int = 4 * 1024 * 1024) -> Appeal:
    """Return the appeal in an XML document of at most `limit` bytes.

    Raises:
        UnsafeXml: if it is not XML that we take.
        XmlError: if it is not an appeal; the text names the path.
    """
    return _document(Appeal, APPEAL_NS, data, limit)


def change_from_xml(data: bytes, *, limit: int = 4 * 1024 * 1024) -> Change:
    """Return the change in an XML document of at most `limit` bytes.

    Raises:
        UnsafeXml: if it is not XML that we take.
        XmlError: if it is not a change; the text names the path.
    """
    return _document(Change, CHANGE_NS, data, limit)


def dossier_from_xml(data: bytes, *, limit: int = 64 * 1024 * 1024) -> Dossier:
    """Return the dossier in an XML document of at most `limit` bytes.

    Raises:
        UnsafeXml: if it is not XML that we take.
        XmlError: if it is not a dossier; the text names the path.
    """
    return _document(Dossier, DOSSIER_NS, data, limit)


def _document(model: type[M], namespace: str, data: bytes, limit: int) -> M:
    root, name = parse(data, limit=limit), model.__name__.lower()
    if root.tag != f"{{{namespace}}}{name}":
        raise XmlError("", f"the root is not an element {name} of the namespace {namespace}")
    try:
        return model.model_validate(_read_model(root, model, name, skip=_told_by_the_root(model)))
    except ValidationError as error:
        place, reason = problems(error)[0]
        steps = (f"/item[{step + 1}]" if isinstance(step, int) else f"/{step}" for step in place)
        raise XmlError(name + "".join(steps), reason) from None


def _told_by_the_root(model: type[Model]) -> str:
    return "type" if model is Change else ""


def _write_model(element: etree._Element, model: Model, *, skip: str = "") -> None:
    for field in fields_of(type(model)):
        value = getattr(model, field.name)
        if value is not None and field.name != skip:
            _write(child(element, field.name), field.shape, value)
    if model.__pydantic_extra__:  # of a later release: the schema of today does not know it, and who reads it may
        write_members(child(element, "more"), model.__pydantic_extra__)


def _write(element: etree._Element, shape: Shape, value: Any) -> None:
    match shape:
        case Scalar():
            element.text = _text(value)
        case ListOf():
            for item in value:
                _write(child(element, "item"), shape.item, item)
        case ModelOf():
            _write_model(element, value)
        case OneOf():
            _write_model(child(element, value.type), value, skip="type")
        case AnyRecord():
            _write_record(element, value)


def _write_record(element: etree._Element, record: Record) -> None:
    if type(record) is TYPED_RECORDS.get(record.type):
        _write_model(child(element, record.type), record, skip="type")
        return
    members = record.model_dump(mode="json")
    other = child(element, "other")
    other.set("type", printable(members.pop("type")))
    write_members(other, members)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return printable(str(value.value if isinstance(value, Enum) else value))


def _read_model(element: etree._Element, model: type[Model], path: str, *, skip: str = "") -> dict[str, Any]:
    shapes = {field.name: field.shape for field in fields_of(model) if field.name != skip}
    values: dict[str, Any] = {}
    for part in children(element, path):
        name = local(part)
        if name not in shapes:
            raise XmlError(f"{path}/{named(name)}", "there is no such element")
        if name in values:
            raise XmlError(f"{path}/{name}", "the element comes twice")
        values[name] = _read(part, shapes[name], f"{path}/{name}")
    return values


def _read(element: etree._Element, shape: Shape, path: str) -> Any:
    match shape:
        case Scalar():
            return text_of(element, path)
        case ListOf():
            return _read_list(element, shape, path)
        case ModelOf():
            return _read_model(element, shape.model, path)
        case OneOf():
            return _read_choice(element, dict(shape.models), path)
        case AnyRecord():
            return _read_record(element, path)


def _read_list(element: etree._Element, shape: ListOf, path: str) -> list[Any]:
    items = []
    for number, part in enumerate(children(element, path), 1):
        if local(part) != "item":
            raise XmlError(f"{path}/{named(local(part))}", "there is no such element")
        items.append(_read(part, shape.item, f"{path}/item[{number}]"))
    return items


def _read_record(element: etree._Element, path: str) -> dict[str, Any]:
    if len(element) != 1 or local(element[0]) != "other":
        return _read_choice(element, TYPED_RECORDS, path)
    (other,) = children(element, path)
    return {"type": other.get("type", ""), **read_members(other, f"{path}/other", "type")}


def _read_choice(element: etree._Element, models: Mapping[str, type[Model]], path: str) -> dict[str, Any]:
    parts = list(children(element, path))
    tag = local(parts[0]) if len(parts) == 1 else ""
    if tag not in models:
        raise XmlError(path, f"there is not exactly one element of {', '.join(models)}")
    return {"type": tag, **_read_model(parts[0], models[tag], f"{path}/{tag}", skip="type")}
