"""Encumbrances of a parcel."""

from collections.abc import Iterator

from appealbus.plugins.land_rights.messages import signal
from appealbus.schemas.parcel import Encumbrance, Parcel
from appealbus.schemas.signal import Signal

# The dictionary of kinds is not published, so the register's words decide; what they do not tell is no less a burden.
_WORDS = {"land.arrest": ("арест", "тыйым сал"), "land.pledge": ("залог", "ипотек", "кепіл")}


def burdens(parcel: Parcel, at: str) -> Iterator[Signal]:
    for index, encumbrance in enumerate(parcel.encumbrances):
        yield signal(_code(encumbrance), parcel.cadastral_number, f"{at}encumbrances[{index}].kind")


def _code(encumbrance: Encumbrance) -> str:
    names = f"{encumbrance.kind.name_ru or ''} {encumbrance.kind.name_kk or ''}".casefold()
    return next((code for code, words in _WORDS.items() if any(word in names for word in words)), "land.encumbrance")
