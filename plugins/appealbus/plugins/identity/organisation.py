"""An organisation as applicant, compared with ГБД ЮЛ."""

from collections.abc import Iterator
from datetime import date

from appealbus.core import records
from appealbus.core.clocks import day_of
from appealbus.core.replies.names import Likeness, compare, normalised, spelling
from appealbus.plugins.identity.messages import signal
from appealbus.schemas.appeal import OrganisationApplicant
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.identifiers import parse_bin, parse_iin, parse_or_none
from appealbus.schemas.organisation import Leader, Organisation
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Signal


def organisation_signals(applicant: OrganisationApplicant, dossier: Dossier) -> Iterator[Signal]:
    for at, organisation in records(dossier, "gbdul.organisation", Organisation):
        if organisation.bin == parse_or_none(parse_bin, applicant.bin):
            if organisation.liquidated_on is not None:
                yield signal("identity.organisation_liquidated", "appeal.applicant.bin", f"{at}liquidated_on")
            if organisation.leader is not None:
                today = day_of(dossier.receipt.accepted_at)
                yield from _leader(applicant, organisation.leader, f"{at}leader", today)
    for outcome in dossier.outcomes:
        asked = any(given.path == "applicant.bin" for given in outcome.inputs)
        if outcome.lookup == "gbdul.organisation" and outcome.outcome is OutcomeKind.NOT_FOUND and asked:
            yield signal("identity.organisation_not_found", "appeal.applicant.bin")


def _leader(applicant: OrganisationApplicant, leader: Leader, at: str, today: date) -> Iterator[Signal]:
    if leader.until is not None and leader.until < today:
        yield signal("identity.leader_left", f"{at}.until")
        return
    signed_by = parse_or_none(parse_iin, applicant.leader_iin)
    if signed_by and leader.iin:
        code = "identity.leader_confirmed" if signed_by == leader.iin else "identity.leader_differs"
        yield signal(code, "appeal.applicant.leader_iin", f"{at}.iin")
    elif applicant.leader_name and leader.surname:
        named = _named(applicant.leader_name, leader.surname, leader.name)
        code = "identity.leader_confirmed" if named else "identity.leader_differs"
        yield signal(code, "appeal.applicant.leader_name", f"{at}.surname", f"{at}.name")


def _named(full_name: str, surname: str, name: str | None) -> bool:
    """Whether a full name, in any order and perhaps with initials, has this surname and name."""
    if spelling(surname) not in spelling(full_name):
        return False
    surname_parts = {spelling(part) for part in normalised(surname).split()}
    others = [part for part in normalised(full_name).split() if spelling(part) not in surname_parts]
    return not name or any(compare(part, name) is not Likeness.DIFFERENT for part in others)
