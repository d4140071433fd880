"""Existence of parcels, and the addressee's responsibility for their territory."""

from collections.abc import Iterator

from appealbus.plugins.land_rights.messages import signal
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.identifiers import parse_cadastral_number, parse_kato, parse_or_none
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Signal
from appealbus.schemas.territory import KATO_OBLASTS, parcel_in_oblast_of


def parcels_not_found(dossier: Dossier) -> Iterator[Signal]:
    named = _numbers(dossier.appeal)
    for outcome in dossier.outcomes:
        if outcome.lookup == "egkn.parcel" and outcome.outcome is OutcomeKind.NOT_FOUND:
            asked = {parse_or_none(parse_cadastral_number, given.value) for given in outcome.inputs}
            for number, path in named.items():
                if number in asked:
                    yield signal("land.parcel_not_found", number, path)


def parcels_outside(dossier: Dossier) -> Iterator[Signal]:
    """Yield a signal for each parcel in another oblast than the addressee's."""
    addressee = dossier.appeal.addressee
    kato = parse_or_none(parse_kato, addressee.kato) if addressee is not None else None
    # A code of no oblast is that of a body for the whole country.
    if kato is None or kato[:2] not in KATO_OBLASTS:
        return
    for number, path in _numbers(dossier.appeal).items():
        if parcel_in_oblast_of(number, kato) is False:
            yield signal("land.outside_territory", number, "appeal.addressee.kato", path)


def _numbers(appeal: Appeal) -> dict[str, str]:
    """Return the appeal's cadastral numbers, each with its first path."""
    places = [
        (parcel.cadastral_number or "", f"parcels[{i}].cadastral_number") for i, parcel in enumerate(appeal.parcels)
    ]
    mentions = enumerate(appeal.mentions.cadastral_numbers)
    places += [(mention.value, f"mentions.cadastral_numbers[{i}].value") for i, mention in mentions]
    named: dict[str, str] = {}
    for value, path in places:
        number = parse_or_none(parse_cadastral_number, value)
        if number:
            named.setdefault(number, f"appeal.{path}")
    return named
