"""The region of an appeal, by which receivers choose dossiers.

For another country, change `region_of`.
"""

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.identifiers import parse_cadastral_number, parse_kato, parse_or_none
from appealbus.schemas.territory import KATO_OBLASTS, kato_oblasts

UNKNOWN = "00"
"""The appeal names no region, or several."""
OF_REGION = (
    *(("appeal", (name,)) for name in ("addressee", "place", "parcels")),
    ("appeal", ("mentions", "cadastral_numbers")),
)


def region_of(appeal: Appeal) -> str:
    """Return the two-digit КАТО code of the oblast: of the addressee, else the place, else all parcels.

    A cadastral number valid in several oblasts counts only together with others, to reach no wrong region.
    """
    for kato in (appeal.addressee and appeal.addressee.kato, appeal.place and appeal.place.kato):
        oblast = _oblast(kato) if kato else None
        if oblast:
            return oblast
    numbers = [parcel.cadastral_number or "" for parcel in appeal.parcels]
    numbers += [mention.value for mention in appeal.mentions.cadastral_numbers]
    possible = [set(oblasts) for oblasts in map(_oblasts_of_parcel, numbers) if oblasts]
    common = set.intersection(*possible) if possible else set()
    return common.pop() if len(common) == 1 else UNKNOWN


def _oblast(kato: str) -> str | None:
    oblast = (parse_or_none(parse_kato, kato) or "")[:2]
    return oblast if oblast in KATO_OBLASTS else None


def _oblasts_of_parcel(cadastral_number: str) -> tuple[str, ...]:
    number = parse_or_none(parse_cadastral_number, cadastral_number)
    return kato_oblasts(number) if number is not None else ()
