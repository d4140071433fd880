"""Rows of an export: JSON Lines, or CSV with stable columns."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.shapes import ModelOf, OneOf, Scalar, Shape, fields_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters of a cell that a spreadsheet takes for a formula."""
_OF_DOSSIER = ("position", "id", "number", "version", "epoch", "completeness", "created_at")
LOG_COLUMNS = ("position", "at", "what", "number", "actor", "about", "detail")


def _scalars(model: type[Model], prefix: str = "") -> list[str]:
    names: dict[str, None] = {}
    for field in fields_of(model):
        names |= dict.fromkeys(_below(field.shape, f"{prefix}{field.name}"))
    return list(names)


def _below(shape: Shape, path: str) -> list[str]:
    match shape:
        case Scalar():
            return [path]
        case ModelOf():
            return _scalars(shape.model, f"{path}.")
        case OneOf():
            return [f"{path}.type", *(scalar for _, model in shape.models for scalar in _scalars(model, f"{path}."))]
        case _:
            return []


_APPEAL = [scalar for scalar in _scalars(Appeal) if scalar not in ("schema_version", "number")]
DOSSIER_COLUMNS = (*_OF_DOSSIER, *(f"appeal.{name}" for name in _APPEAL), "found", "missing", "signals")
"""Scalar fields of an appeal; of lists, the found records, the gaps and the signals."""


def dossier_row(row: Mapping[str, Any]) -> list[Any]:
    document = row["dossier"]
    cells = [row.get(name, document.get(name)) for name in _OF_DOSSIER]
    cells += [_at(document.get("appeal"), path) for path in _APPEAL]
    cells.append(" ".join(fact["lookup"] for fact in document.get("facts", ())))
    cells.append(" ".join(f"{gap['lookup']}:{gap['outcome']}" for gap in document.get("gaps", ())))
    cells.append(" ".join(signal["code"] for signal in document.get("signals", ())))
    return cells


def log_row(row: Mapping[str, Any]) -> list[Any]:
    return [orjson.dumps(row[name]).decode() if name == "detail" else row[name] for name in LOG_COLUMNS]


def as_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, with formulas neutralized."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def as_lines(rows: Sequence[Any]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
