"""What to say of a name that nobody knows."""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

_NAME = re.compile(r"[^\W\d][\w.\-]{0,59}")
_DIGITS = re.compile(r"\d{5}", re.ASCII)


def tellable(name: str) -> str:
    """Return a name of the sender's as it may be told."""
    return name if _NAME.fullmatch(name) and not _DIGITS.search(name) else "*"


@lru_cache(1024)
def nearest(written: str, known: tuple[str, ...]) -> str | None:
    """Return which of these names was meant; None: none is near."""
    names = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(written.lower(), names, 1)
    return names[near[0]] if near else None


def did_you_mean(written: str, known: Iterable[str], otherwise: str = "") -> str:
    """Say which name was meant, or which names there are.

    Args:
        written: the name that is not known.
        known: the names that are.
        otherwise: what to say where none is near; nothing: the list of all.
    """
    names = tuple(sorted(known))
    if near := nearest(written, names):
        return f"did you mean {near}?"
    return otherwise or f"write one of {', '.join(names) or 'none'}"
