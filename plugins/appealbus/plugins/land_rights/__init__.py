"""Land rights: the applicant's rights to the land of the appeal, and its encumbrances."""

from collections.abc import Iterator

from appealbus.core import Assessor, hookimpl, records
from appealbus.plugins.land_rights.applicant_rights import ApplicantRights
from appealbus.plugins.land_rights.burdens import burdens
from appealbus.plugins.land_rights.territory import parcels_not_found, parcels_outside
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.signal import Signal


class LandRights(Assessor):
    """Checks every parcel of the appeal. No signal about rights while a relevant register has not answered."""

    name = "land_rights"
    reads = (
        *("egkn.parcel/rights", "egkn.parcel/encumbrances", "gbdfl.person/iin"),
        *("gbdul.organisation/leader", "gbdul.right_holder/leader"),
    )

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        holding = ApplicantRights(dossier)
        for at, parcel in records(dossier, "egkn.parcel", Parcel):
            yield from holding.signals(parcel, at)
            yield from burdens(parcel, at)
        yield from parcels_not_found(dossier)
        yield from parcels_outside(dossier)


@hookimpl
def register_assessors() -> list[Assessor]:
    return [LandRights()]
