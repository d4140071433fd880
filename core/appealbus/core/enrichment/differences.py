"""Differences between two records, as paths and kinds; values only on request."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from appealbus.core.planning.paths import within
from appealbus.schemas.record import Record

_MOST = 200
"""Most reported differences: another reading changes some fields, another record all."""
_DEPTH = 50
"""Levels of nesting to compare; deeper values are compared as a whole."""


class How(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs. `path` has `[*]` in place of indexes."""

    path: str
    how: How
    old: Any = None
    new: Any = None


def differences(before: Record, after: Record) -> list[FieldDifference]:
    """Return the first differences, up to the limit."""
    old, new = map(_content, (before, after))
    differing: list[FieldDifference] = []
    for difference in _compared("", old, new, 0):
        differing.append(difference)
        if len(differing) == _MOST:
            break
    return differing


def keeps(before: Record, after: Record, unknown: Collection[str]) -> bool:
    """Whether the new record keeps all information of the old one.

    Changed values of previously unknown fields are no loss. A lost list item is one.
    """
    return _kept("", _content(before), _content(after), unknown)


def _content(record: Record) -> Any:
    return orjson.loads(record.model_dump_json(exclude_none=True, by_alias=False))


def _kept(path: str, old: Any, new: Any, unknown: Collection[str]) -> bool:
    if old == new and type(old) is type(new):
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        inner = {name: f"{path}.{name}" if path else str(name) for name in old}
        return all(name in new and _kept(inner[name], value, new[name], unknown) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        gone, left = _without_common(old, new)
        for item in gone:
            at = next((at for at, other in enumerate(left) if _kept(f"{path}[*]", item, other, unknown)), None)
            if at is None:
                return False
            del left[at]
        return True
    return any(within(path, unread) and "[*]" not in path.removeprefix(unread) for unread in unknown)


def _compared(path: str, old: Any, new: Any, depth: int) -> Iterator[FieldDifference]:
    if old == new and type(old) is type(new):
        return
    if depth < _DEPTH and isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            inner = f"{path}.{name}" if path else str(name)
            if name not in new:
                yield FieldDifference(inner, How.REMOVED, old[name])
            elif name not in old:
                yield FieldDifference(inner, How.ADDED, None, new[name])
            else:
                yield from _compared(inner, old[name], new[name], depth + 1)
    elif depth < _DEPTH and isinstance(old, list) and isinstance(new, list):
        for left, right in zip(old, new, strict=False):
            yield from _compared(f"{path}[*]", left, right, depth + 1)
        for left in old[len(new) :]:
            yield FieldDifference(f"{path}[*]", How.REMOVED, left)
        for right in new[len(old) :]:
            yield FieldDifference(f"{path}[*]", How.ADDED, None, right)
    else:
        yield FieldDifference(path, How.CHANGED, old, new)


def _without_common(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """Leave out what both have: else each of thousands of items that stayed is compared with each."""
    both = [[(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), item) for item in items] for items in (old, new)]
    common = Counter(text for text, _ in both[0]) & Counter(text for text, _ in both[1])
    gone, left = (_after(items, Counter(common)) for items in both)
    return gone, left


def _after(items: list[tuple[bytes, Any]], common: Counter[bytes]) -> list[Any]:
    rest = []
    for text, item in items:
        if common[text]:
            common[text] -= 1
        else:
            rest.append(item)
    return rest
