"""Fields of appeals and records, and their provenance, in the reader's language."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from appealbus.core.language.reader import Reader
from appealbus.schemas.appeal import Warning
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Coded


def rows_of(model: BaseModel, to: Reader | None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a row per field; a dictionary value is one row, as is a field in both languages."""
    fields = {**{name: getattr(model, name) for name in type(model).model_fields}, **(model.__pydantic_extra__ or {})}
    if isinstance(model, Warning) and to is not None:
        fields["message"] = to.reason(model.code, model.message)
    for name, value in fields.items():
        stem, _, tail = name.rpartition("_")
        twin = fields.get(f"{stem}_{'kk' if tail == 'ru' else 'ru'}") if tail in ("ru", "kk") else None
        if not (twin and to is not None and tail != to.suffix):
            yield from value_rows(value, f"{prefix}{name}", to)


def value_rows(value: Any, path: str, to: Reader | None) -> Iterator[tuple[str, str]]:
    """Yield rows for a value and its parts; without a reader in the form for programs."""
    match value:
        case None | "":
            return
        case Coded():
            name = (value.name_kk if to is not None and to.suffix == "kk" else None) or value.name_ru or value.name_kk
            yield path, f"{name} [{value.code}]" if name else value.code
        case BaseModel():
            yield from rows_of(value, to, f"{path}.")
        case list():
            for i, item in enumerate(value):
                yield from value_rows(item, f"{path}[{i}]", to)
        case dict():
            for key, item in value.items():
                yield from value_rows(item, f"{path}.{key}", to)
        case _:
            yield path, str(value) if to is None else to.value(value)


def trail_name(name: str, to: Reader) -> str:
    kind, _, rest = name.partition(" ")
    return to.say("input {name}", name=to.field(rest)) if kind == "input" and rest else to.field(name)


def trail_value(name: str, value: str, trail: Mapping[str, str], to: Reader) -> str:
    """Translate a value of the provenance: a time, the kind of an outcome, or its reason by its code."""
    if name == "outcome":
        return to.word(OutcomeKind.stored(value))
    if name == "purpose":
        return to.purpose(value)
    if name == "reason":
        return to.reason(trail.get("code", ""), value)
    if name.endswith(("_at", "_until")):
        with contextlib.suppress(ValueError):
            return to.moment(datetime.fromisoformat(value))
    own = {
        "never by itself": to.say("never by itself"),
        "an earlier version told it": to.say("an earlier version told it"),
        "the appeal itself": to.say("the appeal itself"),
    }
    return own.get(value, value)
