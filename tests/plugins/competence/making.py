"""Tables of bodies for tests."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from appealbus.plugins.competence import Competence
from appealbus.plugins.competence.rows import Row
from appealbus.plugins.competence.settings import BodySettings
from appealbus.plugins.competence.table import Table
from appealbus.schemas.identifiers import control_digit

NUMBERS = [
    f"{first}{control_digit(first)}"
    for first in (f"2107400{number:04}" for number in range(400))
    if control_digit(first) is not None
]
"""БИН of made-up bodies."""
A, B, C, D, E = NUMBERS[:5]


def bins(count: int) -> list[str]:
    """Return as many БИН, all different."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        first = f"21{number // 100000 % 12 + 1:02}40{number % 100000:05}"
        digit = control_digit(first)
        found += [] if digit is None else [f"{first}{digit}"]
        number += 1
    return found


def body(id_: str, bin_: str, categories: list[str], territory: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Return a row as it is written; its body is called after its БИН."""
    names = {"name_ru": f"Орган {bin_}", "name_kk": f"{bin_} органы"}
    return {"id": id_, "bin": bin_, "categories": categories, "territory": territory or []} | names | more


def table(*rows: Mapping[str, Any]) -> Table:
    """Return a table of rows."""
    return Table.of(Row.of(BodySettings.model_validate(row)) for row in rows)


def competence(*rows: Mapping[str, Any]) -> Competence:
    """Return the assessor over a table of rows."""
    return Competence(table(*rows))


def write(file: Path, *rows: Mapping[str, Any]) -> Path:
    """Write a table into a file: a line for each key that is not empty."""
    text = "".join(
        "[[bodies]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in row.items() if value != [])
        for row in rows
    )
    file.write_text(text, encoding="utf-8")
    return file


def _toml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace("'", '"') if isinstance(value, list) else f'"{value}"'
