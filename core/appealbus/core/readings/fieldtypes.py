"""Derives a field's treatment from its type: required, list, date, coded value, nested model."""

import types
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appealbus.schemas.record import Coded

_ALIASES: dict[Any, type] = {
    pydantic.AwareDatetime: datetime,
    pydantic.NaiveDatetime: datetime,
    pydantic.PastDatetime: datetime,
    pydantic.FutureDatetime: datetime,
    pydantic.PastDate: date,
    pydantic.FutureDate: date,
}


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field's type.

    Attributes:
        needed: required for the record.
        each: a list of these.
        scalar: type of a single value: str, date, Decimal …; None for models and open content.
        open: any JSON.
    """

    needed: bool
    each: bool
    scalar: type | None = None
    model: type[BaseModel] | None = None
    open: bool = False

    @property
    def coded(self) -> bool:
        """Whether it is a dictionary value of a register."""
        return self.model is Coded


def field_type(field: FieldInfo) -> FieldType | None:
    """Analyse a field's type; None if unsupported, such as a union of models."""
    inner, repeated = _unwrapped(field.annotation)
    needed = field.is_required()
    if inner is Any or inner is pydantic.JsonValue or get_origin(inner) is dict:
        return FieldType(needed, repeated, open=True)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return FieldType(needed, repeated, model=inner)
    scalar = _scalar(inner)
    return None if scalar is None else FieldType(needed, repeated, scalar)


def _scalar(inner: Any) -> type | None:
    if inner in _ALIASES:
        return _ALIASES[inner]
    if get_origin(inner) is Literal:
        return str if all(isinstance(word, str) for word in get_args(inner)) else None
    if not isinstance(inner, type):
        return None
    known = (bool, int, float, Decimal, datetime, date, str)
    return str if issubclass(inner, Enum) else next((one for one in known if issubclass(inner, one)), None)


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """Unwrap Annotated, Optional and list; return also whether there was a list."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if origin in (list, tuple, set, frozenset):
        inner = [argument for argument in get_args(annotation) if argument is not Ellipsis]
        within, nested = _unwrapped(inner[0]) if len(inner) == 1 else (None, False)
        return (None if nested else within, True)
    if origin in (Union, types.UnionType):
        inside = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _unwrapped(inside[0]) if len(inside) == 1 else (None, False)
    return annotation, False
