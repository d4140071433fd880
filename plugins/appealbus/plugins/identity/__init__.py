"""Whether the applicant is who they say they are: the appeal's own words against the registers."""

from collections.abc import Iterator

from appealbus.core import Assessor, hookimpl
from appealbus.plugins.identity.organisation import organisation_signals
from appealbus.plugins.identity.person import person_signals
from appealbus.schemas.appeal import PersonApplicant
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal


class Identity(Assessor):
    """Compares names and dates; says who is dead, missing or without legal capacity, and which document is no good."""

    name = "identity"

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        """Return what follows for the applicant, a person or an organisation."""
        applicant = dossier.appeal.applicant
        if isinstance(applicant, PersonApplicant):
            yield from person_signals(applicant, dossier)
        elif applicant is not None:
            yield from organisation_signals(applicant, dossier)


@hookimpl
def register_assessors() -> list[Assessor]:
    """Bring the assessor."""
    return [Identity()]
