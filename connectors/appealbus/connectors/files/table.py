"""Appeals or changes as CSV: a header of paths such as `applicant.iin`, then rows. The separator is `,`, `;` or a tab.

A table with a column `type` holds changes, and each row has the value `change` there.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel

from appealbus.connectors.files.lines import LINE_LIMIT, TextLine
from appealbus.core.config.files import models_at
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.suggestion import did_you_mean

_OF_APPEALS: Mapping[str, str | None] = {"parcels": "cadastral_number", "repeats": None}
_LISTS: Mapping[type[BaseModel], Mapping[str, str | None]] = {
    Appeal: _OF_APPEALS,
    Change: {"removed": None, **{f"corrected.{name}": field for name, field in _OF_APPEALS.items()}},
}
"""Columns with several values, separated by `;`: the element's field that gets each value, if it has fields."""
_NOT_FROM_OUTSIDE = frozenset({"channel", "mentions", "warnings"})

_ROW_LINES = 200_000
"""Lines of a row: as many as the longest text has characters. A stray quote costs them only once."""
_HARMLESS = re.compile(r"(?!.*\d\d)[\w. -]{1,40}")
_TYPE = "type"
_SEPARATORS = (",", ";", "\t")


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


class _BadHeader(Exception):
    """The header is unusable. The text does not quote it where it may be a row of data."""


class _Endless(Exception):
    """A quoted cell that is too long."""


class _Source:
    """Feeds lines to csv.reader and remembers those of the current row."""

    def __init__(self, lines: Iterator[TextLine]) -> None:
        self._lines = lines
        self._again: deque[TextLine] = deque()
        self._size = 0
        self.row: list[TextLine] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.row.append(line)
        self._size += len(line.raw)
        if self._size > LINE_LIMIT or len(self.row) > _ROW_LINES:
            raise _Endless
        return line.text + "\n"

    def start_row(self) -> None:
        self.row, self._size = [], 0

    def give_back(self) -> None:
        """Return all lines of the row but the first, so that a stray quote costs one row and not all that follow."""
        self._again.extendleft(reversed(self.row[1:]))
        self.row = self.row[:1]


def read_table(lines: Iterator[TextLine]) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield for each row its first line's number, then the appeal or change, or the raw row and its problem.

    Nothing is read after a wrong header.
    """
    first = next(lines, None)
    if first is None:
        return
    try:
        separator, header = _header(first)
    except _BadHeader as error:
        yield first.number, first.raw, str(error)
        return
    model: type[Appeal] | type[Change] = Change if _TYPE in header else Appeal
    csv.field_size_limit(LINE_LIMIT)
    source = _Source(lines)
    reader = csv.reader(source, delimiter=separator, strict=True)
    while True:
        source.start_row()
        cells: list[str] = []
        problem = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _Endless):
            problem = "the quotes of the row do not pair up"
        problem = next(filter(None, (line.problem for line in source.row)), problem)
        if problem is None and not any(cell.strip() for cell in cells):
            continue
        if problem is None and len(cells) != len(header):
            problem = f"the row has {len(cells)} cells, the header {len(header)}"
        row = {} if problem else dict(zip(header, cells, strict=True))
        if model is Change and row and row[_TYPE].strip() != "change":
            problem = "the row does not say change in the column type"
        if problem:
            source.give_back()
            yield source.row[0].number, source.row[0].raw, problem
        else:
            document = document_of(row, model)
            yield source.row[0].number, orjson.dumps(document, option=orjson.OPT_SORT_KEYS), None


def _header(line: TextLine) -> tuple[str, list[str]]:
    if line.problem:
        raise _BadHeader(line.problem)
    separator = max(_SEPARATORS, key=line.text.count)
    try:
        header = [cell.strip() for cell in next(csv.reader([line.text], delimiter=separator, strict=True), [])]
    except csv.Error:
        raise _BadHeader("the quotes of the header do not pair up") from None
    columns = known(Change if _TYPE in header else Appeal)
    what = "a change" if _TYPE in header else "an appeal"
    for number, name in enumerate(header, 1):
        if name not in columns:
            hint = did_you_mean(name, columns, "write paths such as kind, text, applicant.iin")
            # Beside a known column it is a header, not a row of data; its words are the sender's own.
            shown = f", {name}," if _HARMLESS.fullmatch(name) and not columns.isdisjoint(header) else ""
            raise _BadHeader(f"column {number} of the header{shown} is no field of {what}; {hint}")
        if name in header[: number - 1]:
            raise _BadHeader(f"column {number} of the header stands there twice")
    if "kind" not in header:
        raise _BadHeader("the header lacks the column kind")
    return separator, header
