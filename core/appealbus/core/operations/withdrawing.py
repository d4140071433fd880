"""Withdrawing a record that was misread: the same for every way in."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import structlog

from appealbus.core.domain.carried import MISREAD
from appealbus.core.domain.case import WITHDRAWN, LookupState
from appealbus.core.domain.event import What
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes.rereading import Anew
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)


async def records(journal: Journal, number: str) -> list[LookupState]:
    """Return the questions of an appeal that have a record, in their order."""
    found = [state for state in await journal.states(number) if state.record is not None]
    return sorted(found, key=lambda state: (state.lookup, state.key))


def mark(number: str, state: LookupState) -> str:
    """Return what tells a record of an appeal from all others, and from what it is when it was asked again."""
    told = f"{number}/{state.lookup}/{state.key}/{state.ended_at.timestamp()}"
    return sha256(told.encode()).hexdigest()[:16]


def misread(state: LookupState, reason: str, now: datetime) -> LookupState:
    """Return how a question stands whose record is withdrawn."""
    return replace(
        state,
        kind=OutcomeKind.INVALID,
        code=WITHDRAWN,
        reason=MISREAD.text.format(reason=reason),
        ended_at=now,
        next_attempt_at=None,
        record=None,
        provenance=None,
        written=None,
    )


async def withdraw(journal: Journal, number: str, state: LookupState, *, reason: str, by: str) -> bool:
    """Take a record out of all versions to come; the next one says so, with the reason, and of what was found by it.

    The question is open then, and is asked again when a person has it asked. False: it has been asked since, or there
    is no such appeal.

    Raises:
        JournalError: with the code `in_work` while a worker has the appeal, with `held` while it is held.

    """
    row = await journal.appeal(number)
    if row is None:
        return False
    anew = misread(state, reason, journal.now())
    item = Anew(anew, state.lookup, (state.lookup, state.ended_at), ())
    done = bool(await journal.reread(row.appeal_id, [item], reason=reason, what=What.RETRACTED))
    if done:
        # The reason is a person's text: it is kept in the journal, and never logged.
        log.warning("record.withdrawn", number=number, lookup=state.lookup, actor=by)
    return done
