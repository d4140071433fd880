"""Records of an appeal: withdraws a misread one, reads kept replies again."""

from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import orjson
import structlog

from appealbus.core.bus.work.rereading import AppealRead, RereadProcess, WriteResult, write_read
from appealbus.core.domain.case import MISREAD, WITHDRAWN, LookupState
from appealbus.core.domain.event import EventType
from appealbus.core.domain.known import KnownLookup
from appealbus.core.enrichment.carrying import asked_with
from appealbus.core.enrichment.rereading import RereadResult
from appealbus.core.journal import documents, keeping, workers
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.schemas.outcome import OutcomeKind

__all__ = ["AppealRead", "RereadProcess", "RereadResult", "WriteResult", "mark", "records", "withdraw", "write_read"]

log = structlog.get_logger(__name__)


async def records(journal: Journal, number: str) -> list[LookupState]:
    """Return the questions with a record in the newest version, in its order and under its names."""
    return [state for state, _ in await _told(journal, number)]


async def _told(journal: Journal, number: str) -> list[tuple[LookupState, list[LookupState]]]:
    """Return these questions with their other stored states, whose records must go, too, or they would come back."""
    raw = await journal.ask(documents.whole, number)
    if raw is None:
        return []
    document = orjson.loads(raw)
    asked = {
        (row["lookup"], row["key"]): tuple((given["name"], given["value"]) for given in row.get("inputs", ()))
        for row in document.get("outcomes", ())
    }
    states = [state for state in await journal.ask(cases.states, number) if state.record is not None]
    known, used = await journal.ask(workers.known), {row["lookup"] for row in document.get("plan", ())}
    facts = []
    for lookup, key in sorted((fact["lookup"], fact["key"]) for fact in document.get("facts", ())):
        names, inputs = _names(lookup, known, used - {lookup}), asked.get((lookup, key), ())
        named = [state for state in states if state.lookup in names]
        rows = [state for state in named if state.key == key or (inputs and asked_with(state.inputs) == inputs)]
        if rows:
            facts.append((replace(max(rows, key=lambda row: row.ended_at), lookup=lookup, key=key), rows))
    return facts


def _names(lookup: str, known: Iterable[KnownLookup], others: Set[str]) -> set[str]:
    """Return all names of a lookup, current and former. Names in use are never former names."""
    names, groups = {lookup}, [{row.lookup, *row.formerly} - others for row in known]
    while more := {name for group in groups if group & names for name in group} - names:
        names |= more
    return names


def mark(number: str, state: LookupState) -> str:
    """Return a mark that identifies a record of an appeal and changes when it is asked again."""
    text = f"{number}/{state.lookup}/{state.key}/{state.ended_at.timestamp()}"
    return sha256(text.encode()).hexdigest()[:16]


def misread(state: LookupState, reason: str, now: datetime) -> LookupState:
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
    """Remove a record from all later versions; the next one reports this with the reason, and drops dependent facts.

    The question stays open until a person repeats it. False if the record is no longer in the newest version.
    JournalError `in_work` while a worker has the appeal, `held` while it is held.
    """
    row = await journal.ask(lists.appeal_row, number)
    if row is None:
        return False
    now = journal.now()
    items = [
        Anew(misread(row, reason, now), row.lookup, (row.lookup, row.ended_at), ())
        for fact, rows in await _told(journal, number)
        if (fact.lookup, fact.key, fact.ended_at) == (state.lookup, state.key, state.ended_at)
        for row in rows
    ]
    done = bool(
        items and await journal.do(keeping.Reread(row.appeal_id, items, reason=reason, what=EventType.RETRACTED))
    )
    if done:
        # The reason is a person's text: it is kept in the journal, and never logged.
        log.warning("record.withdrawn", number=number, lookup=state.lookup, actor=by)
    return done
