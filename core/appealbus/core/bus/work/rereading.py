"""Rereads kept replies in a process that may crash or hang, and saves the changes."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from appealbus.core.domain.case import LookupState
from appealbus.core.domain.pauses import ASKED_ANEW
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.enrichment.rereading import RereadResult
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal import keeping
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.core.process import helpers
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import record_from_json

_HELPER = "appealbus.core.cli.reread_helper"
_FLAGS = ("-P",)
"""Excludes the working directory from imports."""
_WITHIN = 60.0
"""Seconds until an appeal counts as unreadable: some hundred questions take a second or two."""
_START = 300.0
"""Seconds for the first answer of a new process, which reads contracts first."""
_LEAVE = 5.0
"""Seconds to exit by itself after the end of its input."""
_DEATHS = 10
"""Consecutive crashes after which the replies are not the cause."""


@dataclass(frozen=True, slots=True)
class QuestionRead:
    """Result of a question; `after` is the new state, if it differs."""

    lookup: str
    key: str
    verdict: RereadResult
    was: str
    now: str
    fields: Sequence[Sequence[Any]]
    after: Mapping[str, Any] | None = None
    gap: bool = False
    """Whether part of its reply was unreadable."""
    otherwise: bool = False
    """Whether undoubted data changed or vanished."""


@dataclass(frozen=True, slots=True)
class AppealRead:
    """Result of an appeal. Without `number` it does not exist; `died`: the process crashed."""

    appeal_id: int
    number: str | None
    results: Sequence[QuestionRead] = ()
    died: bool = False


class WriteResult(StrEnum):
    """Result of a write; all but the first leave the appeal unchanged."""

    CHANGED = "changed"
    SAME = "same"
    """Reading and state agree by now, after another rereading or question."""
    ANSWERED = "answered"
    """A question was answered in between; rereading is possible."""
    NOT_KEPT = "not_kept"
    """The replies were deleted in between, or the current answer was not kept."""
    GONE = "gone"
    DIED = "died"


class HelperEnds(JournalError):
    """The process crashes or hangs on everything."""


class JournalAway(JournalError):
    """The process cannot read the journal now."""


class OtherReadings(AppealBusError):
    """The plugins on disk differ from the loaded ones."""


class RereadProcess:
    """Rereads appeals one by one in a separate process, which is replaced when it crashes.

    Args:
        source: whose replies are read; empty: all.
        readings: required fingerprints; None: any.
        deaths: allowed consecutive crashes; None: ten.
    """

    def __init__(
        self,
        config: Path | None,
        source: str,
        *,
        values: bool = False,
        readings: Readings | None = None,
        deaths: int | None = None,
    ) -> None:
        self._config = config
        self._source = source
        self._asks = {"source": source, "values": values, "readings": None if readings is None else dict(readings)}
        self._process: Process | None = None
        self._deaths = 0
        self._most_deaths = deaths or _DEATHS

    async def read(self, appeal_id: int, *, gaps: bool = False) -> AppealRead:
        """Reread an appeal; with `gaps` only if part of it was unreadable.

        Raises:
            HelperEnds: the process cannot be started, or crashes on everything.
            JournalAway: it cannot read the journal now.
            OtherReadings: its fingerprints differ from those required.
        """
        seconds = _WITHIN if self._process is not None else _START
        answer: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask({**self._asks, "id": appeal_id, "gaps": gaps})
        except (TimeoutError, OSError, EOFError, ValueError):
            self._deaths += 1
            if self._deaths >= self._most_deaths:
                raise HelperEnds("the process that reads replies again ends each time it is asked", "busy") from None
            return AppealRead(appeal_id, None, died=True)
        finally:
            if answer is None:
                await self.end(at_once=True)
        self._deaths = 0
        if "away" in answer:
            await self.end(at_once=True)
            raise JournalAway("the process that reads replies again cannot read the journal", answer["away"])
        if answer.get("other"):
            raise OtherReadings
        results = [
            QuestionRead(**{**result, "verdict": RereadResult(result["verdict"])}) for result in answer["results"]
        ]
        return AppealRead(appeal_id, answer["number"], results)

    async def _ask(self, about: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._process is None:
            command = (sys.executable, *_FLAGS, "-m", _HELPER, str(self._config or ""), self._source)
            self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        into, out = helpers.pipes(self._process)
        asked = orjson.dumps(about)
        into.writelines((f"{len(asked)}\n".encode(), asked))
        await into.drain()
        answer: Mapping[str, Any] = orjson.loads(await out.readexactly(int(await out.readuntil(b"\n"))))
        return answer

    async def end(self, *, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process is not None:
            await helpers.end(process, 0.0 if at_once else _LEAVE)


async def write_read(
    journal: Journal, read: AppealRead, reason: str, operation: str = ""
) -> WriteResult | JournalError:
    """Save the changes from rereading an appeal; return the result, or the reason of a refusal."""
    if read.number is None:
        return WriteResult.DIED if read.died else WriteResult.GONE
    if all(result.after is None for result in read.results):
        unread = all(result.verdict is RereadResult.IMPOSSIBLE for result in read.results)
        return WriteResult.NOT_KEPT if unread else WriteResult.SAME
    states = {(state.lookup, state.key): state for state in await journal.ask(cases.states, read.number)}
    anew = [
        _anew(states[result.after["lookup"] or "", result.key], result, result.after)
        for result in read.results
        if result.after is not None and (result.after["lookup"], result.key) in states
    ]
    try:
        count = await journal.do(keeping.Reread(read.appeal_id, anew, reason=reason, operation=operation))
    except JournalError as error:
        if error.code not in ("in_work", "held"):
            raise
        return error
    if count is None:
        return WriteResult.GONE
    return WriteResult.CHANGED if count else WriteResult.ANSWERED


def _anew(state: LookupState, result: QuestionRead, after: Mapping[str, str | None]) -> Anew:
    record, provenance = after["record"], after["provenance"]
    trail = None if provenance is None else Provenance.model_validate_json(provenance)
    anew = replace(
        state,
        lookup=result.lookup,
        kind=OutcomeKind(after["kind"] or ""),
        code=after["code"] or "",
        reason=after["reason"] or "",
        ended_at=datetime.fromisoformat(after["ended_at"] or ""),
        # What is still open is asked again when it was to be.
        next_attempt_at=state.next_attempt_at if after["code"] in ASKED_ANEW else None,
        record=None if record is None else record_from_json(record.encode()),
        provenance=trail,
    )
    differs = [f"{path} {how}" for path, how, *_ in result.fields]
    was, now = (set((origin.unknown if origin else None) or ()) for origin in (state.provenance, trail))
    differs += [f"{path} known" for path in sorted(was - now)]
    open_before, open_now = (set((origin.unchecked if origin else None) or ()) for origin in (state.provenance, trail))
    differs += [f"{path} unchecked" for path in sorted(open_now - open_before)]
    differs += [f"{result.was} → {result.now}"] if result.was != result.now else []
    was_ended_at = datetime.fromisoformat(after["was_ended_at"] or "")
    return Anew(anew, trail.source if trail else "", (state.lookup, was_ended_at), differs)
