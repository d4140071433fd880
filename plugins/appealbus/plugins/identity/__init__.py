"""Identity: compares the applicant as given in the appeal with the registers."""

from collections.abc import Iterator

from appealbus.core import Assessor, hookimpl
from appealbus.plugins.identity.organisation import organisation_signals
from appealbus.plugins.identity.person import person_signals
from appealbus.schemas.appeal import PersonApplicant
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal

_WHO = ("iin", "surname", "name", "patronymic", "birth_date")


class Identity(Assessor):
    """Compares names and dates; signals death, a missing person, incapacity and invalid documents."""

    name = "identity"
    reads = (
        *(f"{lookup}/{name}" for lookup in ("gbdfl.person", "gbdfl.mentioned_person") for name in _WHO),
        *(f"gbdfl.person/{name}" for name in ("life_status", "death_date", "incapable_since", "missing_since")),
        *("gbdfl.person/documents", "gbdfl.person/excluded", "gbdul.organisation/bin"),
        *("gbdul.organisation/liquidated_on", "gbdul.organisation/leader"),
    )

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        applicant = dossier.appeal.applicant
        if isinstance(applicant, PersonApplicant):
            yield from person_signals(applicant, dossier)
        elif applicant is not None:
            yield from organisation_signals(applicant, dossier)


@hookimpl
def register_assessors() -> list[Assessor]:
    return [Identity()]
