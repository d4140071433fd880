"""Dossiers for the tests of assessors."""

from datetime import UTC, datetime
from typing import Any

from appealbus.core import Assessor
from appealbus.core.testing import check_assessor
from appealbus.schemas import Dossier, Signal

NOW = datetime(2026, 2, 16, 10, 0, tzinfo=UTC)
_PROVENANCE = dict.fromkeys(("source", "connector", "plugin", "plugin_version", "purpose", "legal_basis"), "-") | {
    "question_id": "q",
    "asked_at": NOW,
    "observed_at": NOW,
}


def fact(lookup: str, record: dict[str, Any], key: str = "k") -> dict[str, Any]:
    """Return a fact as a dossier has it."""
    return {"lookup": lookup, "key": key, "record": record, "provenance": _PROVENANCE}


def ended(lookup: str, outcome: str, *, code: str = "", **inputs: str) -> dict[str, Any]:
    """Return how a question ended; `inputs` are paths, with `__` for a dot, and the values that came from them."""
    given = [{"name": "x", "value": v, "path": p.replace("__", ".").replace("_each", "[*]")} for p, v in inputs.items()]
    return {"lookup": lookup, "key": "k", "outcome": outcome, "code": code, "inputs": given, "ended_at": NOW}


def dossier(
    applicant: dict[str, Any],
    *facts: dict[str, Any],
    outcomes: list[dict[str, Any]] | None = None,
    **appeal: Any,
) -> Dossier:
    """Return a dossier about an appeal of the applicant."""
    whole = {"message_id": "m", "kind": "application", "applicant": applicant} | appeal
    receipt = {"number": "N", "accepted_at": NOW, "accepted_by": "bus", "message_id": "m", "channel": "files"}
    return Dossier.model_validate(
        {
            "number": "N",
            "version": 1,
            "completeness": "complete",
            "created_at": NOW,
            "receipt": receipt,
            "appeal": whole,
            "facts": facts,
            "outcomes": outcomes or [],
        }
    )


def assessed(assessor: Assessor, about: Dossier) -> list[Signal]:
    """Return what an assessor concludes from a dossier, and see that it holds to what every assessor should."""
    signals = list(assessor.assess(about))
    if signals:
        assert check_assessor(assessor, [about]) == []
    return signals
