"""How well numbers are found in 2,000 texts that somebody has labelled who had not seen the finder."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core.rights.identifiers import spans

_TEXTS: list[dict[str, Any]] = [
    orjson.loads(line) for line in (Path(__file__).parent / "labelled" / "texts.jsonl").read_bytes().splitlines()
]
_HOLDERS = ("iin", "bin")


def _found(text: str, kinds: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the places that are hidden, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans(text, kinds)):
        before = merged.pop() if merged and start < merged[-1][1] else (start, end)
        merged.append((before[0], max(before[1], end)))
    return merged


def _counts(kinds: tuple[str, ...], texts: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """Return how many labels there are, how many are hidden whole, how many places are, and how many rightly."""
    labels = hidden = places = right = 0
    for each in texts:
        its = [(start, end) for start, end, kind in each["spans"] if kind in kinds]
        found = _found(each["text"], _HOLDERS if kinds[0] in _HOLDERS else kinds)
        labels += len(its)
        hidden += sum(any(first <= start and end <= last for first, last in found) for start, end in its)
        places += len(found)
        right += sum(any(start < last and first < end for start, end in its) for first, last in found)
    return labels, hidden, places, right


@pytest.mark.parametrize("kinds", [("iin",), ("bin",), ("cadastral_number",)])
def test_nearly_all_is_found(kinds: tuple[str, ...]) -> None:
    """Of the numbers of each kind 98 of 100 are hidden, from the first digit to the last."""
    labels, hidden, _, _ = _counts(kinds, _TEXTS)
    assert labels >= 250
    assert hidden >= 0.98 * labels, (hidden, labels)


@pytest.mark.parametrize("kinds", [_HOLDERS, ("cadastral_number",)])
def test_little_else_is_hidden(kinds: tuple[str, ...]) -> None:
    """Of the places that a mask with the kind hides 99 of 100 are such numbers."""
    _, _, places, right = _counts(kinds, _TEXTS)
    assert right >= 0.99 * places, (right, places)


def test_the_half_that_the_finder_was_not_made_with() -> None:
    """The same holds of the even lines alone, which nobody looked at."""
    counts = [_counts(kinds, _TEXTS[1::2]) for kinds in (_HOLDERS, ("cadastral_number",))]
    labels, hidden, places, right = (sum(each) for each in zip(*counts, strict=True))
    assert hidden >= 0.98 * labels, counts
    assert right >= 0.99 * places, counts
