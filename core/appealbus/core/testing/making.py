"""Appeals and dossiers for tests, with default values except for what the test needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from appealbus.core.clocks import wall
from appealbus.core.preparation.extraction import prepare
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.dossier import Completeness, Dossier, Fact, LookupOutcome
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record

Records: TypeAlias = Mapping[str, Record | Sequence[Record]]
"""Records by lookup name: one, or several if the lookup fans out."""

NUMBER = "TEST-1"


def appeal(**fields: Any) -> Appeal:
    """Return an appeal with these fields, prepared as the bus does at intake: mentions found, identifiers checked.

    The applicant is a person unless `applicant` says otherwise.
    """
    applicant = {"type": "person", **fields.pop("applicant", {})}
    given = {"message_id": "test", "kind": "application", "applicant": applicant, **fields}
    return prepare(Appeal.model_validate(given))


def listed(records: Records) -> dict[str, list[Record]]:
    return {name: [given] if isinstance(given, Record) else list(given) for name, given in records.items()}


def dossier(about: Appeal, records: Records, *, ended: Mapping[str, OutcomeKind] | None = None) -> Dossier:
    """Return a dossier for an assessor.

    Args:
        about: the appeal.
        records: what was found. Several records of one lookup have the keys `0`, `1` …
        ended: lookups that found nothing, and how each ended.
    """
    now = wall()
    facts = [
        Fact(lookup=name, key=str(i), record=record, provenance=_provenance(name, now))
        for name, given in listed(records).items()
        for i, record in enumerate(given)
    ]
    outcomes = [(fact.lookup, fact.key, OutcomeKind.FOUND) for fact in facts]
    outcomes += [(name, "0", kind) for name, kind in (ended or {}).items()]
    return Dossier(
        number=NUMBER,
        version=1,
        completeness=Completeness.COMPLETE,
        created_at=now,
        receipt=receipt(about),
        appeal=about,
        facts=facts,
        outcomes=[LookupOutcome(lookup=name, key=key, outcome=kind, ended_at=now) for name, key, kind in outcomes],
    )


def receipt(about: Appeal) -> Receipt:
    return Receipt(
        number=NUMBER, accepted_at=wall(), accepted_by="test", message_id=about.message_id, channel=about.channel
    )


def _provenance(lookup: str, at: datetime) -> Provenance:
    source = lookup.partition(".")[0]
    return Provenance(
        source=source,
        connector="scripted",
        plugin=source,
        plugin_version="0",
        purpose="a test",
        legal_basis="a test",
        question_id="test",
        asked_at=at,
        observed_at=at,
    )
