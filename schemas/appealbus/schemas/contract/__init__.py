"""The contract with other systems, appeal, change, receipt, refusal, dossier, surge: schemas made of the models.

`python -m appealbus.schemas.contract` writes the files next to this module; a test fails when they drift.
"""

from pathlib import Path

from appealbus.schemas.appeal import Appeal, Receipt, Refusal
from appealbus.schemas.change import Change
from appealbus.schemas.contract.json_schema import json_only, json_schema
from appealbus.schemas.contract.xsd import xsd
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.surge import PossibleSurge, SharedBy, Surge, SurgePart
from appealbus.schemas.xml import APPEAL_NS, CHANGE_NS, DOSSIER_NS, POSSIBLE_SURGE_NS, RECEIPT_NS, REFUSAL_NS, SURGE_NS

FOLDER = Path(__file__).parent


def documents() -> dict[str, bytes]:
    """Return the contract by file name, generated anew from the models."""
    return {
        "appeal.schema.json": json_schema(Appeal, APPEAL_NS),
        "appeal.xsd": xsd(Appeal, APPEAL_NS),
        "change.schema.json": json_schema(Change, CHANGE_NS),
        "change.xsd": xsd(Change, CHANGE_NS, skip="type"),
        "dossier.schema.json": json_schema(Dossier, DOSSIER_NS),
        "dossier.xsd": xsd(Dossier, DOSSIER_NS),
        "possible-surge.schema.json": json_only(PossibleSurge, POSSIBLE_SURGE_NS, SurgePart, SharedBy),
        "receipt.schema.json": json_schema(Receipt, RECEIPT_NS),
        "receipt.xsd": xsd(Receipt, RECEIPT_NS),
        "refusal.schema.json": json_schema(Refusal, REFUSAL_NS),
        "refusal.xsd": xsd(Refusal, REFUSAL_NS),
        "surge.schema.json": json_only(Surge, SURGE_NS, SurgePart, SharedBy),
    }
