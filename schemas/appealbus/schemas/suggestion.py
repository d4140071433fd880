"""What to say of a name that nobody knows."""

import difflib
from collections.abc import Iterable


def did_you_mean(written: str, known: Iterable[str], otherwise: str = "") -> str:
    """Say which name was meant, or which names there are.

    Args:
        written: the name that is not known.
        known: the names that are.
        otherwise: what to say where none is near; nothing: the list of all.

    """
    names = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(written.lower(), names, 1)
    if near:
        return f"did you mean {names[near[0]]}?"
    return otherwise or f"write one of {', '.join(names.values()) or 'none'}"
