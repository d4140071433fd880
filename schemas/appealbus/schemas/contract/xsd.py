"""XSD of a document, from the same shapes that the XML is written by."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from lxml import etree

from appealbus.schemas.base import Model
from appealbus.schemas.described import description_of
from appealbus.schemas.namespaces import XSD
from appealbus.schemas.shapes import TYPED_RECORDS, AnyRecord, ListOf, ModelOf, OneOf, Scalar, Shape, fields_of

_BASES = {str: "xs:string", int: "xs:integer", bool: "xs:boolean", date: "xs:date", datetime: "xs:dateTime"}
_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+\-]?[0-9]+)?"
_DECIMAL = r"[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+\-]?[0-9]+)?"
_VALUES = f"""
<xs:schema xmlns:xs="{XSD}">
  <xs:complexType name="OtherRecord">
    <xs:annotation><xs:documentation>A record of a third party: its members by name.</xs:documentation></xs:annotation>
    <xs:group ref="Value" minOccurs="0" maxOccurs="unbounded"/>
    <xs:attribute name="type" type="xs:string" use="required"/>
  </xs:complexType>
  <xs:group name="Value">
    <xs:choice>
      <xs:element name="string" type="NamedString"/>
      <xs:element name="number" type="NamedNumber"/>
      <xs:element name="boolean" type="NamedBoolean"/>
      <xs:element name="null" type="NamedNull"/>
      <xs:element name="list" type="NamedValues"/>
      <xs:element name="map" type="NamedValues"/>
    </xs:choice>
  </xs:group>
  <xs:complexType name="NamedValues">
    <xs:group ref="Value" minOccurs="0" maxOccurs="unbounded"/>
    <xs:attribute name="name" type="xs:string"/>
  </xs:complexType>
  <xs:complexType name="NamedString">
    <xs:simpleContent>
      <xs:extension base="xs:string"><xs:attribute name="name" type="xs:string"/></xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="NamedNumber">
    <xs:simpleContent>
      <xs:extension base="Number"><xs:attribute name="name" type="xs:string"/></xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:simpleType name="Number">
    <xs:restriction base="xs:token"><xs:pattern value="{_NUMBER}"/></xs:restriction>
  </xs:simpleType>
  <xs:complexType name="NamedBoolean">
    <xs:simpleContent>
      <xs:extension base="xs:boolean"><xs:attribute name="name" type="xs:string"/></xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="NamedNull">
    <xs:attribute name="name" type="xs:string"/>
  </xs:complexType>
</xs:schema>
"""


def xsd(model: type[Model], namespace: str, *, skip: str = "") -> bytes:
    """Return the XSD of a document and all that it holds, without a field that its root stands for."""
    return _XsdWriter(namespace).document(model, skip)


class _XsdWriter:
    """Writes a type for each model that it comes across, once."""

    def __init__(self, namespace: str) -> None:
        self.schema = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD, None: namespace})
        self.schema.set("targetNamespace", namespace)
        self.schema.set("elementFormDefault", "qualified")
        self.written: set[str] = set()

    def document(self, model: type[Model], skip: str) -> bytes:
        _add(self.schema, "element", name=model.__name__.lower(), type=model.__name__)
        self._model(model, skip=skip)
        etree.indent(self.schema)
        return etree.tostring(self.schema, encoding="UTF-8", xml_declaration=True, pretty_print=True)

    def _model(self, model: type[Model], *, skip: str = "") -> str:
        name = model.__name__
        if name in self.written:
            return name
        self.written.add(name)
        element = _add(self.schema, "complexType", name=name)
        _document(element, model.__doc__)
        everything = _add(element, "all")
        for field in fields_of(model):
            if field.name != skip:
                part = _add(everything, "element", name=field.name)
                if field.optional:
                    part.set("minOccurs", "0")
                _document(part, description_of(model, field.name))
                self._content(part, field.shape)
        return name

    def _content(self, element: etree._Element, shape: Shape) -> None:
        match shape:
            case Scalar():
                _scalar(element, shape)
            case ListOf():
                most = "unbounded" if shape.max_length is None else str(shape.max_length)
                items = _add(_add(element, "complexType"), "sequence")
                self._content(_add(items, "element", name="item", minOccurs="0", maxOccurs=most), shape.item)
            case ModelOf():
                element.set("type", self._model(shape.model))
            case OneOf():
                self._choice(element, dict(shape.models))
            case AnyRecord():
                choice = self._choice(element, TYPED_RECORDS)
                _add(choice, "element", name="other", type="OtherRecord")
                self._values()

    def _choice(self, element: etree._Element, models: Mapping[str, type[Model]]) -> etree._Element:
        choice = _add(_add(element, "complexType"), "choice")
        for tag, model in models.items():
            _add(choice, "element", name=tag, type=self._model(model, skip="type"))
        return choice

    def _values(self) -> None:
        if "OtherRecord" not in self.written:
            self.written.add("OtherRecord")
            self.schema.extend(list(etree.fromstring(_VALUES)))


def _scalar(element: etree._Element, shape: Scalar) -> None:
    if shape.or_day:
        _add(_add(element, "simpleType"), "union", memberTypes=f"{_BASES[datetime]} {_BASES[date]}")
        return
    pattern = _DECIMAL if shape.type is Decimal else (shape.pattern or "").removeprefix("^").removesuffix("$")
    facets = [
        *(("enumeration", word) for word in shape.words),
        *([("pattern", pattern)] if pattern else []),
        *([("minLength", str(shape.min_length))] if shape.min_length is not None else []),
        *([("maxLength", str(shape.max_length))] if shape.max_length is not None else []),
        *([("minInclusive", str(shape.ge))] if shape.ge is not None else []),
        *([("maxInclusive", str(shape.le))] if shape.le is not None else []),
    ]
    base = _BASES.get(shape.type, "xs:string")
    if not facets:
        element.set("type", base)
        return
    restriction = _add(_add(element, "simpleType"), "restriction", base=base)
    for name, value in facets:
        _add(restriction, name, value=value)


def _document(element: etree._Element, text: str | None) -> None:
    if text:
        _add(_add(element, "annotation"), "documentation").text = " ".join(text.split())


def _add(parent: etree._Element, tag: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{XSD}}}{tag}", attributes)
