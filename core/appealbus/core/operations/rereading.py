"""Kept replies read again, by a process that may die of them or never answer; and what that changes, written down."""

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

from appealbus.core import helper_process
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.pauses import ASKED_ANEW
from appealbus.core.domain.reread_pass import Readings
from appealbus.core.enrichment.rereading import Verdict
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import record_from_json

_HELPER = "appealbus.core.cli.reread_helper"
_FLAGS = ("-P",)
"""Nothing that lies in the working directory is taken for a module."""
_WITHIN = 60.0
"""Seconds until an appeal counts as one that cannot be read again: some hundred questions take a second or two."""
_START = 300.0
"""Seconds for the first answer of a new process, which reads contracts before."""
_LEAVE = 5.0
"""Seconds that it has to end by itself when its input has ended."""
_DEATHS = 10
"""Appeals one after the other that the process may die of: then it is not the replies."""


@dataclass(frozen=True, slots=True)
class QuestionRead:
    """What came of a question; `after` is how it would stand, where that differs."""

    lookup: str
    key: str
    verdict: Verdict
    was: str
    now: str
    fields: Sequence[Sequence[Any]]
    after: Mapping[str, Any] | None = None
    gap: bool = False
    """Whether something of its reply could not be read."""
    otherwise: bool = False
    """Whether something is told otherwise, or no more, that was told without a doubt."""


@dataclass(frozen=True, slots=True)
class AppealRead:
    """What came of an appeal. Without `number` there is no such appeal; `died`: reading it ended the process."""

    appeal_id: int
    number: str | None
    results: Sequence[QuestionRead] = ()
    died: bool = False


class Written(StrEnum):
    """What has become of an appeal that was to be changed; all but the first leave it as it is."""

    CHANGED = "changed"
    SAME = "same"
    """It reads as it stands by now: somebody else has read it again meanwhile, or it was asked again."""
    ANSWERED = "answered"
    """A question got another answer between reading and writing: it can be read again."""
    NOT_KEPT = "not_kept"
    """Its replies were deleted meanwhile, or another answer counts that was not kept."""
    GONE = "gone"
    DIED = "died"


class HelperEnds(JournalError):
    """The process ends, or hangs, whatever it is given."""


class JournalAway(JournalError):
    """The process cannot read the journal now."""


class OtherReadings(AppealBusError):
    """The plugins on the disk read otherwise than those that are loaded."""


class RereadProcess:
    """Reads appeals again in a process of its own, one after the other; a new one where one died.

    Args:
        config: the file of the configuration, if there is one.
        source: of which replies are read; empty: of all.
        values: whether the values of fields are told.
        readings: with what its replies are to be read; None: with whatever is there.
        deaths: appeals one after the other that the process may die of; None: ten.

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
        """Read what is kept of an appeal again; with `gaps` only where something of it could not be read.

        Raises:
            HelperEnds: the process cannot be started, or dies of whatever it is given.
            JournalAway: it cannot read the journal now.
            OtherReadings: it reads with something else than it is to.

        """
        seconds = _WITHIN if self._process is not None else _START
        told: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(seconds):
                told = await self._ask({**self._asks, "id": appeal_id, "gaps": gaps})
        except (TimeoutError, OSError, EOFError, ValueError):
            self._deaths += 1
            if self._deaths >= self._most_deaths:
                raise HelperEnds("the process that reads replies again ends each time it is asked", "busy") from None
            return AppealRead(appeal_id, None, died=True)
        finally:
            if told is None:
                await self.end(at_once=True)
        self._deaths = 0
        if "away" in told:
            await self.end(at_once=True)
            raise JournalAway("the process that reads replies again cannot read the journal", told["away"])
        if told.get("other"):
            raise OtherReadings
        results = [QuestionRead(**{**each, "verdict": Verdict(each["verdict"])}) for each in told["results"]]
        return AppealRead(appeal_id, told["number"], results)

    async def _ask(self, about: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._process is None:
            command = (sys.executable, *_FLAGS, "-m", _HELPER, str(self._config or ""), self._source)
            self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        into, out = helper_process.pipes(self._process)
        asked = orjson.dumps(about)
        into.writelines((f"{len(asked)}\n".encode(), asked))
        await into.drain()
        told: Mapping[str, Any] = orjson.loads(await out.readexactly(int(await out.readuntil(b"\n"))))
        return told

    async def end(self, *, at_once: bool = False) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            await helper_process.end(process, 0.0 if at_once else _LEAVE)


async def write_read(journal: Journal, read: AppealRead, reason: str, operation: str = "") -> Written | JournalError:
    """Write what reading an appeal again has changed; return what became of it, or why it is refused now.

    `operation`: of the bus, whose part it is.

    Raises:
        JournalError: nothing can be written now, of no appeal.

    """
    if read.number is None:
        return Written.DIED if read.died else Written.GONE
    if all(each.after is None for each in read.results):
        unread = all(each.verdict is Verdict.IMPOSSIBLE for each in read.results)
        return Written.NOT_KEPT if unread else Written.SAME
    states = {(state.lookup, state.key): state for state in await journal.states(read.number)}
    anew = [
        _anew(states[each.after["lookup"] or "", each.key], each, each.after)
        for each in read.results
        if each.after is not None and (each.after["lookup"], each.key) in states
    ]
    try:
        count = await journal.reread(read.appeal_id, anew, reason=reason, operation=operation)
    except JournalError as error:
        if error.code not in ("in_work", "held"):
            raise
        return error
    if count is None:
        return Written.GONE
    return Written.CHANGED if count else Written.ANSWERED


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
    was, now = (set((each.unknown if each else None) or ()) for each in (state.provenance, trail))
    differs += [f"{path} known" for path in sorted(was - now)]
    differs += [f"{result.was} → {result.now}"] if result.was != result.now else []
    was_ended_at = datetime.fromisoformat(after["was_ended_at"] or "")
    return Anew(anew, trail.source if trail else "", (state.lookup, was_ended_at), differs)
