"""The statutory terms of answering, by kind of appeal, as the register of appeals applies them."""

from dataclasses import dataclass

from appealbus.schemas.appeal import AppealKind


@dataclass(frozen=True, slots=True)
class Term:
    """How long an answer may take; the day of registration is day 1."""

    days: int
    working: bool
    """Whether working days are counted, or days of the calendar."""


TERMS = {
    AppealKind.COMPLAINT: Term(20, working=True),
    AppealKind.TAX_COMPLAINT: Term(30, working=True),
    AppealKind.MONITORED_TAX_COMPLAINT: Term(45, working=True),
    AppealKind.SERVICE_COMPLAINT: Term(5, working=True),
    AppealKind.INQUIRY: Term(15, working=True),
    AppealKind.NOTARY_INQUIRY: Term(10, working=False),
    AppealKind.DECLASSIFICATION_INQUIRY: Term(30, working=False),
    AppealKind.LAWYER_INQUIRY: Term(10, working=True),
    AppealKind.INFORMATION_INQUIRY: Term(15, working=False),
    AppealKind.MEDIA_INQUIRY: Term(7, working=True),
    AppealKind.BAILIFF_INQUIRY: Term(3, working=True),
    AppealKind.APPLICATION: Term(15, working=True),
    AppealKind.REHABILITATION_APPLICATION: Term(90, working=False),
    AppealKind.RESPONSE: Term(15, working=True),
    AppealKind.PROPOSAL: Term(15, working=True),
    AppealKind.REPORT: Term(15, working=True),
}
