"""Rereads kept replies automatically when a plugin was fixed and some of them could not be read before."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import structlog

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.bus.work.dispatcher import Dispatcher
from appealbus.core.bus.work.readings import SETTINGS, readings
from appealbus.core.bus.work.rereading import (
    AppealRead,
    HelperEnds,
    JournalAway,
    OtherReadings,
    RereadProcess,
    WriteResult,
    write_read,
)
from appealbus.core.clocks import monotonic
from appealbus.core.config.loading import Loaded
from appealbus.core.domain.event import BUS, Event, EventType
from appealbus.core.domain.reread_pass import Readings, RereadPass, Stage
from appealbus.core.enrichment.rereading import NOT_STARTED, RereadResult
from appealbus.core.errors import JournalError
from appealbus.core.guards.guard import Guard
from appealbus.core.journal import replies
from appealbus.core.journal import workers as journal_workers
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.replies import ReplyPosition, ReplySpan
from appealbus.core.loading.parts import Parts
from appealbus.core.logs.setup import LogThrottle
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

_POLL = 10.0
"""Seconds between checks whether another worker uses other plugins; reads a few numbers."""
_SAMPLE = 100
"""Appeals of the newest and of the oldest replies, each, read before anything is changed."""
_ABNORMAL = 20
"""One in this many records without gaps may change; with more a person must decide."""
_PAGE = 25
"""Replies per step, the most that are repeated after a crash."""
_REST = 3.0
"""Rest after a step, as a multiple of its duration: uses a quarter of a processor."""
_DEATHS = 3
"""Consecutive appeals that may kill the reading process."""
_AWAY = 30
"""Consecutive checks in which only that process lacks the journal: some minutes."""
_ROUNDS = 5
"""Rounds over appeals that were in work."""
_PAUSE = 4.0
"""Seconds before each of these rounds."""

_REASON = "read otherwise now"
"""Log text of an appeal. It names no lookups, which readers may not be allowed to see."""

_WHY = {
    Stage.STOPPED: "too much would be told otherwise that is not in doubt",
    Stage.FAILED: "the process that reads replies again ends or hangs",
    Stage.OTHER: "the plugins on the disk are not those that run",
}


@dataclass(slots=True)
class _Run:
    now: RereadPass
    process: RereadProcess
    said: Sequence[Event] = ()
    seen: set[int] = field(default_factory=set)
    again: list[int] = field(default_factory=list)
    """Appeals that were in work; they count as left until changed."""

    def add(self, **more: int) -> None:
        counts: dict[str, Any] = {name: getattr(self.now, name) + n for name, n in more.items()}
        self.now = replace(self.now, **counts)


class RereadWatch:
    """Detects changed readings and rereads replies with gaps, on one worker for all."""

    def __init__(
        self,
        journal: Journal,
        loaded: Loaded,
        parts: Parts,
        guards: Mapping[str, Guard],
        *,
        lease: LeaderLease,
        dispatcher: Dispatcher,
    ) -> None:
        self._journal = journal.acting(BUS)
        self._loaded = loaded
        self._parts = parts
        self._guards = guards
        self._lease = lease
        self._dispatcher = dispatcher
        self._looking = True
        self._others: set[str] = set()
        """Sources whose plugins on disk differ from those loaded; this process cannot reread them."""
        self._away = 0
        self._trouble = LogThrottle()
        self.readings: Mapping[str, Readings] | None = None
        """Versions of this worker's readings, by source; None: not yet determined."""

    @property
    def busy(self) -> bool:
        return self._looking and self._lease.held

    async def start(self) -> None:
        self.readings = await asyncio.to_thread(readings, self._loaded, self._parts)

    async def run(self) -> None:
        while True:
            try:
                if self._lease.held:
                    self._looking = True
                    await self._look()
                self._trouble.over()
            except JournalError as error:
                if self._trouble.is_news():
                    log.warning("reread.failed", code=error.code)
            self._looking = False
            await asyncio.sleep(_POLL)

    async def _look(self) -> None:
        before = {reread.source: reread for reread in await self._journal.ask(replies.passes)}
        for source, mine in (self.readings or {}).items():
            was = before.get(source)
            if was is not None:
                was = await self._doubted(was, mine)
            open_stages = (Stage.GOES_ON,) if source in self._others else (Stage.GOES_ON, Stage.OTHER)
            if was is not None and was.readings == mine and was.stage not in open_stages:
                continue
            if any(theirs != mine for theirs in await self._read_with(source, mine)):
                continue  # each worker would undo what another one has mended
            if not await self._journal.ask(replies.newest_with_replies, source, None, 1):
                await self._journal.do(replies.Stands(RereadPass(source, mine)))
            elif self._guards[source].gate.paused_until is None:
                await self._read_again(source, mine, was)

    async def _read_with(self, source: str, mine: Readings) -> list[Readings | None]:
        """Return the readings of each worker; None if it does not report them."""
        workers = await self._journal.ask(journal_workers.workers)
        return [mine, *(None if worker.readings is None else worker.readings.get(source, mine) for worker in workers)]

    async def _doubted(self, was: RereadPass, mine: Readings) -> RereadPass:
        """Record that some worker reads differently, even if briefly; return the updated pass.

        That worker's replies are reread once all workers agree, even if on the old readings.
        """
        read_with = await self._read_with(was.source, mine)
        agreed = {
            name: value
            for name, value in was.readings.items()
            if all(theirs is not None and theirs.get(name, value) == value for theirs in read_with)
        }
        now, said = replace(was, readings=agreed), []
        if was.stage is Stage.GOES_ON and any(theirs != was.readings for theirs in read_with):  # it ends unfinished
            now, said = replace(now, stage=Stage.OVER), [_carried_out(was)]
        if now != was:
            await self._journal.do(replies.Stands(now, said))
        return now

    async def _read_again(self, source: str, mine: Readings, was: RereadPass | None) -> None:
        process = RereadProcess(self._loaded.file, source, readings=mine, deaths=_DEATHS)
        run = _Run(RereadPass(source, mine), process)
        try:
            if was is not None and was.readings == mine and was.stage is Stage.GOES_ON:
                run.now = was
            else:
                before = {} if was is None or was.stage is Stage.OTHER else was.readings
                changed = sorted(name for name in mine if before.get(name) != mine[name])
                what = ", ".join(f"{source} {name}" if name == SETTINGS else name for name in changed)
                reason = f"{_REASON}: {what}"
                run.said = [_event(run.now, EventType.ORDERED, selected_by={"source": source}, reason=reason)]
            await process.read(0)  # it starts before anything is measured: there is no such appeal
            if run.now.stage is not Stage.GOES_ON:
                await self._preview(run)
            while run.now.stage is Stage.GOES_ON and self._may(source):
                run.now = await self._doubted(run.now, mine)
                if run.now.stage is Stage.GOES_ON and not await self._step(run):
                    await self._end(run)
        except JournalAway:
            self._away += 1
            if self._away < _AWAY:
                raise
            await self._stop(run, Stage.FAILED)
        except HelperEnds:
            await self._stop(run, Stage.FAILED)
        except OtherReadings:
            self._others.add(source)
            await self._stop(run, Stage.OTHER)
        finally:
            await process.end(at_once=True)

    def _may(self, source: str) -> bool:
        return self._lease.held and self._guards[source].gate.paused_until is None

    async def _preview(self, run: _Run) -> None:
        """Reread a sample, with gaps and without; continue unless too many would change."""
        source = run.now.source
        for appeal_id, place in await self._sample(source):
            if not self._may(source):
                return
            began, came = monotonic(), to_number(place.at) or 0
            run.now = replace(run.now, at=min(run.now.at or came, came))
            read = await run.process.read(appeal_id)
            read_at_all = [result for result in read.results if result.verdict is not RereadResult.IMPOSSIBLE]
            sure = [
                result for result in read_at_all if not result.gap or result.was.startswith(OutcomeKind.FOUND.value)
            ]
            run.add(compared=len(sure), otherwise=sum(result.otherwise for result in sure))
            await _rest(began)
        if run.now.otherwise * _ABNORMAL > run.now.compared:
            await self._stop(run, Stage.STOPPED)
        else:
            await self._note(run, replace(run.now, stage=Stage.GOES_ON, at=0))

    async def _sample(self, source: str) -> Iterable[tuple[int, ReplyPosition]]:
        """Return appeals of the newest and oldest replies: an agency's changes lie between them."""
        newest = await self._journal.ask(replies.newest_with_replies, source, None, _SAMPLE)
        span = ReplySpan(source, datetime.fromtimestamp(0, UTC), newest[0][1].at) if newest else None
        oldest = await self._journal.ask(replies.appeals_with_replies, span, None, _SAMPLE) if span else []
        return dict([*newest, *oldest]).items()

    async def _step(self, run: _Run) -> bool:
        """Reread the next replies and save improvements; return whether there were any."""
        now, began = run.now, monotonic()
        before = ReplyPosition(now.since, now.id) if now.since else None
        page = await self._journal.ask(replies.newest_with_replies, now.source, before, _PAGE)
        for appeal_id, _ in page:
            if appeal_id not in run.seen:
                run.seen.add(appeal_id)
                await self._mend(run, await run.process.read(appeal_id, gaps=True))
        if page:
            place = page[-1][1]
            await self._note(run, replace(run.now, at=to_number(place.at) or 0, id=place.id))
        await _rest(began)
        return bool(page)

    async def _mend(self, run: _Run, read: AppealRead) -> None:
        gaps = [result for result in read.results if result.gap]
        good = [gap for gap in gaps if gap.after is not None and not gap.otherwise]
        result: WriteResult | JournalError = WriteResult.SAME
        if good:
            mended = replace(read, results=good)
            result = await write_read(self._journal, mended, _REASON, _operation(run.now))
        changed, busy = (
            result is WriteResult.CHANGED,
            result not in (WriteResult.CHANGED, WriteResult.SAME, WriteResult.GONE),
        )
        if busy:
            run.again.append(read.appeal_id)
        left = sum(gap.otherwise or gap.now == NOT_STARTED for gap in gaps)
        run.add(gaps=len(gaps), changed=changed, left=left + busy + read.died)
        if changed:
            self._dispatcher.more()

    async def _end(self, run: _Run) -> None:
        for _ in range(_ROUNDS):
            again, run.again = run.again, []
            await asyncio.sleep(_PAUSE if again else 0)
            for appeal_id in again:
                read = await run.process.read(appeal_id, gaps=True)
                run.add(left=-1, gaps=-sum(result.gap for result in read.results))
                await self._mend(run, read)
        run.said = [_carried_out(run.now)]
        log.warning("appeals.reread", count=run.now.changed, actor=BUS, source=run.now.source)
        await self._note(run, replace(run.now, stage=Stage.OVER))

    async def _stop(self, run: _Run, stage: Stage) -> None:
        of = f": {run.now.otherwise} of {run.now.compared}" if stage is Stage.STOPPED else ""
        run.said = [*run.said, _event(run.now, EventType.STOPPED, reason=_WHY[stage] + of)]
        log.warning("reread.stopped", source=run.now.source, code=stage.name.lower())
        await self._note(run, replace(run.now, stage=stage))

    async def _note(self, run: _Run, now: RereadPass) -> None:
        run.now = now
        await self._journal.do(replies.Stands(now, run.said))
        run.said, self._away = (), 0


def _operation(now: RereadPass) -> str:
    """Return the log's operation id, stable across restarts."""
    return sha256(orjson.dumps([now.source, sorted(now.readings.items())])).hexdigest()[:16]


def _event(now: RereadPass, what: EventType, **detail: object) -> Event:
    return Event(what, None, BUS, "reread", {"hash": _operation(now), **detail})


def _carried_out(now: RereadPass) -> Event:
    return _event(now, EventType.CARRIED_OUT, verdicts={"gaps": now.gaps, "done": now.changed, "left": now.left})


async def _rest(began: float) -> None:
    await asyncio.sleep((monotonic() - began) * _REST)
