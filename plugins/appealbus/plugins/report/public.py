"""What of a table may be published: no small number, and none from which one follows by adding and taking away.

In a row that would tell a small number all but the number registered is hidden; where that is small itself, it is
hidden too. The hidden rows together follow from the total, so there are at least two of them, and what they add up to
must be no small number either; else a further row is hidden, the smallest of those that are left. Where all are hidden
and the total still tells one, that is hidden as well. So each number that anybody can add up from one table is nothing,
or at least the smallest that may be told.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from appealbus.plugins.report.row import Row, Table, summed
from appealbus.plugins.report.words import Column

_ALL = frozenset(Column)
_BUT_REGISTERED = _ALL - {Column.REGISTERED}
_PARTS = {
    Column.REGISTERED: (
        (Column.LOCAL,),
        (Column.CONSIDERED,),
        (Column.REDIRECTED,),
        (Column.OPEN,),
        (Column.REPEATS,),
        (Column.EXTENDED,),
        (Column.REVERSED,),
        (Column.REVIEWED,),
    ),
    Column.REVIEWED: ((Column.COMPLETE_BEFORE,),),
    Column.SETTLED: ((Column.FIRST_RIGHT,),),
    Column.LOCAL: ((Column.LAND,),),
    Column.OPEN: ((Column.OVERDUE,),),
    Column.CONSIDERED: (
        (Column.SATISFIED,),
        (Column.REFUSED,),
        (Column.EXPLAINED,),
        (Column.OTHER,),
        (Column.REDIRECTED_CONSIDERED,),
        (Column.LATE,),
        (Column.LAST_TWO_DAYS,),
        (Column.LATE, Column.LAST_TWO_DAYS),
        (Column.SETTLED,),
    ),
}
"""Of what which columns are parts: what is left of the whole without them follows, too."""


def published(table: Table, smallest: int) -> Table:
    """Return the table with what may not be told hidden."""

    def few(row: Row) -> bool:
        return 0 < row.counts[Column.REGISTERED] < smallest

    def tells(row: Row) -> bool:
        return any(0 < number < smallest for number in _numbers(row))

    rows = sorted(table.rows, key=lambda each: (each.counts[Column.REGISTERED], each.key))
    unnamed = _enough(rows, {each.key for each in rows if few(each)}, few)
    hidden = _enough(rows, unnamed | {each.key for each in rows if tells(each)}, tells)
    total = frozenset[Column]()
    if tells(_sum(rows, hidden)):
        total = _BUT_REGISTERED
    if few(_sum(rows, unnamed)):
        total = _ALL
    made = [
        replace(each, hidden=_ALL if each.key in unnamed else _BUT_REGISTERED if each.key in hidden else frozenset())
        for each in table.rows
    ]
    return replace(table, rows=tuple(made), total=replace(table.total, hidden=total))


def _enough(rows: Sequence[Row], hidden: set[str], is_too_much: Callable[[Row], bool]) -> set[str]:
    """Return the keys of what has to be hidden so that the sum of it is not too much: the smallest rows beside it."""
    left = [each.key for each in rows if each.key not in hidden]
    while hidden and left and (len(hidden) == 1 or is_too_much(_sum(rows, hidden))):
        hidden = hidden | {left.pop(0)}
    return hidden


def _sum(rows: Sequence[Row], keys: set[str]) -> Row:
    return summed([each for each in rows if each.key in keys])


def _numbers(row: Row) -> Iterator[int]:
    """Go through the numbers that a row tells, and those that follow from it."""
    yield row.counts[Column.REGISTERED]
    yield row.counts[Column.REPEATS_BEFORE]
    for whole, parts in _PARTS.items():
        for some in parts:
            told = [row.count(each) or 0 for each in some]
            yield from told
            yield row.counts[whole] - sum(told)
