"""Territories by КАТО: nine digits for oblast (2), rayon (2), rural okrug (2), settlement (3)."""

from collections.abc import Iterable
from functools import lru_cache

_LEVELS = (2, 4, 6)
"""Digits that say an oblast, a rayon, an okrug: what comes behind them is zeros in the code of the whole of it."""


def covers(territory: str, place: str) -> bool:
    """Say whether a place is in a territory, or is it: a code that ends in zeros means all below it."""
    return place.startswith(_significant(territory))


def within(places: Iterable[str], place: str | None) -> bool:
    """Say whether a place is in one of these territories; without any, every place is, and none too."""
    some = tuple(places)
    return not some or (place is not None and any(covers(each, place) for each in some))


@lru_cache(maxsize=1024)
def _significant(territory: str) -> str:
    return next((territory[:size] for size in _LEVELS if not territory[size:].strip("0")), territory)
