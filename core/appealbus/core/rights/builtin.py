"""Defaults that apply unless a policy says otherwise."""

from appealbus.core.domain.client import Role
from appealbus.core.rights.identifiers import KINDS
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Pattern

EVERYTHING = Mask("everything")
"""Hides nothing."""

_TECHNICAL = (
    *("number", "completeness", "outcomes", "gaps", "plan", "not_carried", "unassessed"),
    *("receipt.number", "receipt.accepted_at", "receipt.channel"),
    *("appeal.schema_version", "appeal.number", "appeal.channel", "appeal.kind", "appeal.form", "appeal.language"),
    *("appeal.received_at", "appeal.due_on", "appeal.warnings"),
    *("changes.kind", "changes.dated_at", "changes.channel", "*.*"),
)
TECHNICAL = Mask(
    "technical",
    shows=tuple(map(Pattern.parse, _TECHNICAL)),
    hides=(Pattern.parse("*/*"),),
    identifiers=KINDS,
    process=True,
)
"""Shows no personal data and no content from citizens or registers: only outcomes, sources and times of questions."""

MASKS = {mask.name: mask for mask in (EVERYTHING, TECHNICAL)}
ROLES: dict[Role, tuple[Mask, bool]] = {
    Role.CHANNEL: (TECHNICAL, False),
    Role.REGISTRY: (EVERYTHING, False),
    Role.REVIEWER: (EVERYTHING, True),
    Role.INTEGRATOR: (TECHNICAL, False),
    Role.OPS: (TECHNICAL, False),
    Role.AUDITOR: (TECHNICAL, False),
}
"""By role its mask, and whether each read needs a purpose."""
