"""Appeals or changes as CSV: a header of paths, then rows. The header shows the separator: `,`, `;` or a tab.

A table with a column `type` holds changes, and each row has the value `change` there.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator

import orjson

from appealbus.connectors.files import columns
from appealbus.connectors.files.lines import LINE_LIMIT, TextLine
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.suggestion import did_you_mean

_ROW_LINES = 200_000
"""Lines of a row: as many as the longest text has characters. A stray quote costs them only once."""
_HARMLESS = re.compile(r"(?!.*\d\d)[\w. -]{1,40}")
_TYPE = "type"
_SEPARATORS = (",", ";", "\t")


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
            document = columns.document_of(row, model)
            yield source.row[0].number, orjson.dumps(document, option=orjson.OPT_SORT_KEYS), None


def _header(line: TextLine) -> tuple[str, list[str]]:
    if line.problem:
        raise _BadHeader(line.problem)
    separator = max(_SEPARATORS, key=line.text.count)
    try:
        header = [cell.strip() for cell in next(csv.reader([line.text], delimiter=separator, strict=True), [])]
    except csv.Error:
        raise _BadHeader("the quotes of the header do not pair up") from None
    known = columns.known(Change if _TYPE in header else Appeal)
    what = "a change" if _TYPE in header else "an appeal"
    for number, name in enumerate(header, 1):
        if name not in known:
            hint = did_you_mean(name, known, "write paths such as kind, text, applicant.iin")
            # Beside a known column it is a header, not a row of data; its words are the sender's own.
            shown = f", {name}," if _HARMLESS.fullmatch(name) and not known.isdisjoint(header) else ""
            raise _BadHeader(f"column {number} of the header{shown} is no field of {what}; {hint}")
        if name in header[: number - 1]:
            raise _BadHeader(f"column {number} of the header stands there twice")
    if "kind" not in header:
        raise _BadHeader("the header lacks the column kind")
    return separator, header
