"""Rights of the applicant, or of an organisation they lead, to a parcel."""

from collections.abc import Iterator

from appealbus.core import records
from appealbus.core.clocks import day_of
from appealbus.plugins.land_rights.messages import signal
from appealbus.schemas.appeal import PersonApplicant
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.identifiers import parse_bin, parse_iin, parse_or_none
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.person import Person
from appealbus.schemas.signal import Signal

_ORGANISATIONS = ("gbdul.right_holder", "gbdul.organisation")


class ApplicantRights:
    def __init__(self, dossier: Dossier) -> None:
        self.iin, self.bin, self.applicant = _applicant(dossier)
        today = day_of(dossier.receipt.accepted_at)
        self.leaders: dict[str, tuple[str, str]] = {}
        """By БИН of organisations with a known leader in office: the leader's ИИН, and its path."""
        for lookup in _ORGANISATIONS:
            for at, organisation in records(dossier, lookup, Organisation):
                leader = organisation.leader
                left = leader is not None and leader.until is not None and leader.until < today
                if leader is not None and leader.iin and not left:
                    self.leaders.setdefault(organisation.bin, (leader.iin, f"{at}leader.iin"))
        self.unknown = {
            given.value
            for outcome in dossier.outcomes
            if outcome.lookup in _ORGANISATIONS and outcome.outcome is OutcomeKind.NOT_FOUND
            for given in outcome.inputs
        }

    def signals(self, parcel: Parcel, at: str) -> Iterator[Signal]:
        """Yield the applicant's relation to the parcel; nothing if it is uncertain."""
        if not parcel.rights:
            yield signal("land.no_rights_registered", parcel.cadastral_number, f"{at}rights")
            return
        if self.iin is None and self.bin is None:
            return
        held, certain = [], True
        for index, right in enumerate(parcel.rights):
            holder, path = right.holder, f"{at}rights[{index}].holder"
            if holder.iin and holder.iin == self.iin:
                held.append(signal("land.holds_right", parcel.cadastral_number, self.applicant, f"{path}.iin"))
            elif holder.bin and holder.bin == self.bin:
                held.append(signal("land.holds_right", parcel.cadastral_number, self.applicant, f"{path}.bin"))
            elif holder.bin and self.iin:
                leader, leader_path = self.leaders.get(holder.bin, (None, ""))
                if leader == self.iin:
                    fields = (self.applicant, f"{path}.bin", leader_path)
                    held.append(signal("land.leads_holder", parcel.cadastral_number, *fields))
                certain = certain and (leader is not None or holder.bin in self.unknown)
            else:
                certain = certain and bool(holder.iin or holder.bin)
        yield from held
        if not held and certain:
            yield signal("land.no_right", parcel.cadastral_number, self.applicant, f"{at}rights")


def _applicant(dossier: Dossier) -> tuple[str | None, str | None, str]:
    applicant = dossier.appeal.applicant
    if applicant is None:
        return None, None, ""
    if not isinstance(applicant, PersonApplicant):
        return None, parse_or_none(parse_bin, applicant.bin), "appeal.applicant.bin"
    written = parse_or_none(parse_iin, applicant.iin)
    if written is not None:
        return written, None, "appeal.applicant.iin"
    for at, person in records(dossier, "gbdfl.person", Person):
        return person.iin, None, f"{at}iin"
    return None, None, ""
