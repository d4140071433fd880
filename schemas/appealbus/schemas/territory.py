"""Territories: the oblasts of the cadastre against those of КАТО, and places within others."""

from collections.abc import Iterable
from functools import lru_cache

KATO_OBLASTS = {
    "10": "Абай",
    "11": "Акмолинская",
    "15": "Актюбинская",
    "19": "Алматинская",
    "23": "Атырауская",
    "27": "Западно-Казахстанская",
    "31": "Жамбылская",
    "33": "Жетісу",
    "35": "Карагандинская",
    "39": "Костанайская",
    "43": "Кызылординская",
    "47": "Мангистауская",
    "55": "Павлодарская",
    "59": "Северо-Казахстанская",
    "61": "Туркестанская",
    "62": "Ұлытау",
    "63": "Восточно-Казахстанская",
    "71": "Астана",
    "75": "Алматы",
    "79": "Шымкент",
}
"""First two digits of a КАТО code: oblasts and cities of republican rank."""

# A number keeps the code it was given, so an oblast that was divided since stands for all its parts:
# Шымкент left in 2018, Абай, Жетісу and Ұлытау in 2022.
_OBLASTS_BY_CADASTRE = {
    "01": ("11",),
    "02": ("15",),
    "03": ("19", "33"),
    "04": ("23",),
    "05": ("63", "10"),
    "06": ("31",),
    "08": ("27",),
    "09": ("35", "62"),
    "10": ("43",),
    "12": ("39",),
    "13": ("47",),
    "14": ("55",),
    "15": ("59",),
    "19": ("61", "79"),
    "20": ("75",),
    "21": ("71",),
    "22": ("79",),
}


def cadastral_oblast(cadastral_number: str) -> str:
    """Return the oblast code of a parsed cadastral number. It is the cadastre's own, not КАТО."""
    return cadastral_number[:2]


def kato_oblasts(cadastral_number: str) -> tuple[str, ...]:
    """Return the two-digit КАТО oblasts in which a parsed cadastral number can lie; none for a code we do not know."""
    return _OBLASTS_BY_CADASTRE.get(cadastral_oblast(cadastral_number), ())


def parcel_in_oblast_of(cadastral_number: str, kato: str) -> bool | None:
    """Say whether a parcel can lie in the oblast of a КАТО code, both parsed; None where the number does not tell."""
    oblasts = kato_oblasts(cadastral_number)
    return kato[:2] in oblasts if oblasts else None


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
