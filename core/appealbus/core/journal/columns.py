"""What lists, figures and searches need of an appeal, as columns of its row."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from appealbus.core.domain.case import CLOSED, LookupState
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.identifiers import parse_bin, parse_kato, parse_or_none
from appealbus.schemas.signal import Severity

_SPELT = 300
"""Characters of a code with all that stands between its digits."""
_WORST_FIRST = (Severity.CRITICAL.value, Severity.WARNING.value, Severity.INFO.value)


def of_appeal(appeal: Appeal | Mapping[str, Any]) -> dict[str, str | None]:
    """Return what an appeal itself tells; of codes that are malformed nothing.

    Args:
        appeal: the model, or its JSON.

    """
    kind, applicant = _of(appeal, "kind"), _of(appeal, "applicant")
    addressee, place = _of(appeal, "addressee"), _of(appeal, "place")
    body = _code(parse_bin, addressee, "bin")
    return {
        "kind": None if kind is None else str(kind),
        "category": _of(_of(appeal, "category"), "code") or None,
        "place": _code(parse_kato, place, "kato"),
        "addressee": _code(parse_kato, addressee, "kato") if body is None else body,
        "applicant": _of(applicant, "type"),
    }


def worst(severities: Iterable[str]) -> str | None:
    """Return the worst severity, if there is any; one of another release, which nobody here can rank, comes first."""
    there = set(map(str, severities))
    unknown = sorted(there.difference(_WORST_FIRST))
    return next((each for each in (*unknown, *_WORST_FIRST) if each in there), None)


def pending_of(states: Iterable[LookupState]) -> list[str]:
    """Return the names of the lookups that are still open, in order."""
    return sorted({state.lookup for state in states if state.pending and state.code != CLOSED})


def _of(value: Any, name: str) -> Any:
    if value is None:
        return None
    return (value if type(value) is dict else value.__dict__).get(name)


def _code(parse: Callable[[str], str], value: Any, name: str) -> str | None:
    written = _of(value, name)
    return _parsed(parse, written) if written and len(written) <= _SPELT else None


# Of bodies and places there are few.
@lru_cache(maxsize=4096)
def _parsed(parse: Callable[[str], str], written: str) -> str | None:
    return parse_or_none(parse, written)
