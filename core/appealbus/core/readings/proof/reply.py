"""Checks that declared parts of an answer can occur and fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from pydantic import BaseModel

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.readings.declare import (
    At,
    By,
    Declaration,
    Declared,
    InnerSchema,
    Origin,
    Present,
    ReadingSpec,
    annotated,
)
from appealbus.core.readings.fieldtypes import FieldType, field_type
from appealbus.core.readings.paths import REST, XML, ReplyPath, parse_reply_path
from appealbus.core.readings.proof.findings import Findings
from appealbus.core.readings.take import Take
from appealbus.core.replies.convert import converters
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.replies.xsd import ANYTHING, Child, Place, SchemaModel, Shape
from appealbus.core.replies.xsd.values import Simple
from appealbus.schemas.record import Coded
from appealbus.schemas.suggestion import did_you_mean

_NUMBERS = frozenset(
    {
        *("decimal", "integer", "long", "int", "short", "byte", "float", "double"),
        *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
        *("positiveInteger", "nonNegativeInteger", "negativeInteger", "nonPositiveInteger"),
    }
)
_TIMES = frozenset({"time", "duration", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"})
_NEVER: dict[type, frozenset[str]] = {
    date: _NUMBERS | _TIMES | {"boolean"},
    datetime: _NUMBERS | _TIMES | {"boolean", "date"},
    bool: _TIMES | {"date", "dateTime"},
    Decimal: (_TIMES - {"gYear"}) | {"date", "dateTime", "boolean"},
}
_NEVER[int] = _NEVER[float] = _NEVER[Decimal]


def misfit(wanted: type, text: Simple, *, comma: bool = False) -> str | None:
    """Describe the text if it can never match the wanted type: `a date`; else None."""
    never = _NEVER.get(wanted)
    if never is None:
        return None
    if text.kinds <= never:
        return " or ".join(f"{_article(kind)} {kind}" for kind in sorted(text.kinds))
    if text.words is None:
        return None
    convert = converters(KAZAKHSTAN, comma=comma)[wanted][1]
    return None if any(_reads(convert, word) for word in text.words) else f"one of {_listed(text.words)}"


def wish(wanted: type) -> str:
    names = {datetime: "a moment", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(wanted, f"{_article(wanted.__name__)} {wanted.__name__.lower()}")


def _reads(convert: object, word: str) -> bool:
    try:
        convert(word)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _listed(words: frozenset[str]) -> str:
    ordered = sorted(words)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")


_ALWAYS = frozenset({"nil", "type", "schemaLocation", "noNamespaceSchemaLocation"})
"""Attributes allowed on every element."""

Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A position in a message: its declarations, None for anything, and its path."""

    model: SchemaModel
    place: Place | None
    path: str = ""

    @property
    def shape(self) -> Shape:
        return ANYTHING if self.place is None else self.model.shape(self.place)

    def under(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name


@dataclass(frozen=True, slots=True)
class _Spec:
    model: type[BaseModel]
    fields: dict[str, Declared]
    around: ReadingSpec
    key: Key

    @classmethod
    def of(cls, spec: ReadingSpec) -> "_Spec":
        return cls(spec.model, spec.fields, spec, (id(spec),))

    def nested(self, model: type[BaseModel], fields: dict[str, Declared]) -> "_Spec":
        return _Spec(model, fields, self.around, (*self.key, model))


@dataclass(frozen=True, slots=True)
class _Use:
    """A used path, with its owner and place of declaration."""

    whose: str
    path: ReplyPath
    origin: Origin
    key: Key
    xml: InnerSchema | None = None
    single: bool = False
    """Whether it fills a field that is no list."""
    flag: bool = False
    """Whether only its presence matters."""


class ReplyProof:
    def __init__(self, lookup: str, findings: Findings, *, alone: bool) -> None:
        """`alone`: no other schema defines what this contract leaves open."""
        self._lookup = lookup
        self._alone = alone
        self._findings = findings
        self._reached: set[Key] = set()
        self._missed: dict[Key, tuple[Origin, str]] = {}

    def prove(self, take: Take[Any], model: SchemaModel, root: Place) -> None:
        """Check all declared paths; each must be possible at one place where its reading is used."""
        spot = _Spot(model, root)
        for name, path in (("code", take.code), ("echo", take.echo)):
            if path is not None:
                use = _Use(name, path, take.origin.of(path.text, name), (name,), take.reading.xml)
                self._value(self._follow(spot, use), use, str)
        use = _Use("records", take.path, take.origin.of(take.path.text), ("records",), take.reading.xml)
        end = self._follow(spot, use)
        if end is not None:
            self._fields(end, _Spec.of(take.reading))
        for key, (origin, text) in self._missed.items():
            if key not in self._reached:
                self._findings.add(origin, self._lookup, text)

    def _fields(self, spot: _Spot, spec: _Spec) -> None:
        for name, declared in spec.fields.items():
            kind = field_type(spec.model.model_fields[name])
            if isinstance(declared, ReadingSpec):
                self._fields(spot, _Spec.of(declared))
                continue
            for way in declared if isinstance(declared, tuple) else (declared,):
                for path, origin in _paths(way, spec, name):
                    key = (*spec.key, name, path.text)
                    whose = f"{spec.model.__name__}.{name}"
                    self._way(spot, spec, way, kind, _Use(whose, path, origin, key, spec.around.xml))

    def _way(self, spot: _Spot, spec: _Spec, way: str | Declaration, kind: FieldType | None, use: _Use) -> None:
        repeated = kind is not None and kind.each
        if isinstance(way, Present):
            self._follow(spot, replace(use, flag=True))
        elif isinstance(way, By) or kind is None or use.path.end == REST:
            self._follow(spot, use)
        else:
            use = replace(use, path=use.path.repeated() if repeated else use.path, single=not repeated)
            end = self._follow(spot, use)
            if kind.scalar is not None:
                self._value(end, use, kind.scalar, comma=spec.around.comma)
            elif kind.model is not None and end is not None:
                self._nested(end, spec, way, kind.model, use)

    def _nested(self, spot: _Spot, spec: _Spec, way: str | Declaration, model: type[BaseModel], use: _Use) -> None:
        given = way.of if isinstance(way, At) else None
        if given is not None:
            self._fields(spot, _Spec.of(given))
        elif model is Coded:
            self._coded(spot, spec, use)
        else:
            self._fields(spot, spec.nested(model, annotated(model)))

    def _coded(self, spot: _Spot, spec: _Spec, use: _Use) -> None:
        """Check dictionary values: each declared name must occur at one of them, and one name at each."""
        there = False
        for text in spec.around.codes:
            path = parse_reply_path(text)
            origin = spec.around.origin.of(text, "codes")
            inside = _Use("codes", path, origin, (*spec.key, "codes", text), spec.around.xml)
            there = self._follow(spot, inside) is not None or there
        if not there:
            names = ", ".join(spec.around.codes)
            text = f"{use.whose}: {spot.path} has none of {names} in the contract, and the field wants a coded value"
            self._findings.add(use.origin, self._lookup, text)

    def _follow(self, spot: _Spot, use: _Use) -> _Spot | None:
        """Return the end of a path; None after a finding."""
        inner: SchemaModel | None = None
        unknown = False
        for i, name in enumerate(use.path.steps):
            if name == XML:
                spot = replace(spot, path=spot.under(XML))
                inner = use.xml.model if isinstance(use.xml, MessageSchema) else None
                unknown = inner is None
                continue
            if unknown:
                spot, unknown = replace(spot, place=None, path=spot.under(name)), False
                continue
            if inner is not None:
                children = {name: Child(place, 1, 1)} if (place := inner.elements(name)) else {}
                shape, spot, inner = Shape(children), replace(spot, model=inner), None
            else:
                shape = spot.shape
            child = shape.children.get(name)
            if child is None and not shape.open:
                self._miss(use, spot, name, shape.children)
                return None
            if child is None and shape.wild and self._alone and not spot.model.elements(name):
                text = "stands in what the contract leaves open (xs:any), and no schema says what is there"
                text = f"{use.whose}: {spot.under(name)} {text}: it is read unchecked"
                self._findings.add(use.origin, self._lookup, text, certain=False)
            if child is not None and child.most > 1 and not use.path.each[i] and i not in use.path.firsts:
                self._repeats(use, spot.under(name), name)
            spot = replace(spot, place=None if child is None else child.place, path=spot.under(name))
        if use.path.end.startswith("@"):
            shape, name = spot.shape, use.path.end[1:]
            if name not in shape.attributes and not shape.open_attributes and name not in _ALWAYS:
                self._miss(use, spot, use.path.end, [f"@{known}" for known in shape.attributes])
                return None
        self._reached.add(use.key)
        return spot

    def _miss(self, use: _Use, spot: _Spot, name: str, known: Any) -> None:
        around = spot.path or "the answer"
        near = f"; {did_you_mean(name, known)}" if known else f"; nothing stands inside {around}"
        text = f"{use.whose}: {spot.under(name)} cannot occur in the contract{near}"
        self._missed.setdefault(use.key, (use.origin, text))

    def _repeats(self, use: _Use, path: str, name: str) -> None:
        if use.flag:
            return
        what = (
            f"the field is no list: only the first would count; write {name}[1] if that is meant"
            if use.single
            else f"the path takes the first alone; write {name}[*], or {name}[1] if that is meant"
        )
        self._findings.add(use.origin, self._lookup, f"{use.whose}: {path} may repeat in the contract, and {what}")

    def _value(self, spot: _Spot | None, use: _Use, wanted: type, *, comma: bool = False) -> None:
        if spot is None:
            return
        shape, path = spot.shape, spot.path or "the answer"
        if use.path.end:
            attribute = shape.attributes.get(use.path.end[1:])
            path, text = spot.under(use.path.end), attribute.text if attribute is not None else None
            if text is None:
                return
        else:
            text = shape.text
        if text is None:
            if shape.open:
                return
            what = "holds elements and no text" if shape.children else "is always empty"
            self._misfits(use, f"{path} {what} in the contract", wanted)
        elif (wrong := misfit(wanted, text, comma=comma)) is not None:
            self._misfits(use, f"{path} is {wrong} in the contract", wanted)

    def _misfits(self, use: _Use, what: str, wanted: type) -> None:
        self._findings.add(use.origin, self._lookup, f"{use.whose}: {what}, and the field wants {wish(wanted)}")


def _paths(way: str | Declaration, spec: _Spec, name: str) -> Iterator[tuple[ReplyPath, Origin]]:
    if isinstance(way, str):
        yield parse_reply_path(way), spec.around.origin.of(way, name)
        return
    for path in way.paths:
        yield path, way.origin.of(path.text)
