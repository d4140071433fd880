"""Appeals: lists and searches, one with its questions, and what a person does to it."""

import structlog

from appealbus.core.domain.case import PENDING
from appealbus.core.domain.change import plausible
from appealbus.core.domain.counts import DueMoved, Outline
from appealbus.core.domain.known import KnownLookup
from appealbus.core.domain.selection import (
    OLDEST,
    AppealsFound,
    DeliverySelection,
    ListPosition,
    Selection,
    before_days,
)
from appealbus.core.journal.access import asked
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.cases import cases, outline_page, outlines, records
from appealbus.core.journal.appeals.leases import Retry
from appealbus.core.journal.appeals.lists import (
    appeal_by,
    appeal_of,
    appeal_row,
    appeals,
    appeals_with,
    dossier_of,
    rows_of,
)
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.naming import PARSES, Kind, holder, parcel
from appealbus.core.journal.terms import Moving
from appealbus.core.journal.workers import known
from appealbus.schemas.territory import within

log = structlog.get_logger(__name__)

__all__ = [
    "OLDEST",
    "PARSES",
    "PENDING",
    "AppealsFound",
    "DeliverySelection",
    "DueMoved",
    "Kind",
    "KnownLookup",
    "Moving",
]
__all__ += ["ListPosition", "Outline", "Retry", "Selection"]
__all__ += ["appeal_by", "appeal_of", "appeal_row", "appeals", "appeals_with", "asked", "before_days", "cases"]
__all__ += ["dossier_of", "hold", "holder", "known", "outline_page", "outlines", "parcel", "plausible", "records"]
__all__ += ["release", "rows_of", "within"]


async def hold(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Stop work on an appeal until its release; False if it does not exist. JournalError `held` if already held."""
    done = await journal.do(suspects.Hold(number, by=by, reason=reason, actor=journal.actor))
    if done:
        # The reason is a person's text: it is kept in the journal, and never logged.
        log.warning("case.held_by_hand", number=number, actor=by)
    return done


async def release(journal: Journal, number: str, *, reason: str, by: str) -> bool:
    """Release a held appeal; False if it does not exist. JournalError `not_held` if it is not held."""
    done = await journal.do(suspects.Releasing(number, reason=reason))
    if done:
        log.warning("case.released", number=number, actor=by)
    return done
