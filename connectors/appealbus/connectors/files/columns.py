"""The columns that a table of appeals may have: paths into the appeal, such as `applicant.iin`."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from appealbus.core.config.problems import models_at
from appealbus.schemas.appeal import Appeal

LISTS: Mapping[str, str | None] = {"parcels": "cadastral_number", "repeats": None}
"""Columns with several values, separated by `;`: the field of the element that takes each, if it has fields."""
_NOT_FROM_OUTSIDE = frozenset({"channel", "mentions", "warnings"})


@cache
def known() -> frozenset[str]:
    """Return all columns."""
    return frozenset(_columns(Appeal, "")) | LISTS.keys()


def _columns(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if prefix or name not in _NOT_FROM_OUTSIDE:
            below = models_at(field.annotation, ())
            for each in below:
                yield from _columns(each, f"{prefix}{name}.")
            if not below and not _is_list(field.annotation):
                yield f"{prefix}{name}"


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(arg) for arg in get_args(annotation))


def appeal_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Build an appeal from the cells of a row. An empty cell is an absent field."""
    appeal: dict[str, Any] = {}
    for column, cell in cells.items():
        if not cell.strip():
            continue
        if column in LISTS:
            values = [value.strip() for value in cell.split(";") if value.strip()]
            field = LISTS[column]
            appeal[column] = [{field: value} for value in values] if field else values
        else:
            *tables, last = column.split(".")
            table = appeal
            for name in tables:
                table = table.setdefault(name, {})
            table[last] = cell.strip()
    _say_who(appeal)
    return appeal


def _say_who(appeal: dict[str, Any]) -> None:
    """Fill in the type of the applicant: an organisation is one that gives what only organisations have."""
    applicant = appeal.setdefault("applicant", {})
    if "type" not in applicant:
        organisation = not applicant.keys().isdisjoint(("bin", "organisation_name", "leader_iin", "leader_name"))
        applicant["type"] = "organisation" if organisation else "person"
