"""A masked dossier as XML: the elements of a dossier, without those that are hidden, and `hidden` with the rules."""

from collections.abc import Mapping
from typing import Any

from lxml import etree

from appealbus.schemas.base import Model, printable
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.jsonxml import child, write_members
from appealbus.schemas.shapes import TYPED_RECORDS, AnyRecord, ListOf, ModelOf, OneOf, Scalar, Shape, fields_of
from appealbus.schemas.xml import DOSSIER_NS


def masked_to_xml(document: Mapping[str, Any]) -> bytes:
    """Return a dossier's JSON, of which any part may be absent, as an XML document in UTF-8."""
    root = etree.Element(f"{{{DOSSIER_NS}}}dossier", nsmap={None: DOSSIER_NS})
    rest = {name: value for name, value in document.items() if name != "hidden"}
    _model(root, Dossier, rest)
    if "hidden" in document:
        hidden = child(root, "hidden")
        for rule in document["hidden"]:
            child(hidden, "item").text = printable(rule)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _model(element: etree._Element, model: type[Model], members: Mapping[str, Any], *, skip: str = "") -> None:
    fields = {field.name: field.shape for field in fields_of(model)}
    for name, shape in fields.items():
        if members.get(name) is not None and name != skip:
            _write(child(element, name), shape, members[name])
    more = {name: value for name, value in members.items() if name not in fields}
    if more:
        write_members(child(element, "more"), more)


def _write(element: etree._Element, shape: Shape, value: Any) -> None:
    match shape:
        case Scalar():
            element.text = str(value).lower() if isinstance(value, bool) else printable(str(value))
        case ListOf():
            for item in value:
                _write(child(element, "item"), shape.item, item)
        case ModelOf():
            _model(element, shape.model, value)
        case OneOf():
            _choice(element, dict(shape.models), value)
        case AnyRecord():
            _choice(element, TYPED_RECORDS, value)


def _choice(element: etree._Element, models: Mapping[str, type[Model]], value: Mapping[str, Any]) -> None:
    kind = value.get("type")
    if kind in models:
        _model(child(element, str(kind)), models[str(kind)], value, skip="type")
        return
    other = child(element, "other")
    if kind is not None:
        other.set("type", printable(str(kind)))
    write_members(other, {name: member for name, member in value.items() if name != "type"})
