"""The shapes of the models' fields: one reading of the annotations for XML and XSD alike."""

import types
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from appealbus.schemas.address import Address
from appealbus.schemas.base import OR_DAY, Model
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.person import Person
from appealbus.schemas.record import Record

TYPED_RECORDS: dict[str, type[Record]] = {
    "Address": Address,
    "Organisation": Organisation,
    "Parcel": Parcel,
    "Person": Person,
}
"""Records with elements of their own in XML; those of third parties are carried as maps and lists."""

_OF_ORGANISATIONS = frozenset({"bin", "organisation_name", "leader_iin", "leader_name"})
_SCALARS = (str, int, bool, Decimal, date, datetime)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: a text, a number, a date, a word of a list."""

    type: type
    words: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    ge: int | None = None
    le: int | None = None
    or_day: bool = False
    """Whether a day may stand for the moment."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """Any number of items of one shape."""

    item: "Shape"
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class ModelOf:
    """A model: fields by name."""

    model: type[Model]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several models, told apart by their `type`."""

    models: tuple[tuple[str, type[Model]], ...]


@dataclass(frozen=True, slots=True)
class AnyRecord:
    """A record: one of those that ship, or a third party's."""


Shape = Scalar | ListOf | ModelOf | OneOf | AnyRecord


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model: its name, its shape, and whether it may be absent."""

    name: str
    shape: Shape
    optional: bool


@cache
def fields_of(model: type[Model]) -> tuple[Field, ...]:
    """Return the fields of a model in the order of declaration."""
    return tuple(
        Field(name, _shape(info.annotation, info.metadata), not info.is_required())
        for name, info in model.model_fields.items()
    )


@cache
def paths_of(model: type[Model]) -> tuple[str, ...]:
    """Return the paths of a model's fields, and of those within them but for lists: `place`, `place.kato`."""
    paths: list[str] = []
    for name, shape in ((field.name, field.shape) for field in fields_of(model)):
        models = [shape.model] if isinstance(shape, ModelOf) else []
        models += [one for _, one in shape.models] if isinstance(shape, OneOf) else []
        paths += [name, *(f"{name}.{field.name}" for one in models for field in fields_of(one) if field.name != "type")]
    return tuple(dict.fromkeys(paths))


def tag_of(model: type[Model]) -> str:
    """Return the value that a model's `type` is pinned to."""
    return str(model.model_fields["type"].default)


def taken_for(fields: Iterable[str]) -> str:
    """Return the type of an applicant that says none, or none that there is: what only organisations have decides."""
    return "organisation" if any(name in _OF_ORGANISATIONS for name in fields) else "person"


def _shape(annotation: Any, metadata: Iterable[Any]) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0], [*metadata, *arguments[1:]])
    if origin in (Union, types.UnionType):
        return _union([member for member in arguments if member is not types.NoneType], metadata)
    if origin is list:
        return ListOf(_shape(arguments[0], ()), _facet("max_length", metadata))
    if origin is Literal:
        return Scalar(str, words=tuple(arguments))
    if issubclass(annotation, Model):
        return AnyRecord() if annotation is Record else ModelOf(annotation)
    return _scalar(annotation, metadata)


def _union(members: list[Any], metadata: Iterable[Any]) -> Shape:
    if len(members) == 1:
        return _shape(members[0], metadata)
    return OneOf(tuple((tag_of(member), member) for member in members))


def _scalar(annotation: type, metadata: Iterable[Any]) -> Scalar:
    if issubclass(annotation, Enum):
        return Scalar(str, words=tuple(str(member.value) for member in annotation))
    kind = datetime if issubclass(annotation, AwareDatetime) else annotation
    if kind not in _SCALARS:
        raise TypeError(f"{kind.__name__} has no form in XML")
    return Scalar(
        kind,
        min_length=_facet("min_length", metadata),
        max_length=_facet("max_length", metadata),
        pattern=_facet("pattern", metadata),
        ge=_facet("ge", metadata),
        le=_facet("le", metadata),
        or_day=OR_DAY in metadata,
    )


def _facet(name: str, metadata: Iterable[Any]) -> Any:
    for item in metadata:
        value = _facet(name, item.metadata) if isinstance(item, FieldInfo) else getattr(item, name, None)
        if value is not None:
            return value
    return None
