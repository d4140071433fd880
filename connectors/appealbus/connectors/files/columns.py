"""Columns of a table of appeals or changes: paths into them, such as `applicant.iin`."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from appealbus.core.config.files import models_at
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change

_OF_APPEALS: Mapping[str, str | None] = {"parcels": "cadastral_number", "repeats": None}
_LISTS: Mapping[type[BaseModel], Mapping[str, str | None]] = {
    Appeal: _OF_APPEALS,
    Change: {"removed": None, **{f"corrected.{name}": field for name, field in _OF_APPEALS.items()}},
}
"""Columns with several values, separated by `;`: the element's field that gets each value, if it has fields."""
_NOT_FROM_OUTSIDE = frozenset({"channel", "mentions", "warnings"})


@cache
def known(model: type[BaseModel] = Appeal) -> frozenset[str]:
    return frozenset(_columns(model, "")) | _LISTS[model].keys()


def _columns(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if prefix or name not in _NOT_FROM_OUTSIDE:
            below = models_at(field.annotation, ())
            for inner in below:
                yield from _columns(inner, f"{prefix}{name}.")
            if not below and not _is_list(field.annotation):
                yield f"{prefix}{name}"


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(arg) for arg in get_args(annotation))


def document_of(cells: Mapping[str, str], model: type[BaseModel] = Appeal) -> dict[str, Any]:
    """Build an appeal or a change from the cells of a row. An empty cell is an absent field."""
    document: dict[str, Any] = {}
    for column, cell in cells.items():
        if not cell.strip():
            continue
        value: Any = cell.strip()
        if column in _LISTS[model]:
            values = [item.strip() for item in cell.split(";") if item.strip()]
            field = _LISTS[model][column]
            value = [{field: item} for item in values] if field else values
        *tables, last = column.split(".")
        table = document
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    if model is Appeal:
        _say_who(document)
    return document


def _say_who(appeal: dict[str, Any]) -> None:
    """Fill in the type of the applicant: an organisation if it has fields that only organisations have."""
    applicant = appeal.setdefault("applicant", {})
    if "type" not in applicant:
        organisation = not applicant.keys().isdisjoint(("bin", "organisation_name", "leader_iin", "leader_name"))
        applicant["type"] = "organisation" if organisation else "person"
