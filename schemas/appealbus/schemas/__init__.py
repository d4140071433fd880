"""The language of the bus: appeals, records, outcomes and dossiers as typed models. Imports nothing of ours."""

from appealbus.schemas.address import Address
from appealbus.schemas.appeal import (
    Addressee,
    Appeal,
    AppealForm,
    AppealKind,
    Attachment,
    Language,
    Mention,
    Mentions,
    OrganisationApplicant,
    ParcelReference,
    PersonApplicant,
    Place,
    QuestionCategory,
    Receipt,
    Refusal,
    Representative,
    Written,
)
from appealbus.schemas.change import AnswerResult, Change, ChangeKind, ChangeNote, Correction
from appealbus.schemas.dossier import Completeness, Dossier, Fact, Gap, Input, LookupOutcome
from appealbus.schemas.identifiers import Bin, CadastralNumber, IdentifierError, Iin, Kato, Rka
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.person import Person
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Coded, OtherRecord, Record
from appealbus.schemas.signal import Severity, Signal

__all__ = [
    "Address",
    "Addressee",
    "AnswerResult",
    "Appeal",
    "AppealForm",
    "AppealKind",
    "Attachment",
    "Bin",
    "CadastralNumber",
    "Change",
    "ChangeKind",
    "ChangeNote",
    "Coded",
    "Completeness",
    "Correction",
    "Dossier",
    "Fact",
    "Gap",
    "IdentifierError",
    "Iin",
    "Input",
    "Kato",
    "Language",
    "LookupOutcome",
    "Mention",
    "Mentions",
    "Organisation",
    "OrganisationApplicant",
    "OtherRecord",
    "Outcome",
    "OutcomeKind",
    "Parcel",
    "ParcelReference",
    "Person",
    "PersonApplicant",
    "Place",
    "Provenance",
    "QuestionCategory",
    "Receipt",
    "Record",
    "Refusal",
    "Representative",
    "Rka",
    "Severity",
    "Signal",
    "Written",
]
