"""Disclosure control for published tables: no small number, and none that follows by addition or subtraction.

A row with a small number keeps only the number registered, or nothing if that is small too. The sum of hidden rows
follows from the total, so at least two rows are hidden, and their sums must not be small; otherwise the smallest
remaining row is hidden too. If all rows are hidden and the total still reveals a small number, the total is hidden as
well. So each number that can be derived from one table is zero, or at least the threshold.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from appealbus.plugins.report.row import SHARE_OF, Row, Table, summed
from appealbus.plugins.report.words import Column

_ALL = frozenset(Column)
_BUT_REGISTERED = _ALL - {Column.REGISTERED}
_TOGETHER = (Column.LATE, Column.LAST_TWO_DAYS)
"""Parts of *considered* that exclude each other."""


def published(table: Table, smallest: int) -> Table:
    def few(row: Row) -> bool:
        return 0 < row.counts[Column.REGISTERED] < smallest

    def tells(row: Row) -> bool:
        return any(0 < number < smallest for number in _numbers(row))

    rows = sorted(table.rows, key=lambda row: (row.counts[Column.REGISTERED], row.key))
    unnamed = _enough(rows, {row.key for row in rows if few(row)}, few)
    hidden = _enough(rows, unnamed | {row.key for row in rows if tells(row)}, tells)
    total = frozenset[Column]()
    if tells(_sum(rows, hidden)):
        total = _BUT_REGISTERED
    if few(_sum(rows, unnamed)):
        total = _ALL
    made = [
        replace(row, hidden=_ALL if row.key in unnamed else _BUT_REGISTERED if row.key in hidden else frozenset())
        for row in table.rows
    ]
    return replace(table, rows=tuple(made), total=replace(table.total, hidden=total))


def _enough(rows: Sequence[Row], hidden: set[str], is_too_much: Callable[[Row], bool]) -> set[str]:
    """Hide further rows, the smallest first, until the sum of the hidden ones reveals nothing."""
    left = [row.key for row in rows if row.key not in hidden]
    while hidden and left and (len(hidden) == 1 or is_too_much(_sum(rows, hidden))):
        hidden = hidden | {left.pop(0)}
    return hidden


def _sum(rows: Sequence[Row], keys: set[str]) -> Row:
    return summed([row for row in rows if row.key in keys])


def _numbers(row: Row) -> Iterator[int]:
    yield row.counts[Column.REGISTERED]
    yield row.counts[Column.REPEATS_BEFORE]
    for part, whole in SHARE_OF.items():
        yield from _split(row, whole, part)
    yield from _split(row, Column.CONSIDERED, *_TOGETHER)


def _split(row: Row, whole: Column, *parts: Column) -> Iterator[int]:
    """Yield the parts of a whole, and what is left of it: the remainder follows from its parts."""
    counts = [row.count(part) or 0 for part in parts]
    yield from counts
    yield row.counts[whole] - sum(counts)
