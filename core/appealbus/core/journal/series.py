"""The numbers that the bus gives: a series for each year, and a new one after each restore."""

import re


def of(prefix: str, year: int, epoch: int) -> str:
    """Return what the numbers of a series begin with: `AB-2026`, and `AB-2026-2` once the journal was restored."""
    return f"{prefix}-{year}" if epoch == 1 else f"{prefix}-{year}-{epoch}"


def numbered(series: str, value: int) -> str:
    """Return the number in a series."""
    return f"{series}-{value:08d}"


def is_own(number: str, prefix: str) -> bool:
    """Return whether the bus might give this number, in whatever year or epoch: nobody else may."""
    return re.fullmatch(rf"{re.escape(prefix)}-\d{{4,}}(-\d+)?-\d{{8,}}", number, re.ASCII) is not None
