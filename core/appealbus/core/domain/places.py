"""Territories by КАТО: nine digits for oblast (2), rayon (2), rural okrug (2), settlement (3)."""

from collections.abc import Iterable
from functools import lru_cache

_LEVELS = (2, 4, 6)
"""Lengths of the prefixes for oblast, rayon and okrug; a whole one is padded with zeros."""


def covers(territory: str, place: str) -> bool:
    """Whether a territory contains or equals a place; a code ending in zeros covers all below it."""
    return place.startswith(_significant(territory))


def within(places: Iterable[str], place: str | None) -> bool:
    """Whether a place is in one of the territories; without territories always true, even for None."""
    some = tuple(places)
    return not some or (place is not None and any(covers(prefix, place) for prefix in some))


@lru_cache(maxsize=1024)
def _significant(territory: str) -> str:
    return next((territory[:size] for size in _LEVELS if not territory[size:].strip("0")), territory)
